"""Which id a colour stands for, and which ids stand for nobody."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vostool.video.colour.palette import davis_palette

VOID = 255
PALETTE_RULE = "DAVIS palette"
MOST_NAMES = 8

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class PaintedIds:
    """The colours of a mask that stand for objects, red, green and blue in 0..255, and the ids that they were given.

    Attributes:
        ids: In the order in which the colours are numbered.
        rule: How they were numbered, in words.
        tolerance: How far a channel of the same colour may lie in another mask of the same origin.
    """

    ids: tuple[tuple[Colour, int], ...]
    rule: str
    tolerance: int = 0

    @property
    def note(self) -> str:
        """One line that says which colour is which object."""
        texts = [f"#{bytes(colour).hex()} is object {number}" for colour, number in self.ids]
        shown = texts if len(texts) <= MOST_NAMES else [*texts[:MOST_NAMES], f"and {len(texts) - MOST_NAMES} more"]
        return f"{', '.join(shown)} ({self.rule})"


def number_mains(colours: np.ndarray, tolerance: int) -> tuple[np.ndarray, str]:
    """An id for each of K sorted colours, and the rule in words."""
    palette_ids = palette_ids_of(colours, tolerance)
    if palette_ids is not None and len(set(palette_ids.tolist())) == len(colours):
        return palette_ids, PALETTE_RULE
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
