"""Mattes that are cleaned, grown, shrunk and softened."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vostool.propagation.matte import box_of, clean, feather, grow, to_labels, within_one

SIZE = 41


def disc(radius: float, *, at: tuple[int, int] = (20, 20)) -> np.ndarray:
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return (np.hypot(rows - at[0], columns - at[1]) <= radius).astype(np.float32)


def left_of(column: float) -> np.ndarray:
    """Everything left of a vertical edge, with a partly covered column."""
    coverage = np.clip(column - np.arange(SIZE), 0, 1)
    return np.tile(coverage, (SIZE, 1)).astype(np.float32)


planes = arrays.arrays(np.float32, (3, 7, 9), elements=st.floats(0, 1, width=32))


@pytest.mark.parametrize("pixels", [1, 4, 5.5, -1, -3, -6.25])
def test_edges_move_by_the_pixels_asked_for(pixels: float) -> None:
    grown = grow(left_of(20)[None], pixels)[0]
    assert grown[20].sum() == pytest.approx(20 + pixels, abs=1e-5)
    assert np.ptp(grown, axis=0).max() == 0


@pytest.mark.parametrize("pixels", [3, 8, -5])
def test_discs_stay_discs(pixels: float) -> None:
    grown = grow(disc(10)[None], pixels)[0] > 0.5
    assert not (grown & (disc(10 + pixels + 1.5) == 0)).any()
    assert grown[disc(10 + pixels - 1.5) > 0].all()


def test_soft_edges_keep_their_shape() -> None:
    soft = feather(left_of(15)[None], 4)
    np.testing.assert_allclose(grow(soft, 6)[0, 20, 10:], soft[0, 20, 4:-6], atol=1e-5)


def test_objects_do_not_grow_into_each_other() -> None:
    left, right = left_of(20), 1 - left_of(20)
    np.testing.assert_array_equal(grow(np.stack([left, right]), 5), np.stack([left, right]))


def test_the_seam_between_objects_stays_closed_when_they_shrink() -> None:
    left, right = disc(12) * left_of(20), disc(12) * (1 - left_of(20))
    shrunk = grow(np.stack([left, right]), -3)
    np.testing.assert_allclose(shrunk.sum(axis=0), grow(disc(12)[None], -3)[0], atol=1e-6)
    assert shrunk[0, 20, 19] == shrunk[1, 20, 20] == 1


def test_cleaning_stretches_what_is_between() -> None:
    ramp = np.linspace(0, 1, 11, dtype=np.float32).reshape(1, 1, 11)
    expected = np.clip((ramp - 0.2) / 0.5, 0, 1)
    np.testing.assert_allclose(clean(ramp, 0.2, 0.3), expected, atol=1e-6)


def test_a_feather_is_as_wide_as_asked_for() -> None:
    """Two standard deviations: 97.7 % at so many pixels from the edge, which lies half a pixel beside a centre."""
    profile = feather(left_of(20)[None], 8)[0, 20]
    assert profile[11] > 0.975 > profile[13]
    assert profile[19] == pytest.approx(1 - profile[20], abs=1e-5)
    assert profile[0] == pytest.approx(1, abs=1e-5)


@settings(max_examples=30)
@given(planes, st.floats(-3, 3), st.floats(0.25, 4), st.floats(0, 0.4))
def test_alpha_stays_alpha(found: np.ndarray, pixels: float, width: float, part: float) -> None:
    alpha = within_one(found)
    before = alpha.copy()
    for changed in (alpha, grow(alpha, pixels), feather(alpha, width), clean(alpha, part, part)):
        assert changed.dtype == np.float32
        assert changed.min() >= -1e-6
        assert changed.sum(axis=0).max() <= 1 + 1e-5
    np.testing.assert_array_equal(alpha, before)


@given(planes)
def test_labels_are_those_of_the_likeliest(found: np.ndarray) -> None:
    alpha = within_one(found)
    background = 1 - alpha.sum(axis=0, keepdims=True)
    expected = np.array([0, 3, 7, 9])[np.concatenate([background, alpha]).argmax(axis=0)]
    np.testing.assert_array_equal(to_labels(alpha, (3, 7, 9)), expected)


def test_boxes() -> None:
    plane = np.zeros((9, 12))
    assert box_of(plane, 3) == (slice(0, 0), slice(0, 0))
    plane[4:6, 10] = 0.1
    assert plane[box_of(plane, 0)].shape == (2, 1)
    assert plane[box_of(plane, 2)].shape == (6, 4)
