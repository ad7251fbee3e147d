"""The colour map of Pascal VOC and DAVIS: a colour for each of 256 ids, known to the tools that read indexed masks."""

from __future__ import annotations

from functools import cache

import numpy as np


@cache
def davis_palette() -> np.ndarray:
    """256x3 uint8 RGB, read-only; row 0 is the background's black.

    The rule (VOCdevkit, VOClabelcolormap): bits 0, 1, 2 of the id are the highest bits of red, green, blue; bits
    3, 4, 5 the next lower ones, and so on.
    """
    palette = np.zeros((256, 3), np.uint8)
    ids = np.arange(256)
    for place in range(8):
        bit = ids >> place & 1
        palette[:, place % 3] |= (bit << 7 - place // 3).astype(np.uint8)
    palette.setflags(write=False)
    return palette


def colour_of(object_id: int) -> tuple[int, int, int]:
    """Red, green, blue of an object, 0-255."""
    red, green, blue = davis_palette()[object_id].tolist()
    return red, green, blue
