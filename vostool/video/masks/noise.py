"""Read masks whose flat areas are not flat: soft mattes, and colours after lossy compression."""

from __future__ import annotations

import numpy as np

from vostool.video.masks.colours import ColourTable, local_range
from vostool.video.masks.repair import Repair

_MAX_NOISY_COLOURS = 17
_SMALLEST_AREA = 0.001
# Chroma subsampling smears over some pixels; photographs have more between their colours.
_MAX_EDGE_SHARE = 0.1


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


def settle_noisy_colours(values: np.ndarray, table: ColourTable) -> Repair | None:
    """Find the flat areas of a noisy coloured mask on black and give every pixel to one; None if there are none.

    Args:
        values: HxWx3 uint8.
        table: The same picture as numbered colours.
    """
    is_even = _even_pixels(values)
    if is_even.mean() < 0.6:
        return None
    colours = _flat_colours(values[is_even], is_even.size)
    if colours is None or colours.max(axis=1).min() > 32:
        return None
    nearest, distances = _nearest(table.colours, colours)
    edge_share = float(table.counts[distances > 24].sum() / is_even.size)
    if edge_share > _MAX_EDGE_SHARE or not _are_compact(nearest, distances, table.counts, len(colours)):
        return None
    return Repair(colours, nearest[table.numbers], len(table.counts) - len(colours), edge_share, is_flat=True)


def _even_pixels(values: np.ndarray) -> np.ndarray:
    """HxW bool: no channel varies much in the 5x5 block."""
    is_even = np.ones(values.shape[:2], bool)
    for channel in range(3):
        lowest, highest = local_range(np.ascontiguousarray(values[..., channel]), 2)
        is_even &= highest - lowest <= 24
    return is_even


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


def _nearest(colours: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """N int32 row of the nearest centre, and N distances to it in the channel that differs most."""
    nearest = np.zeros(len(colours), np.int32)
    best = np.full(len(colours), np.inf, np.float32)
    for number, centre in enumerate(centres):
        differences = np.abs(colours - centre)
        distances = np.maximum(np.maximum(differences[:, 0], differences[:, 1]), differences[:, 2])
        closer = distances < best
        nearest[closer], best[closer] = number, distances[closer]
    return nearest, best


def _are_compact(nearest: np.ndarray, distances: np.ndarray, counts: np.ndarray, num_centres: int) -> bool:
    """True if each centre's pixels crowd round it, as paint does and things in photographs do not."""
    near, crowded = (
        np.bincount(nearest[distances <= reach], counts[distances <= reach], num_centres) for reach in (24, 12)
    )
    return bool((crowded >= 0.6 * near).all())
