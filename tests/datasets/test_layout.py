"""DAVIS layout: what is found with and without its optional parts, and what masks mean in each year."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vostool.datasets.layout import (
    VALIDATION_SEQUENCES,
    find_mask_folders,
    find_sequences,
    list_images,
    read_labels,
    read_split,
)
from vostool.errors import InputError, MaskError, UsageError


def write_picture(path: Path, pixels: np.ndarray | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((4, 6, 3), np.uint8) if pixels is None else pixels).save(path)
    return path


def make_data_set(root: Path, resolution: str = "480p", suffix: str = ".jpg") -> Path:
    for name in ("whale", "ant"):
        for index in (0, 2, 10):
            write_picture(root / "JPEGImages" / resolution / name / f"{index}{suffix}")
            write_picture(root / "Annotations" / resolution / name / f"{index}.png", np.ones((4, 6), np.uint8))
    return root


@pytest.mark.parametrize("resolution", ["480p", ""])
@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".PNG"])
def test_finds_sequences_in_order(tmp_path: Path, resolution: str, suffix: str) -> None:
    sequences = find_sequences(make_data_set(tmp_path, resolution, suffix))
    assert [sequence.name for sequence in sequences] == ["ant", "whale"]
    assert [path.stem for path in sequences[0].frame_files] == ["0", "2", "10"]
    assert [path.name for path in sequences[0].mask_files] == ["0.png", "2.png", "10.png"]
    assert sequences[1].image_folder == tmp_path / "JPEGImages" / resolution / "whale"


def test_chosen_sequences_keep_their_order(tmp_path: Path) -> None:
    assert [each.name for each in find_sequences(make_data_set(tmp_path), ["whale", "ant"])] == ["whale", "ant"]


def test_unknown_sequence_is_named_with_those_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no sequence bee in .*; it holds ant, whale"):
        find_sequences(make_data_set(tmp_path), ["ant", "bee"])


def test_another_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder JPEGImages"):
        find_sequences(tmp_path)
    (tmp_path / "JPEGImages" / "480p").mkdir(parents=True)
    (tmp_path / "Annotations").mkdir()
    with pytest.raises(InputError, match="no sequence in"):
        find_sequences(tmp_path)


def test_sequence_without_masks_is_refused(tmp_path: Path) -> None:
    write_picture(make_data_set(tmp_path) / "JPEGImages/480p/bee/0.jpg")
    with pytest.raises(InputError, match="sequence bee has no masks"):
        find_sequences(tmp_path)


@pytest.mark.parametrize("inner", ["", "Annotations", "Annotations/480p"])
def test_mask_folders_are_found_at_each_level(tmp_path: Path, inner: str) -> None:
    folders = find_mask_folders(make_data_set(tmp_path) / inner)
    assert folders == [tmp_path / "Annotations/480p/ant", tmp_path / "Annotations/480p/whale"]


def test_missing_mask_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        find_mask_folders(tmp_path / "nothing")


def test_split_is_optional(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no list of the sequences of val"):
        read_split(tmp_path, "val", 2017)
    (tmp_path / "ImageSets/2017").mkdir(parents=True)
    (tmp_path / "ImageSets/2017/val.txt").write_text("whale\nant\n\n")
    assert read_split(tmp_path, "val", 2017) == ("whale", "ant")


def test_natural_order_leaves_other_files_out(tmp_path: Path) -> None:
    for name in ("10.png", "9.png", "b2.png", "b10.png", ".hidden.png"):
        write_picture(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    assert [path.name for path in list_images(tmp_path)] == ["9.png", "10.png", "b2.png", "b10.png"]


LABELS = np.array([[0, 1, 2, 255]], np.uint8)


def test_labels_of_2017_are_ids(tmp_path: Path) -> None:
    indexed = Image.fromarray(LABELS)
    indexed.putpalette(list(range(256)) * 3)
    indexed.save(tmp_path / "indexed.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "indexed.png", 2017), LABELS)
    np.testing.assert_array_equal(read_labels(write_picture(tmp_path / "grey.png", LABELS), 2017), LABELS)


def test_labels_of_2016_are_one_object(tmp_path: Path) -> None:
    colours = np.zeros((1, 4, 3), np.uint8)
    colours[0, 1:, 2] = 200
    for name, pixels in {"grey": LABELS, "colours": colours, "bits": LABELS > 0}.items():
        labels = read_labels(write_picture(tmp_path / f"{name}.png", pixels), 2016)
        np.testing.assert_array_equal(labels, [[0, 1, 1, 1]])


def test_opaque_background_is_background(tmp_path: Path) -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[..., 3] = 255
    assert not read_labels(write_picture(tmp_path / "a.png", pixels), 2016).any()


def test_masks_that_hold_no_ids_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MaskError, match="holds colours"):
        read_labels(write_picture(tmp_path / "a.png"), 2017)
    with pytest.raises(MaskError, match="is missing"):
        read_labels(tmp_path / "none.png", 2017)
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(MaskError, match=r"text\.png cannot be read"):
        read_labels(tmp_path / "text.png", 2017)


def test_validation_sequences_are_in_the_shared_data(shared_folder: Path) -> None:
    sequences = find_sequences(shared_folder / "data" / "davis2016-train", VALIDATION_SEQUENCES)
    assert all(len(each.frame_files) == len(each.mask_files) >= 25 for each in sequences)
