"""Count the colours of a mask picture and look at the neighbourhood of its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class ColourTable:
    """A picture as numbered colours.

    Attributes:
        colours: NxC float32, sorted.
        numbers: HxW int32, row of ``colours`` of each pixel.
        counts: N pixels of each colour.
    """

    colours: np.ndarray
    numbers: np.ndarray
    counts: np.ndarray


def number_colours(values: np.ndarray) -> ColourTable:
    """Number the colours of HxW or HxWx3 uint8 by way of their runs: masks have few, so this beats sorting pixels."""
    planes = values.reshape(*values.shape[:2], -1)
    packed = np.zeros(planes.shape[:2], np.int32)
    for channel in range(planes.shape[2]):
        packed = packed << 8 | planes[..., channel]
    flat = packed.ravel()
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    lengths = np.diff(starts, append=flat.size)
    unique, inverse = _unique(flat[starts], 256 ** planes.shape[2])
    numbers = np.repeat(inverse, lengths).reshape(packed.shape)
    counts = np.bincount(inverse, weights=lengths).astype(np.int64)
    shifts = np.arange(planes.shape[2] - 1, -1, -1) * 8
    return ColourTable((unique[:, None] >> shifts & 255).astype(np.float32), numbers, counts)


def _unique(values: np.ndarray, num_values: int) -> tuple[np.ndarray, np.ndarray]:
    """Sorted distinct values and the int32 place of each among them; by table for the millions of a photograph."""
    if len(values) < num_values // 16:
        unique, inverse = np.unique(values, return_inverse=True)
        return unique, inverse.astype(np.int32)
    places = np.zeros(num_values, np.int32)
    places[values] = 1
    unique = np.flatnonzero(places)
    places[unique] = np.arange(len(unique))
    return unique, places[values]


def solid_pixels(numbers: np.ndarray) -> np.ndarray:
    """HxW bool: the whole 3x3 block has one colour."""
    solid = np.zeros(numbers.shape, bool)
    if min(numbers.shape) >= 3:
        same_right = numbers[:, 1:] == numbers[:, :-1]
        rows = same_right[:, 1:] & same_right[:, :-1]
        same_below = numbers[1:, 1:-1] == numbers[:-1, 1:-1]
        solid[1:-1, 1:-1] = rows[:-2] & rows[1:-1] & rows[2:] & same_below[:-1] & same_below[1:]
    return solid


def local_range(values: np.ndarray, radius: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value in the square window of each pixel of HxW; the border repeats."""
    lowest, highest = values, values
    for axis in (0, 1):
        padding = [(radius, radius) if axis == place else (0, 0) for place in (0, 1)]
        low, high = np.pad(lowest, padding, "edge"), np.pad(highest, padding, "edge")
        spans = [slice(step, step + values.shape[axis]) for step in range(2 * radius + 1)]
        cuts = [(span, slice(None)) if axis == 0 else (slice(None), span) for span in spans]
        lowest, highest = low[cuts[0]], high[cuts[0]]
        for cut in cuts[1:]:
            lowest, highest = np.minimum(lowest, low[cut]), np.maximum(highest, high[cut])
    return lowest, highest
