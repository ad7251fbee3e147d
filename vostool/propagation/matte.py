"""Cleaner, larger and softer mattes: what compositors call matte finesse.

Objects are treated as one matte against the background where that keeps the seams between them closed.

Shapes: K objects; H, W source size. Alpha is float32 in 0..1 and its sum over the objects is at most 1; no function
changes what it is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

Box = tuple[slice, slice]

# Discs of larger radii are made of several of these, which is much faster.
MAX_DISC_RADIUS = 4


def box_of(plane: np.ndarray, margin: int) -> Box:
    """Rows and columns of the (H, W) part in which a plane is not 0, with a margin; empty if it is 0 all over."""
    left, top, width, height = cv2.boundingRect((plane != 0).astype(np.uint8))
    if not width:
        return slice(0, 0), slice(0, 0)
    rows, columns = (
        slice(max(0, top - margin), top + height + margin),
        slice(max(0, left - margin), left + width + margin),
    )
    return rows, columns


def to_labels(alpha: np.ndarray, object_ids: tuple[int, ...]) -> np.ndarray:
    """(K, H, W) alpha to (H, W) uint8 ids: the likeliest of the objects and the background, which is 0."""
    labels = np.zeros(alpha.shape[1:], np.uint8)
    best = 1.0 - alpha.sum(axis=0)
    for plane, object_id in zip(alpha, object_ids, strict=True):
        labels[plane > best] = object_id
        np.maximum(best, plane, out=best)
    return labels


def within_one(alpha: np.ndarray) -> np.ndarray:
    """(K, H, W) with every plane in 0..1, scaled down wherever the objects claim more than all of a pixel."""
    bounded = np.clip(alpha, 0, 1)
    return bounded if len(bounded) == 1 else bounded / np.maximum(bounded.sum(axis=0), 1)


def clean(alpha: np.ndarray, black: float, white: float) -> np.ndarray:
    """Stretches the matte of all objects: up to ``black`` it becomes 0, from ``1 - white`` on it becomes 1."""
    matte = alpha.sum(axis=0)
    stretched = np.clip((matte - np.float32(black)) / np.float32(1 - white - black), 0, 1)
    return _with_matte(alpha, matte, stretched)


def grow(alpha: np.ndarray, pixels: float) -> np.ndarray:
    """Objects grow into the background, or it into them if ``pixels`` is negative; soft edges keep their shape.

    Where two objects grow towards each other they share; neither grows into the other.
    """
    matte = alpha.sum(axis=0)
    if pixels < 0:
        return _with_matte(alpha, matte, _spread(matte, -pixels, cv2.erode))
    gained = np.stack([_spread(plane, pixels, cv2.dilate) for plane in alpha]) - alpha
    room = np.clip(1 - matte, 0, 1)
    return alpha + gained * np.minimum(1, room / np.maximum(gained.sum(axis=0), np.finfo(np.float32).tiny))


def feather(alpha: np.ndarray, pixels: float) -> np.ndarray:
    """Softens edges by a Gaussian that reaches about ``pixels`` to either side: two standard deviations."""
    sigma = pixels / 2
    return np.stack([cv2.GaussianBlur(each, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE) for each in alpha])


def _with_matte(alpha: np.ndarray, matte: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """The objects share another matte in the proportions in which they shared theirs."""
    return alpha * (changed / np.maximum(matte, np.finfo(np.float32).tiny))


def _spread(plane: np.ndarray, pixels: float, operation: Callable[..., np.ndarray]) -> np.ndarray:
    """Grey dilation or erosion by a disc; of fractions of a pixel, in between those of the whole ones."""
    whole = math.floor(pixels)
    for radius in _radii(whole):
        plane = operation(plane, _disc(radius))
    share = np.float32(pixels - whole)
    return plane + share * (operation(plane, _disc(1)) - plane) if share else plane


def _radii(total: int) -> list[int]:
    """Of the discs that make a larger one."""
    return [MAX_DISC_RADIUS] * (total // MAX_DISC_RADIUS) + [total % MAX_DISC_RADIUS] * (total % MAX_DISC_RADIUS > 0)


def _disc(radius: int) -> np.ndarray:
    """(2r+1, 2r+1) uint8, 1 within ``radius`` of the middle; a little more, so that small ones are round."""
    steps = np.arange(-radius, radius + 1)
    return (np.add.outer(steps**2, steps**2) <= (radius + 0.25) ** 2).astype(np.uint8)
