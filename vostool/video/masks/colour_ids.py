"""One id for a colour over all masks of a clip."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from vostool.types import MAX_OBJECTS
from vostool.video.colour.palette import colour_of
from vostool.video.masks.ids import PALETTE_RULE, VOID, Colour, PaintedIds

FIRST_SEEN_RULE = "one id per colour over all masks"


class ColourIds:
    """Numbers the colours of many masks.

    A colour of a mask that is painted in the DAVIS palette keeps its id; the others get the lowest free ids in the
    order in which they are first seen, those of one mask in the order of #rrggbb.
    """

    def __init__(self) -> None:
        self._colours: list[Colour] = []
        self._palette: dict[Colour, int] = {}
        self._ids: dict[Colour, int] = {}

    def add(self, painted: PaintedIds) -> None:
        """Note the colours of the next mask."""
        if painted.rule == PALETTE_RULE:
            self._palette |= {colour_of(number): number for _, number in painted.ids if number != VOID}
            return
        for colour, _ in painted.ids:
            if self._nearest(colour, self._colours, painted.tolerance) is None:
                self._colours.append(colour)

    def settle(self, taken: Collection[int]) -> None:
        """Give out the ids, once all masks were seen; ``taken`` are those of masks that have ids and no colours."""
        numbered = [colour for colour in self._colours if colour not in self._palette]
        reserved = {*taken, *self._palette.values()}
        free = [number for number in range(1, VOID) if number not in reserved]
        self._ids = self._palette | dict(zip(numbered, free[: max(MAX_OBJECTS, len(numbered))], strict=False))

    def rename(self, painted: PaintedIds) -> PaintedIds:
        """The ids that the colours of a mask have over all masks."""
        if painted.rule == PALETTE_RULE:
            return painted
        ids = []
        for colour, number in painted.ids:
            known = self._nearest(colour, self._ids, painted.tolerance)
            ids.append((colour, number if known is None else self._ids[known]))
        return PaintedIds(tuple(ids), FIRST_SEEN_RULE, painted.tolerance)

    @staticmethod
    def _nearest(colour: Colour, known: Collection[Colour], tolerance: int) -> Colour | None:
        """The known colour that is meant, None if there is none as near."""
        if colour in known or not known:
            return colour if colour in known else None
        distances = {other: max(abs(a - b) for a, b in zip(colour, other, strict=True)) for other in known}
        nearest = min(distances, key=lambda other: distances[other])
        return nearest if distances[nearest] <= tolerance else None


def renumber(ids: np.ndarray, before: PaintedIds, after: PaintedIds) -> np.ndarray:
    """HxW uint8 ids with those of ``before`` replaced by those that ``after`` gives to the same colours."""
    table = np.arange(256, dtype=np.uint8)
    for (_, old), (_, new) in zip(before.ids, after.ids, strict=True):
        table[old] = new
    table[0] = 0
    return table[ids]
