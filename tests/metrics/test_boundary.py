"""Boundary accuracy: against a slow version that measures every distance between two outlines."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from vostool.metrics.boundary import boundary_f, boundary_map, boundary_tolerance

SHAPES = npst.array_shapes(min_dims=2, max_dims=2, max_side=14)


def pair_of_masks() -> st.SearchStrategy[tuple[np.ndarray, np.ndarray]]:
    return SHAPES.flatmap(lambda shape: st.tuples(npst.arrays(bool, shape), npst.arrays(bool, shape)))


def slow_boundary_map(mask: np.ndarray) -> np.ndarray:
    """Pixel by pixel; neighbours outside the picture do not count."""
    height, width = mask.shape
    boundary = np.zeros(mask.shape, bool)
    for y in range(height):
        for x in range(width):
            neighbours = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            boundary[y, x] = any(mask[y, x] != mask[v, u] for v, u in neighbours if v < height and u < width)
    return boundary


def slow_boundary_f(prediction: np.ndarray, truth: np.ndarray, tolerance: int) -> float:
    """From all distances between the pixels of one outline and those of the other."""
    outlines = [np.argwhere(slow_boundary_map(mask)) for mask in (prediction, truth)]
    counts = [len(outline) for outline in outlines]
    if 0 in counts:
        return 1.0 if counts == [0, 0] else 0.0
    squares = ((outlines[0][:, None] - outlines[1][None]) ** 2).sum(axis=-1)
    precision = float(np.mean(squares.min(axis=1) <= tolerance**2))
    recall = float(np.mean(squares.min(axis=0) <= tolerance**2))
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@given(pair_of_masks())
def test_boundary_map_equals_the_slow_one(masks: tuple[np.ndarray, np.ndarray]) -> None:
    np.testing.assert_array_equal(boundary_map(masks[0]), slow_boundary_map(masks[0]))


@settings(deadline=None)
@given(pair_of_masks(), st.integers(1, 4))
def test_boundary_f_equals_the_slow_one(masks: tuple[np.ndarray, np.ndarray], tolerance: int) -> None:
    assert boundary_f(*masks, tolerance) == pytest.approx(slow_boundary_f(*masks, tolerance), abs=1e-12)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(3, 9))
def test_boundary_f_of_rectangles_equals_the_slow_one(seed: int, tolerance: int) -> None:
    """Larger masks with few outlines, so that the window around them is smaller than the picture."""
    corners = np.random.default_rng(seed).integers(0, 60, size=(2, 2, 2))
    masks = [np.zeros((64, 70), bool), np.zeros((64, 70), bool)]
    for mask, (first, second) in zip(masks, corners, strict=True):
        (top, left), (bottom, right) = np.minimum(first, second), np.maximum(first, second)
        mask[top:bottom, left:right] = True
    assert boundary_f(*masks, tolerance) == pytest.approx(slow_boundary_f(*masks, tolerance), abs=1e-12)


@pytest.mark.parametrize(("distance", "expected"), [(2, 1.0), (3, 0.0)])
def test_tolerance_is_inclusive(distance: int, expected: float) -> None:
    prediction, truth = np.zeros((8, 30), bool), np.zeros((8, 30), bool)
    prediction[:, :10], truth[:, : 10 + distance] = True, True
    assert boundary_f(prediction, truth, 2) == expected


def test_of_masks_without_outline() -> None:
    empty, full, half = np.zeros((6, 8), bool), np.ones((6, 8), bool), np.zeros((6, 8), bool)
    half[:, :4] = True
    assert boundary_f(empty, full) == 1.0
    assert boundary_f(empty, half) == boundary_f(half, empty) == 0.0


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_default_tolerance_is_a_share_of_the_diagonal(height: int, width: int) -> None:
    share = 0.008 * math.hypot(height, width)
    assert 0 <= boundary_tolerance(height, width) - share + 1e-9 < 1 + 1e-8
