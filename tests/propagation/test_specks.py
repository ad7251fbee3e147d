"""Holes that are filled and islands that are dropped."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vostool.propagation.matte import to_labels
from vostool.propagation.specks import drop_islands, fill_holes

SIZE = 60


def square(top: int, left: int, side: int) -> np.ndarray:
    plane = np.zeros((SIZE, SIZE), np.float32)
    plane[top : top + side, left : left + side] = 1
    return plane


def soft(plane: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), 1.2))


BODY, HOLE, ISLAND = square(10, 10, 30), square(20, 20, 4), square(50, 50, 4)


@pytest.mark.parametrize(("max_area", "is_filled"), [(16, True), (15, False)])
def test_holes_up_to_an_area_are_filled(max_area: int, is_filled: bool) -> None:
    found = fill_holes((BODY - HOLE)[None], (5,), max_area)
    np.testing.assert_array_equal(found[0], BODY if is_filled else BODY - HOLE)


@pytest.mark.parametrize(("max_area", "is_dropped"), [(16, True), (15, False)])
def test_islands_up_to_an_area_are_dropped(max_area: int, is_dropped: bool) -> None:
    found = drop_islands((BODY + ISLAND)[None], (5,), max_area)
    np.testing.assert_array_equal(found[0], BODY if is_dropped else BODY + ISLAND)


def test_the_soft_edges_of_a_speck_go_with_it() -> None:
    found = fill_holes(drop_islands(soft(BODY - HOLE + ISLAND)[None], (5,), 25), (5,), 25)
    np.testing.assert_allclose(found[0], soft(BODY), atol=0.02)


def test_a_hole_is_filled_up_to_what_is_around_it() -> None:
    """An unsure object does not get a sure spot."""
    found = fill_holes(0.7 * soft(BODY - HOLE)[None], (5,), 25)
    assert 0.69 < found[0, 18:26, 18:26].min() <= found.max() < 0.71


def test_the_largest_piece_of_an_object_stays() -> None:
    found = drop_islands(np.stack([BODY, ISLAND]), (1, 2), 10_000)
    np.testing.assert_array_equal(found, np.stack([BODY, ISLAND]))


def test_bays_and_the_border_are_no_holes() -> None:
    bay = BODY - square(10, 20, 4)
    corner = 1 - square(0, 0, 4)
    for plane in (bay, corner):
        np.testing.assert_array_equal(fill_holes(plane[None], (1,), 16), plane[None])


def test_another_object_is_no_hole() -> None:
    alpha = np.stack([BODY - HOLE, HOLE])
    np.testing.assert_array_equal(fill_holes(alpha, (1, 2), 1000), alpha)


def test_a_hole_goes_to_the_object_with_most_of_its_rim() -> None:
    left = BODY * (np.arange(SIZE) < 21)
    alpha = np.stack([left, BODY - left]) * (1 - HOLE)
    assert (to_labels(fill_holes(alpha, (1, 2), 16), (1, 2))[20:24, 20:24] == 2).all()


def test_an_island_goes_to_what_is_next_likeliest() -> None:
    first, second = BODY - 0.4 * HOLE, square(45, 45, 10) + 0.4 * HOLE
    alpha = np.stack([np.where(HOLE > 0, 0.3, first), np.where(HOLE > 0, 0.6, second)]).astype(np.float32)
    found = drop_islands(alpha, (1, 2), 16)
    np.testing.assert_allclose(found[:, 22, 22], [0.75, 0], atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 200))
def test_alpha_stays_alpha_whatever_the_specks(seed: int, max_area: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 4, (3, SIZE, SIZE))
    planes = np.exp(np.stack([cv2.GaussianBlur(each, (0, 0), 2) for each in noise]) * 4)
    alpha = (planes / planes.sum(axis=0))[1:].astype(np.float32)
    before = alpha.copy()
    for work in (drop_islands, fill_holes):
        found = work(alpha, (1, 2), max_area)
        assert found.min() >= 0
        assert found.sum(axis=0).max() <= 1 + 1e-5
    np.testing.assert_array_equal(alpha, before)
