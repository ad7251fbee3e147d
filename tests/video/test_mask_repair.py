"""Blurred edges go back to what was painted, and nothing appears that was not there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mask_pictures import BLUE, GREEN, RED, draw_scene, save, smooth_scene, with_palette
from PIL import Image, ImageDraw, ImageFilter

from vostool.errors import MaskError
from vostool.video.colour.palette import davis_palette
from vostool.video.masks.annotation import load_masks
from vostool.video.masks.colours import local_range, number_colours
from vostool.video.masks.kinds import label_picture
from vostool.video.masks.picture import MaskPicture
from vostool.video.masks.repair import repair_edges

SCALE = 4
FILTERS = [Image.Resampling.LANCZOS, Image.Resampling.BOX, Image.Resampling.BICUBIC, Image.Resampling.HAMMING]


@st.composite
def label_maps(draw) -> np.ndarray:
    """Rectangles and ellipses of 1 to 6 objects over each other, 480x640, none thinner than a few pixels at 1/4."""
    labels = Image.new("L", (640, 480))
    pen = ImageDraw.Draw(labels)
    for number in range(1, draw(st.integers(1, 6)) + 1):
        left, top = draw(st.integers(0, 500)), draw(st.integers(0, 360))
        width, height = draw(st.integers(60, 240)), draw(st.integers(60, 200))
        shape = pen.rectangle if draw(st.booleans()) else pen.ellipse
        shape([left, top, left + width, top + height], fill=number)
    return np.asarray(labels)


def shrink(picture: Image.Image, resample: Image.Resampling) -> Image.Image:
    return picture.resize((picture.width // SCALE, picture.height // SCALE), resample)


def certain(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ids of the shrunk map and where they are beyond doubt: the block of pixels beneath holds one id."""
    blocks = labels.reshape(labels.shape[0] // SCALE, SCALE, labels.shape[1] // SCALE, SCALE)
    lowest, highest = blocks.min(axis=(1, 3)), blocks.max(axis=(1, 3))
    return lowest, lowest == highest


def detect(values: np.ndarray) -> np.ndarray:
    return label_picture(MaskPicture("first.png", "RGB PNG", values)).ids


@given(label_maps(), st.sampled_from(FILTERS))
def test_smoothed_colours_get_their_ids_back(labels, resample):
    smooth = shrink(Image.fromarray(davis_palette()[labels]), resample)
    ids = detect(np.asarray(smooth))
    wanted, is_certain = certain(labels)
    assert set(np.unique(ids)) <= set(np.unique(labels))
    # A filter with lobes moves the border of thin remains by a pixel at most.
    border = np.subtract(*local_range(wanted, 2)[::-1]) > 0
    np.testing.assert_array_equal(ids[is_certain & ~border], wanted[is_certain & ~border])
    assert (ids[is_certain] == wanted[is_certain]).mean() > 0.99


@given(label_maps(), st.sampled_from(FILTERS))
def test_smoothed_binary_is_cut_in_the_middle(labels, resample):
    smooth = np.asarray(shrink(Image.fromarray(((labels > 0) * 255).astype(np.uint8)), resample))
    np.testing.assert_array_equal(detect(smooth), smooth >= 128)


@given(label_maps(), st.sampled_from(FILTERS))
def test_smoothed_ids_hold_no_other_ids(labels, resample):
    """Ids that were resized like brightness; the bands of a third id are taken out."""
    ids = detect(np.asarray(shrink(Image.fromarray(labels), resample)))
    # Less than a speck may remain: it would be named.
    assert np.isin(ids, np.unique(labels), invert=True).sum() < 16


@given(label_maps())
def test_clean_maps_stay_as_they_are(labels):
    small = labels[::SCALE, ::SCALE]
    np.testing.assert_array_equal(detect(small), small)
    np.testing.assert_array_equal(detect(davis_palette()[small]), small)


@given(st.integers(0, 2**32 - 1), st.integers(1, 64), st.integers(1, 12))
def test_indexed_round_trip(seed, num_ids, side):
    """Any map of any ids, noise included, as an indexed picture."""
    random = np.random.default_rng(seed)
    ids = random.choice(np.arange(1, 255), num_ids, replace=False)
    labels = (
        np.append(ids, 0)[random.integers(0, num_ids + 1, (24, 32))].repeat(side, 0).repeat(side, 1).astype(np.uint8)
    )
    picture = MaskPicture("first.png", "indexed PNG", labels, palette=davis_palette())
    np.testing.assert_array_equal(label_picture(picture).ids, labels)


def test_note_counts_levels_and_pixels(tmp_path):
    picture = smooth_scene([255])
    levels = np.asarray(picture)
    num_levels = len(np.unique(levels))
    share = 100 * ((levels > 0) & (levels < 255)).mean()
    annotation = load_masks(save(picture, tmp_path), levels.shape)
    wanted = (
        f"{num_levels} grey levels: {num_levels - 2} are edge blur ({share:.1f} % of pixels), snapped to {{0, 255}}"
    )
    assert annotation.notes == (wanted,)


def test_colour_note(tmp_path):
    picture = smooth_scene([RED, GREEN, BLUE], "RGB")
    num_colours = len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0))
    annotation = load_masks(save(picture, tmp_path), None)
    assert annotation.object_ids == (1, 2, 3)
    assert annotation.notes[0].startswith(f"{num_colours} colours: {num_colours - 4} are edge blur or noise (")


