"""Steadies an alpha that flickers although the picture stands still.

A median, since it leaves an edge that moves evenly where it is, and takes out what is there on one frame only; a mean
draws a trail behind every edge. But a median takes out a moving thing that is thinner than its step, too: so each
neighbour speaks only for the pixels whose picture has not changed between the two frames.

Shapes: K objects; H, W source size.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

# Mean difference of two pictures in a window, of 255, up to which they show the same; film grain stays below it.
MAX_CHANGE = 12
WINDOW = 5


def steady(alphas: Sequence[np.ndarray], images: Sequence[np.ndarray]) -> np.ndarray:
    """Median over neighbouring frames, of the one in the middle.

    Args:
        alphas: An odd number of (K, H, W) float32, in the order of the frames.
        images: (H, W, 3) uint8 each.

    Returns:
        (K, H, W) float32; the objects' sum may be above 1.
    """
    middle = len(alphas) // 2
    own = alphas[middle]
    heard = [np.where(is_same(image, images[middle]), each, own) for each, image in zip(alphas, images, strict=True)]
    return _median(heard)


def is_same(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(H, W) bool: where two (H, W, 3) uint8 pictures show the same around a pixel."""
    if image is other:
        return np.ones(image.shape[:2], bool)
    change = cv2.absdiff(image, other)
    largest = cv2.max(cv2.max(change[:, :, 0], change[:, :, 1]), change[:, :, 2])
    return np.asarray(cv2.blur(largest, (WINDOW, WINDOW)) <= MAX_CHANGE)


def _median(planes: list[np.ndarray]) -> np.ndarray:
    """Of an odd number of arrays: the larger of each pair goes on until those above the middle are sorted out."""
    for last in range(len(planes) - 1, len(planes) // 2 - 1, -1):
        for place in range(last):
            lower, upper = planes[place], planes[place + 1]
            planes[place], planes[place + 1] = np.minimum(lower, upper), np.maximum(lower, upper)
    return planes[len(planes) // 2]
