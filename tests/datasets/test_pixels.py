"""Values of masks: read as they are or with care, and what they mean in a clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mask_pictures import BLUE, RED, draw_scene, smooth_scene, with_palette
from PIL import Image

from vostool.datasets.pixels import (
    map_in_threads,
    number_objects,
    present_values,
    read_size,
    read_values,
    shrink_image,
    shrink_labels,
)
from vostool.errors import MaskError
from vostool.video.reading.images import read_image


def values_in(folder: Path, image: Image.Image, *, holds_ids: bool = False) -> set[int]:
    path = folder / "mask.png"
    image.save(path)
    return set(present_values(read_values(path, holds_ids=holds_ids)))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (with_palette(np.array([[0, 1, 7, 200, 255]])), {1, 7, 200, 255}),
        (draw_scene([1, 2, 255]), {1, 2, 255}),
        (draw_scene([255]), {255}),
        (draw_scene([128]), {128}),
        (draw_scene([1], "1"), {1}),
        (draw_scene([255, 255]).convert("RGBA"), {1}),
        (smooth_scene([255]), {1}),
        (draw_scene([RED, BLUE], "RGB"), {1, 2}),
        (draw_scene([0]), set()),
    ],
    ids=["indexed", "grey", "white", "one-grey", "bits", "opaque", "soft", "colours", "empty"],
)
def test_values(tmp_path: Path, image: Image.Image, expected: set[int]) -> None:
    assert values_in(tmp_path, image) == expected


def test_many_grey_ids(tmp_path: Path) -> None:
    """More than a clip may have, as in photographs of a hundred mushrooms."""
    image = Image.fromarray(np.repeat(np.arange(1, 121, dtype=np.uint8)[None], 9, axis=0))
    assert values_in(tmp_path, image, holds_ids=True) == set(range(1, 121))


def test_damaged_masks(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    draw_scene([255]).save(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(MaskError, match=r"mask\.png is truncated or damaged"):
        read_values(path)


@pytest.mark.parametrize(
    ("masks", "year", "expected"),
    [
        ([{255}, {255}, set()], None, {255: 1}),
        ([{38}, {38}], None, {38: 1}),
        ([{1}, {255}], None, {1: 1, 255: 1}),
        ([{1, 255}, {255}, {1}], None, {1: 1, 255: 0}),
        ([{1, 2}, {255}], None, {1: 1, 2: 2, 255: 0}),
        ([{2}, {2, 9, 4}], None, {2: 1, 4: 2, 9: 3}),
        ([{255}, {1, 3}], 2016, {1: 1, 3: 1, 255: 1}),
        ([{255}, {3}], 2017, {3: 1, 255: 0}),
        ([], None, {}),
    ],
)
def test_what_values_mean(masks: list[set[int]], year: int | None, expected: dict[int, int]) -> None:
    table = number_objects([frozenset(mask) for mask in masks], year)
    assert {value: int(table[value]) for value in expected} == expected
    assert table[0] == 0
    if masks:
        values = sorted(set().union(*masks))
        assert set(table[values].tolist()) | {0} == set(range(int(table.max()) + 1))


def test_pictures_shrink_and_never_grow() -> None:
    generator = np.random.default_rng(0)
    image = generator.integers(0, 256, (12, 18, 3), dtype=np.uint8)
    np.testing.assert_array_equal(shrink_image(image, 12), image)
    blocks = image.reshape(6, 2, 9, 2, 3).mean(axis=(1, 3))
    assert np.abs(shrink_image(image, 6) - blocks).max() <= 1
    assert shrink_image(np.zeros((100, 31, 3), np.uint8), 10).shape == (32, 10, 3)


def test_masks_shrink_to_the_centres_of_what_they_cover() -> None:
    mask = np.zeros((30, 45), np.uint8)
    mask[1::3, 1::3] = 7
    np.testing.assert_array_equal(shrink_labels(mask, 10), np.full((10, 15), 7))
    np.testing.assert_array_equal(shrink_labels(mask, 40), mask)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_size_is_that_of_the_upright_picture(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (18, 12)).save(tmp_path / "a.jpg", exif=exif)
    image = read_image(tmp_path / "a.jpg")
    assert image is not None
    assert read_size(tmp_path / "a.jpg") == image.shape[:2]
    (tmp_path / "b.jpg").write_text("no picture")
    assert read_size(tmp_path / "b.jpg") is None


def test_threads_keep_the_order_and_pass_errors_on() -> None:
    assert map_in_threads(lambda number: number**2, range(50)) == [number**2 for number in range(50)]
    with pytest.raises(ZeroDivisionError):
        map_in_threads(lambda number: 1 // number, [1, 0])
