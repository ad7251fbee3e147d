"""Which id a colour stands for, and which ids stand for nobody."""

from __future__ import annotations

import numpy as np

from vostool.video.palette import davis_palette

VOID = 255


def number_mains(colours: np.ndarray, tolerance: int) -> tuple[np.ndarray, str]:
    """An id for each of K sorted colours, and the rule in words."""
    palette_ids = palette_ids_of(colours, tolerance)
    if palette_ids is not None and len(set(palette_ids.tolist())) == len(colours):
        return palette_ids, "DAVIS palette"
    is_black = colours.max(axis=1) <= 32 if colours.max() > 64 else colours.max(axis=1) == 0
    # Only the darkest colour can be the background, and it is the first.
    is_black &= np.arange(len(colours)) == int(colours.sum(axis=1).argmin())
    return np.where(is_black, 0, np.cumsum(~is_black)).astype(np.uint8), "in the order of #rrggbb"


def palette_ids_of(colours: np.ndarray, tolerance: int) -> np.ndarray | None:
    """K uint8 places in the DAVIS palette, None if a colour is farther than ``tolerance`` from all of its entries."""
    if len(colours) > len(davis_palette()):
        return None
    distances = np.abs(davis_palette()[None].astype(np.int16) - colours[:, None].astype(np.int16)).max(axis=2)
    return None if (distances.min(axis=1) > tolerance).any() else distances.argmin(axis=1).astype(np.uint8)


def drop_void(ids: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """255 beside other ids is nobody's; alone it is one object."""
    num_void = int((ids == VOID).sum())
    if not num_void:
        return ids, ()
    if not ((ids > 0) & (ids < VOID)).any():
        return (ids > 0).astype(np.uint8), ()
    note = f"255 beside other ids is void: {num_void} pixels became background"
    return np.where(ids == VOID, 0, ids).astype(np.uint8), (note,)
