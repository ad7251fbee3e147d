"""Thin-plate splines: the smoothest surface through scattered points (Bookstein 1989)."""

from __future__ import annotations

import numpy as np


def thin_plate(points: np.ndarray, values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The spline through values at scattered points, at other places.

    Args:
        points: (N, 2), at least three, not all on one line.
        values: (N, D).
        places: (M, 2).

    Returns:
        (M, D).
    """
    num_points = len(points)
    plane = np.hstack([np.ones((num_points, 1)), points])
    system = np.zeros((num_points + 3, num_points + 3))
    system[:num_points, :num_points] = _bending(points, points)
    system[:num_points, num_points:], system[num_points:, :num_points] = plane, plane.T
    weights = np.linalg.solve(system, np.vstack([values, np.zeros((3, values.shape[1]))]))
    basis = np.hstack([_bending(places, points), np.ones((len(places), 1)), places])
    return basis @ weights


def _bending(places: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(M, N) of r^2 log r, which is 0 at 0."""
    squares = ((places[:, None] - points[None]) ** 2).sum(axis=-1)
    return 0.5 * squares * np.log(np.maximum(squares, 1e-12))