@pytest.mark.parametrize("factor", [2, 3])
def test_enlarged_colours(factor, tmp_path):
    labels = np.asarray(draw_scene([1, 2, 3, 7]))
    size = (labels.shape[1] * factor, labels.shape[0] * factor)
    picture = Image.fromarray(davis_palette()[labels]).resize(size, Image.Resampling.BICUBIC)
    annotation = load_masks(save(picture, tmp_path), None)
    assert annotation.object_ids == (1, 2, 3, 7)


@pytest.mark.parametrize("number", [3, 8])
def test_a_thin_line_with_hard_edges_is_an_object(number):
    labels = np.asarray(draw_scene([1, 2])).copy()
    # Id 8 has half the red of id 1.
    labels[90, 10:150] = number
    np.testing.assert_array_equal(detect(labels), labels)
    np.testing.assert_array_equal(detect(davis_palette()[labels]), labels)


def test_a_tiny_object_of_its_own_colour_survives_among_blurred_ones():
    values = np.array(smooth_scene([RED, RED], "RGB"))
    values[2:4, 3:9] = (0, 0, 255)
    ids = detect(values)
    assert (ids == 1).sum() == 12


def test_the_tail_of_a_blur_is_no_object():
    values = np.array(smooth_scene([255]).resize((320, 192), Image.Resampling.BILINEAR))
    labels = values >= 128
    values[10:180, 70:74] = 3
    np.testing.assert_array_equal(detect(values), labels)


def test_a_photograph_between_black_and_white_is_refused():
    values = np.zeros((96, 160, 3), np.uint8)
    values[:, 60:] = 255
    for row in range(96):
        # A wedge: where it is thin, it could pass for a blurred edge.
        width = 2 + row // 2
        values[row, 60 : 60 + width] = np.random.default_rng(row).integers(0, 256, (width, 3))
    with pytest.raises(MaskError, match="distinct colours and no palette"):
        detect(values)


def test_stars_are_no_matte():
    random = np.random.default_rng(0)
    values = random.integers(0, 20, (96, 160), dtype=np.uint8)
    values.ravel()[random.choice(values.size, 300, replace=False)] = 255
    with pytest.raises(MaskError, match="grey levels and no palette"):
        detect(values)


def test_a_small_object_that_touches_a_larger_id_survives():
    labels = np.zeros((60, 80), np.uint8)
    labels[10:40, 10:60] = 3
    labels[40:42, 20:40] = 1
    np.testing.assert_array_equal(detect(labels), labels)


def test_resized_ids_are_repaired_and_said(tmp_path):
    labels = draw_scene([1, 2, 3])
    smooth = labels.resize((labels.width * 2, labels.height * 2), Image.Resampling.BICUBIC)
    annotation = load_masks(save(smooth, tmp_path), None)
    # The right-most disc is 3: no 1 or 2 may ring it.
    assert set(np.unique(annotation.labels[:, labels.width * 4 // 3 :])) == {0, 3}
    assert "resized like brightness" in annotation.notes[0]


@pytest.mark.parametrize("blur", [1, 2, 4])
def test_blur_is_cut_in_the_middle(blur):
    matte = np.asarray(draw_scene([255]).filter(ImageFilter.GaussianBlur(blur)))
    np.testing.assert_array_equal(detect(matte), matte >= 128)


def test_blur_without_an_end_is_refused():
    with pytest.raises(MaskError, match="grey levels and no palette"):
        detect(np.asarray(draw_scene([255], scale=5).filter(ImageFilter.GaussianBlur(60))))


def test_number_colours_equals_sorting_pixels():
    values = np.random.default_rng(0).integers(0, 4, (40, 50, 3), dtype=np.uint8) * 80
    table = number_colours(values)
    wanted, inverse, counts = np.unique(values.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    np.testing.assert_array_equal(table.colours, wanted)
    np.testing.assert_array_equal(table.numbers.ravel(), inverse.ravel())
    np.testing.assert_array_equal(table.counts, counts)


@pytest.mark.parametrize("radius", [1, 3])
def test_local_range_equals_windows(radius):
    values = np.random.default_rng(1).integers(0, 256, (17, 23), dtype=np.uint8)
    lowest, highest = local_range(values, radius)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, radius, "edge"), (2 * radius + 1,) * 2)
    np.testing.assert_array_equal(lowest, windows.min(axis=(2, 3)))
    np.testing.assert_array_equal(highest, windows.max(axis=(2, 3)))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2), (3, 3)])
def test_pictures_smaller_than_a_window(shape):
    labels = np.arange(shape[0] * shape[1], dtype=np.uint8).reshape(shape)
    repair = repair_edges(number_colours(labels))
    assert repair is not None
    np.testing.assert_array_equal(repair.colours[repair.numbers, 0], labels)


def test_indexed_pictures_are_never_repaired(tmp_path):
    labels = np.asarray(draw_scene([1, 3]).resize((320, 192), Image.Resampling.BILINEAR))
    annotation = load_masks(save(with_palette(labels), tmp_path), None)
    np.testing.assert_array_equal(annotation.labels, labels)
