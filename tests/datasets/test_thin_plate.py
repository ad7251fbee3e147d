"""Thin-plate splines: through their points, exact on planes, and smoother than what else goes through the points."""

from __future__ import annotations

import numpy as np
import pytest

from vostool.datasets.thin_plate import thin_plate


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 1, (12, 2))


def test_it_goes_through_its_points(points: np.ndarray) -> None:
    values = np.random.default_rng(1).normal(0, 1, (12, 2))
    np.testing.assert_allclose(thin_plate(points, values, points), values, atol=1e-8)


def test_a_plane_stays_a_plane(points: np.ndarray) -> None:
    coefficients = np.array([[2.0, -1.0], [0.5, 3.0]])
    places = np.random.default_rng(2).uniform(-2, 3, (50, 2))
    found = thin_plate(points, points @ coefficients + 4.0, places)
    np.testing.assert_allclose(found, places @ coefficients + 4.0, atol=1e-8)


def test_between_two_heights_it_is_half_way() -> None:
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    heights = np.array([[0.0], [1.0], [1.0], [0.0]])
    middle, edge = thin_plate(corners, heights, np.array([[0.5, 0.5], [0.5, 0.0]]))
    assert middle == pytest.approx(0.5)
    assert edge == pytest.approx(0.5)
