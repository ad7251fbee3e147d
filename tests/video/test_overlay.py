from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vostool.video.writing.overlay import bright_palette, contour, draw_overlay

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))


def contour_by_loops(labels: np.ndarray) -> np.ndarray:
    """What a contour of thickness 1 is: one of the four neighbours has another label."""
    found = np.zeros(labels.shape, bool)
    for (row, column), label in np.ndenumerate(labels):
        near = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        inside = [(r, c) for r, c in near if 0 <= r < labels.shape[0] and 0 <= c < labels.shape[1]]
        found[row, column] = any(labels[place] != label for place in inside)
    return found


@given(hnp.arrays(np.uint8, SHAPES, elements=st.sampled_from([0, 1, 2, 200, 255])))
def test_contour_is_where_a_neighbour_differs(labels: np.ndarray) -> None:
    assert np.array_equal(contour(labels, 1), contour_by_loops(labels))


@given(hnp.arrays(np.uint8, SHAPES, elements=st.sampled_from([0, 1, 5])), st.integers(0, 255))
def test_background_is_untouched_and_contours_are_solid(labels: np.ndarray, grey: int) -> None:
    image = np.full((*labels.shape, 3), grey, np.uint8)
    drawn = draw_overlay(image, labels)
    assert (drawn[labels == 0] == grey).all()
    edge = contour_by_loops(labels) & (labels > 0)
    assert np.array_equal(drawn[edge], bright_palette()[labels[edge]])
    assert (image == grey).all(), "the frame itself must stay as it was"


def test_inside_is_a_mix_of_frame_and_colour() -> None:
    labels = np.zeros((40, 40), np.uint8)
    labels[5:35, 5:35] = 1
    drawn = draw_overlay(np.full((40, 40, 3), 100, np.uint8), labels)
    assert drawn[20, 20].tolist() == [162, 60, 60]
    assert drawn[5, 20].tolist() == [255, 0, 0]


def test_contour_grows_with_the_picture() -> None:
    labels = np.zeros((1080, 300), np.uint8)
    labels[:, 100:200] = 2
    drawn = draw_overlay(np.zeros((1080, 300, 3), np.uint8), labels)
    assert (drawn[540] == (0, 255, 0)).all(axis=1).sum() == 2 * 3


@pytest.mark.parametrize("object_id", [1, 2, 4, 64, 255])
def test_no_object_is_dark(object_id: int) -> None:
    assert bright_palette()[object_id].max() == 255
