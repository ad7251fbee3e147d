"""Masks at another scale."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mask_pictures import HEIGHT, WIDTH, draw_scene, save
from PIL import Image

from vostool.errors import MaskError
from vostool.video.masks.annotation import load_masks
from vostool.video.masks.size import fit_labels


@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_up_and_down_again_is_the_same(factor, seed):
    labels = np.random.default_rng(seed).integers(0, 5, (48, 64), dtype=np.uint8)
    large, notes = fit_labels(labels, (48 * factor, 64 * factor), "first.png")
    np.testing.assert_array_equal(large, labels.repeat(factor, 0).repeat(factor, 1))
    assert notes == (f"resized from 64x48 to {64 * factor}x{48 * factor} (nearest)",)
    np.testing.assert_array_equal(fit_labels(large, (48, 64), "first.png")[0], labels)


@given(st.integers(96, 1080), st.integers(96, 1920), st.floats(0.1, 2))
def test_every_rounding_of_a_scale_fits(height, width, scale):
    small = (max(50, round(height * scale)), max(50, round(height * scale) * width // height))
    labels = np.zeros(small, np.uint8)
    ratio = small[0] * width / (small[1] * height)
    if 0.98 <= ratio <= 1.02:
        assert fit_labels(labels, (height, width), "first.png")[0].shape == (height, width)


@pytest.mark.parametrize(("mask", "frames"), [((480, 854), (1080, 1920)), ((480, 853), (720, 1280)),
                                              ((720, 406), (1920, 1080)), ((1080, 1920), (480, 854))])  # fmt: skip
def test_usual_sizes_fit(mask, frames):
    assert fit_labels(np.ones(mask, np.uint8), frames, "first.png")[0].shape == frames


OTHER_SHAPES = [
    ((480, 640), (480, 854)),
    ((1080, 1920), (1088, 1440)),
    ((100, 100), (90, 100)),
    ((480, 854), (854, 480)),
    ((20, 30), (21, 30)),
]


@pytest.mark.parametrize(("mask", "frames"), OTHER_SHAPES)
def test_other_shapes_do_not(mask, frames):
    with pytest.raises(MaskError, match=f"is {mask[1]}x{mask[0]} but the frames are {frames[1]}x{frames[0]}"):
        fit_labels(np.ones(mask, np.uint8), frames, "first.png")


def test_resizing_equals_pillow(tmp_path):
    picture = draw_scene([1, 2, 3])
    annotation = load_masks(save(picture, tmp_path), (HEIGHT * 3, WIDTH * 3))
    wanted = picture.resize((WIDTH * 3, HEIGHT * 3), Image.Resampling.NEAREST)
    np.testing.assert_array_equal(annotation.labels, np.asarray(wanted))
    assert annotation.notes == ("resized from 160x96 to 480x288 (nearest)",)


@given(st.integers(50, 300), st.integers(50, 300))
def test_pixels_are_taken_from_under_their_centres(have, want):
    labels = np.tile(np.arange(have, dtype=np.int64) % 251, (have, 1)).astype(np.uint8)
    resized, _ = fit_labels(labels, (want, want), "first.png")
    centres = [math.floor((place + Fraction(1, 2)) * have / want) for place in range(want)]
    np.testing.assert_array_equal(resized[0], labels[0, centres])


def test_what_does_not_survive_is_named():
    labels = np.zeros((200, 300), np.uint8)
    labels[:100] = 1
    labels[150, 3] = 7
    notes = fit_labels(labels, (20, 30), "first.png")[1]
    assert notes[1] == "too small to survive that: object 7"
