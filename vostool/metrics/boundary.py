"""Boundary accuracy F: how much of each mask's outline lies close to the other's.

Follows the DAVIS 2017 evaluation in where an outline runs and how close is close.
"""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

TOLERANCE_PER_DIAGONAL = 0.008


def boundary_tolerance(height: int, width: int) -> int:
    """Distance in pixels within which two outlines agree, 0.8 % of the diagonal: 8 at 480x854, 18 at 1080x1920."""
    return math.ceil(TOLERANCE_PER_DIAGONAL * math.sqrt(height * height + width * width))


def boundary_map(mask: np.ndarray) -> np.ndarray:
    """Pixels whose right, lower or lower right neighbour differs from them.

    The last row has only a right neighbour, the last column only a lower one, the last corner none.

    Args:
        mask: HxW bool.

    Returns:
        HxW bool.
    """
    boundary = np.zeros(mask.shape, dtype=bool)
    boundary[:, :-1] = mask[:, :-1] ^ mask[:, 1:]
    boundary[:-1, :] |= mask[:-1, :] ^ mask[1:, :]
    boundary[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return boundary


def boundary_f(prediction: np.ndarray, truth: np.ndarray, tolerance: int | None = None) -> float:
    """F-measure of the outlines of two masks.

    Args:
        prediction: HxW bool.
        truth: HxW bool, of the same shape.
        tolerance: Distance in pixels that still counts as a match; None for ``boundary_tolerance`` of the shape.

    Returns:
        F in 0..1; 1 if neither mask has an outline, 0 if only one has.
    """
    assert prediction.shape == truth.shape
    assert prediction.dtype == truth.dtype == np.bool_
    radius = boundary_tolerance(*truth.shape) if tolerance is None else tolerance
    predicted, true = boundary_map(prediction), boundary_map(truth)
    num_predicted, num_true = int(np.count_nonzero(predicted)), int(np.count_nonzero(true))
    if num_predicted == 0 or num_true == 0:
        return float(num_predicted == num_true)
    window = _window(predicted | true, radius)
    predicted, true = predicted[window], true[window]
    precision = _num_close(predicted, true, radius) / num_predicted
    recall = _num_close(true, predicted, radius) / num_true
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _window(pixels: np.ndarray, margin: int) -> tuple[slice, slice]:
    """Bounding box of the pixels, grown by the margin: most of a frame holds no outline."""
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    top, left = max(rows[0] - margin, 0), max(columns[0] - margin, 0)
    return slice(top, rows[-1] + margin + 1), slice(left, columns[-1] + margin + 1)


def _num_close(pixels: np.ndarray, others: np.ndarray, radius: int) -> int:
    """Number of pixels that have one of the others within the radius."""
    near = cv2.dilate(others.view(np.uint8), _disk(radius), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return int(np.count_nonzero(pixels & near.view(bool)))


@lru_cache(maxsize=16)
def _disk(radius: int) -> np.ndarray:
    """Square of side 2 radius + 1, uint8, 1 where x² + y² <= radius²."""
    squares = np.arange(-radius, radius + 1) ** 2
    return (squares[:, None] + squares[None, :] <= radius * radius).astype(np.uint8)
