"""Read masks whose flat areas are not flat: soft mattes, and colours after lossy compression."""

from __future__ import annotations

import numpy as np

from .mask_repair import Repair, local_range

_MAX_NOISY_COLOURS = 17
_SMALLEST_AREA = 0.001


def split_matte(levels: np.ndarray) -> int | None:
    """Threshold of a matte that is clearly bimodal, else None.

    Args:
        levels: HxW uint8, dark background and bright object, with noise or a wide soft edge.
    """
    top = int(levels.max())
    if top < 64:
        return None
    threshold = (top + 1) // 2
    is_dark, is_bright = levels <= top // 8, levels >= top - top // 8
    num_above = int((levels >= threshold).sum())
    num_below = levels.size - num_above
    num_dark, num_bright = int(is_dark.sum()), int(is_bright.sum())
    if num_dark + num_bright < 0.8 * levels.size or num_dark < 0.7 * num_below or num_bright < 0.6 * num_above:
        return None
    # The lights of a photograph are bright too, but they are not even.
    lowest, highest = local_range(levels, 1)
    is_even = highest - lowest <= top // 8
    return threshold if is_even[is_bright].mean() >= 0.3 else None


def settle_noisy_colours(values: np.ndarray) -> Repair | None:
    """Find the flat areas of a noisy coloured mask on black and give every pixel to one; None if there are none.

    Args:
        values: HxWx3 uint8.
    """
    spans = [np.subtract(*local_range(values[..., channel], 2)[::-1]) for channel in range(3)]
    is_even = np.max(spans, axis=0) <= 24
    colours = _flat_colours(values[is_even], values.shape[0] * values.shape[1])
    if colours is None or colours.max(axis=1).min() > 32 or is_even.mean() < 0.6:
        return None
    nearest, distance = _nearest(values, colours)
    if (distance <= 24).mean() < 0.8 or not _are_compact(nearest, distance, colours):
        return None
    edge_share = float((distance > 24).mean())
    return Repair(colours, nearest, 0, edge_share, float(is_even.mean()))


def _flat_colours(pixels: np.ndarray, num_pixels: int) -> np.ndarray | None:
    """KxC float32 centres of the colours of Px3 even pixels, most frequent first; None if there are too many."""
    coarse = pixels.astype(np.int32) >> 4
    bins = coarse[:, 0] << 8 | coarse[:, 1] << 4 | coarse[:, 2]
    counts = np.bincount(bins, minlength=4096)
    sums = np.stack([np.bincount(bins, pixels[:, channel], 4096) for channel in range(3)], axis=1)
    centres: list[np.ndarray] = []
    for number in np.argsort(-counts, kind="stable"):
        if counts[number] < _SMALLEST_AREA * num_pixels:
            break
        centre = sums[number] / counts[number]
        if all(np.abs(centre - other).max() > 40 for other in centres):
            centres.append(centre)
    if not 2 <= len(centres) <= _MAX_NOISY_COLOURS:
        return None
    rounded = np.rint(np.array(centres)).astype(np.float32)
    return rounded[np.lexsort(rounded.T[::-1])]


def _nearest(values: np.ndarray, colours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """HxW int32 row of the nearest colour, and HxW distance to it in the channel that differs most."""
    nearest = np.zeros(values.shape[:2], np.int32)
    best = np.full(values.shape[:2], 1000, np.int16)
    signed = values.astype(np.int16)
    for number, colour in enumerate(colours.astype(np.int16)):
        distance = np.abs(signed - colour).max(axis=2)
        closer = distance < best
        nearest[closer], best[closer] = number, distance[closer]
    return nearest, best


def _are_compact(nearest: np.ndarray, distance: np.ndarray, colours: np.ndarray) -> bool:
    """True if each colour's pixels crowd round it, as paint does and things in photographs do not."""
    size = len(colours)
    near = np.bincount(nearest[distance <= 24], minlength=size)
    crowded = np.bincount(nearest[distance <= 12], minlength=size)
    return bool((crowded >= 0.6 * near).all())
