"""Region similarity: by sets of pixels, and its properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from vostool.metrics.region import jaccard

SHAPES = npst.array_shapes(min_dims=2, max_dims=2, max_side=12)


def pair_of_masks() -> st.SearchStrategy[tuple[np.ndarray, np.ndarray]]:
    return SHAPES.flatmap(lambda shape: st.tuples(npst.arrays(bool, shape), npst.arrays(bool, shape)))


@given(pair_of_masks())
def test_equals_the_ratio_of_sets_of_pixels(masks: tuple[np.ndarray, np.ndarray]) -> None:
    prediction, truth = ({tuple(pixel) for pixel in np.argwhere(mask).tolist()} for mask in masks)
    union = prediction | truth
    assert jaccard(*masks) == (len(prediction & truth) / len(union) if union else 1.0)


@given(pair_of_masks())
def test_is_symmetric_and_one_for_equal_masks(masks: tuple[np.ndarray, np.ndarray]) -> None:
    assert jaccard(*masks) == jaccard(*masks[::-1])
    assert jaccard(masks[0], masks[0]) == 1.0


def test_of_empty_masks() -> None:
    empty, full = np.zeros((4, 5), bool), np.ones((4, 5), bool)
    assert jaccard(empty, empty) == 1.0
    assert jaccard(empty, full) == 0.0


def test_of_a_known_overlap() -> None:
    left, right = np.zeros((2, 6), bool), np.zeros((2, 6), bool)
    left[:, :4], right[:, 2:] = True, True
    assert jaccard(left, right) == pytest.approx(4 / 12)
