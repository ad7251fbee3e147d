"""One picture per object."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mask_pictures import HEIGHT, WIDTH, photograph, save, with_palette
from PIL import Image

from vostool.errors import MaskError, UsageError
from vostool.video.masks.objects import (
    load_object_folder,
    load_object_masks,
    parse_object_option,
    parse_object_options,
)

SIZE = (HEIGHT, WIDTH)


def box(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    area = np.zeros(SIZE, np.uint8)
    area[top:bottom, left:right] = 1
    return area


A, B = box(5, 5, 45, 65), box(80, 20, 140, 90)


def write(folder, **areas) -> dict[str, Path]:
    return {name: save(Image.fromarray(area * np.uint8(255)), folder, f"{name}.png") for name, area in areas.items()}


@given(st.integers(1, 255), st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_option_round_trip(number, name):
    path = Path(name.strip() or "a")
    assert parse_object_option(f"{number}={path}") == (number, path)


@pytest.mark.parametrize(
    "text", ["a.png", "=a.png", "1=", "1= ", "x=a.png", "0=a.png", "256=a.png", "-1=a.png", "1.5=a", "²=a"]
)
def test_wrong_options(text):
    with pytest.raises(UsageError, match="--object"):
        parse_object_option(text)


def test_duplicate_ids():
    assert parse_object_options(["2=b.png", "1=a=1.png"]) == {2: Path("b.png"), 1: Path("a=1.png")}
    with pytest.raises(UsageError, match=r"--object 1 is given twice, as a\.png and b\.png"):
        parse_object_options(["1=a.png", "2=c.png", "1=b.png"])


def test_two_objects(tmp_path):
    paths = write(tmp_path, a=A, b=B)
    annotation = load_object_masks({7: paths["b"], 3: paths["a"]}, SIZE, frame_index=4)
    assert annotation.object_ids == (3, 7)
    assert annotation.frame_index == 4
    assert annotation.kind == "one picture per object"
    np.testing.assert_array_equal(annotation.labels, A * 3 + B * 7)


def test_every_kind_of_picture_is_one_object(tmp_path):
    pictures = {
        "indexed.png": with_palette(A * 9),
        "grey.png": Image.fromarray(A * np.uint8(127)),
        "trimap.png": Image.fromarray(A * np.uint8(255) + B * np.uint8(60)),
        "several.png": Image.fromarray(np.where(B > 0, 0, A * np.uint8(2)) + box(5, 5, 20, 65)),
        "bit.png": Image.fromarray(A * np.uint8(255)).convert("1"),
        "colour.png": Image.fromarray(A[..., None] * np.array([200, 10, 60], np.uint8)),
        "alpha.png": Image.merge("LA", [Image.new("L", (WIDTH, HEIGHT)), Image.fromarray(A * np.uint8(255))]),
        "noisy.jpg": Image.fromarray(A * np.uint8(255)),
    }
    for name, picture in pictures.items():
        annotation = load_object_masks({5: save(picture, tmp_path, name)}, SIZE)
        np.testing.assert_array_equal(annotation.labels, A * 5, err_msg=name)


def test_object_pictures_are_resized_and_it_is_said(tmp_path):
    paths = write(tmp_path, a=A)
    annotation = load_object_masks({1: paths["a"]}, (HEIGHT * 2, WIDTH * 2))
    np.testing.assert_array_equal(annotation.labels, A.repeat(2, 0).repeat(2, 1))
    assert annotation.notes == ("a.png: resized from 160x96 to 320x192 (nearest)",)


def test_small_overlap_goes_to_the_later(tmp_path):
    paths = write(tmp_path, a=box(0, 0, 60, 60), b=box(59, 59, 140, 90))
    annotation = load_object_masks({1: paths["a"], 2: paths["b"]}, SIZE)
    assert annotation.labels[59, 59] == 2
    assert annotation.notes[0].startswith("objects 1 and 2 overlap on 1 pixels, ")
    assert load_object_masks({2: paths["b"], 1: paths["a"]}, SIZE).labels[59, 59] == 1


@pytest.mark.parametrize(("num_shared", "is_refused"), [(19, False), (20, False), (21, True)])
def test_overlap_limit_is_one_percent_of_what_either_marks(tmp_path, num_shared, is_refused):
    # 40 rows of 50 columns in all, cut so that both together mark 2000 pixels.
    union, first = np.zeros(2000, bool), np.zeros(2000, bool)
    union[:] = True
    first[:1000] = True
    second = union & ~first
    second[1000 - num_shared : 1000] = True
    areas = {}
    for name, flat in (("a", first), ("b", second)):
        areas[name] = np.zeros(SIZE, np.uint8)
        areas[name][10:50, 20:70] = flat.reshape(40, 50)
    paths = write(tmp_path, **areas)
    masks = {1: paths["a"], 2: paths["b"]}
    if not is_refused:
        assert load_object_masks(masks, SIZE).object_ids == (1, 2)
        return
    with pytest.raises(MaskError, match=r"objects 1 and 2 overlap on 21 pixels, 1\.1 % of the two; at most 1 %"):
        load_object_masks(masks, SIZE)


def test_wholly_hidden_object(tmp_path):
    paths = write(tmp_path, a=box(10, 10, 12, 12), b=box(0, 0, 100, 90))
    with pytest.raises(MaskError, match=r"object 1 \(a\.png\) lies wholly under later objects"):
        load_object_masks({1: paths["a"], 2: paths["b"]}, SIZE)


def test_empty_object_is_named(tmp_path):
    paths = write(tmp_path, a=A, b=B * 0)
    with pytest.raises(MaskError, match=r"object 2 is empty, no pixel of b\.png marks it"):
        load_object_masks({1: paths["a"], 2: paths["b"]}, SIZE)


def test_photograph_as_object(tmp_path):
    with pytest.raises(MaskError, match="no palette"):
        load_object_masks({1: save(photograph(), tmp_path)}, SIZE)


@pytest.mark.parametrize("masks", [{}, {0: "a.png"}, {256: "a.png"}])
def test_wrong_ids(masks):
    with pytest.raises(UsageError):
        load_object_masks(masks, SIZE)


def test_object_of_another_shape(tmp_path):
    paths = write(tmp_path, a=A, b=B[:, :100])
    with pytest.raises(MaskError, match=r"b\.png is 100x96 but the frames are 160x96"):
        load_object_masks({1: paths["a"], 2: paths["b"]}, SIZE)
    with pytest.raises(MaskError, match=r"b\.png is 100x96 but the frames are 160x96"):
        load_object_masks({1: paths["a"], 2: paths["b"]}, None)


def test_folder_ids_from_names(tmp_path):
    write(tmp_path, take2_person10=A, take2_dog3=B)
    (tmp_path / "notes.txt").write_text("no picture")
    annotation = load_object_folder(tmp_path, SIZE)
    np.testing.assert_array_equal(annotation.labels, A * 10 + B * 3)
    assert annotation.notes == ("ids are the last integer in the file names",)
    assert annotation.source == tmp_path.name


@pytest.mark.parametrize("names", [("dog", "person"), ("a2", "a10"), ("f0", "f1"), ("x1", "y1"), ("1", "300")])
def test_folder_ids_from_order(tmp_path, names):
    write(tmp_path, **dict(zip(names, (A, B), strict=True)))
    annotation = load_object_folder(tmp_path, SIZE)
    expected = A * 2 + B * 10 if names == ("a2", "a10") else A * 1 + B * 2
    np.testing.assert_array_equal(annotation.labels, expected)
    rule = "last integer in" if names == ("a2", "a10") else "order of"
    assert rule in annotation.notes[0]


def test_folders_that_hold_nothing_to_read(tmp_path):
    with pytest.raises(MaskError, match="has no pictures, only 0 other files"):
        load_object_folder(tmp_path, SIZE)
    with pytest.raises(MaskError, match="does not exist"):
        load_object_folder(tmp_path / "absent", SIZE)
    with pytest.raises(MaskError, match="is a file"):
        load_object_folder(save(with_palette(A), tmp_path), SIZE)


def test_folder_with_70_pictures(tmp_path):
    for number in range(70):
        (tmp_path / f"{number}.png").touch()
    with pytest.raises(MaskError, match="has 70 pictures, more than the 64"):
        load_object_folder(tmp_path, SIZE)
