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
    window = occupied_window(prediction | truth)
    predicted, true = boundary_map(prediction[window]), boundary_map(truth[window])
    num_predicted, num_true = int(np.count_nonzero(predicted)), int(np.count_nonzero(true))
    if num_predicted == 0 or num_true == 0:
        return float(num_predicted == num_true)
    precision = _num_close(predicted, true, radius) / num_predicted
    recall = _num_close(true, predicted, radius) / num_true
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def occupied_window(pixels: np.ndarray) -> tuple[slice, slice]:
    """Bounding box of what is not 0, and one more row and column on each side: it holds every outline.

    Args:
        pixels: HxW bool or uint8.
    """
    left, top, width, height = cv2.boundingRect(pixels.view(np.uint8))
    return slice(max(top - 1, 0), top + height + 1), slice(max(left - 1, 0), left + width + 1)


def _num_close(pixels: np.ndarray, others: np.ndarray, radius: int) -> int:
    """Number of pixels that have one of the others within the radius.

    A dilation by a disk would tell, but slowly. Squares, which are dilated row by row and column by column, settle most
    pixels: those near within the square in the disk, and those far outside the square around it.
    """
    side = math.isqrt(radius * radius // 2)
    is_near = _dilate_square(others, side)
    is_open = pixels & ~is_near & _dilate_square(others, radius)
    return int(np.count_nonzero(pixels & is_near)) + _num_close_by_search(is_open, others, radius)


def _dilate_square(pixels: np.ndarray, radius: int) -> np.ndarray:
    return cv2.dilate(pixels.view(np.uint8), _square(radius), borderType=cv2.BORDER_CONSTANT, borderValue=0).view(bool)


def _num_close_by_search(pixels: np.ndarray, others: np.ndarray, radius: int) -> int:
    """As ``_num_close`` for pixels without another in the square in the disk, by looking at the rest of the disk."""
    rows, columns = np.divmod(np.flatnonzero(pixels), pixels.shape[1])
    if not rows.size:
        return 0
    margins = (radius,) * 4
    padded = cv2.copyMakeBorder(others.view(np.uint8), *margins, cv2.BORDER_CONSTANT, value=0).view(bool)
    stride = padded.shape[1]
    steps_y, steps_x = _disk_without_square(radius)
    centres = (rows + radius) * stride + columns + radius
    return int(np.count_nonzero(padded.ravel()[centres[:, None] + (steps_y * stride + steps_x)].any(axis=1)))


@lru_cache(maxsize=16)
def _square(radius: int) -> np.ndarray:
    return np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)


@lru_cache(maxsize=16)
def _disk_without_square(radius: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps down and right to the points of the disk x² + y² <= radius² that lie outside the square in it."""
    steps = np.arange(-radius, radius + 1)
    y, x = np.meshgrid(steps, steps, indexing="ij")
    in_square = np.maximum(abs(x), abs(y)) <= math.isqrt(radius * radius // 2)
    chosen = (x * x + y * y <= radius * radius) & ~in_square
    return y[chosen], x[chosen]
