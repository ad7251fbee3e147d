"""What is done to the alpha of the results before they are written: cleaner, larger, softer, steadier.

In this order: over time, against the picture, black and white, islands and holes, size, softness.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from vostool.errors import UsageError
from vostool.types import FrameResult

Refinement = Literal["none", "guided"]
REFINEMENTS: tuple[str, ...] = get_args(Refinement)
TEMPORAL_WINDOWS = (0, 3, 5)
# More pixels than anyone needs, and few enough to be done while one waits.
MAX_PIXELS = 200


@dataclass(frozen=True)
class FinesseOptions:
    """How the alpha is finished; pixels are those of the source picture. The defaults leave it alone.

    Attributes:
        grow: Pixels by which objects grow into the background, or shrink if negative.
        feather: Pixels to either side of an edge over which it is softened.
        fill_holes: Area in pixels up to which a hole is filled.
        drop_islands: Area in pixels up to which a piece beside an object's largest one is dropped.
        clean_black: 0..1; alpha up to this becomes 0.
        clean_white: 0..1; alpha from 1 less this on becomes 1.
        refine: ``guided`` lets edges follow those of the picture.
        temporal: Frames of a median over time, 3 or 5; 0 for none.

    Raises:
        UsageError: A value makes no sense.
    """

    grow: float = 0
    feather: float = 0
    fill_holes: int = 0
    drop_islands: int = 0
    clean_black: float = 0
    clean_white: float = 0
    refine: Refinement = "none"
    temporal: int = 0

    def __post_init__(self) -> None:
        _check_range("grow", self.grow, -MAX_PIXELS, MAX_PIXELS)
        _check_range("feather", self.feather, 0, MAX_PIXELS)
        _check_range("fill-holes", self.fill_holes, 0, math.inf)
        _check_range("drop-islands", self.drop_islands, 0, math.inf)
        _check_range("clean-black", self.clean_black, 0, 1)
        _check_range("clean-white", self.clean_white, 0, 1)
        if self.clean_black + self.clean_white >= 1:
            message = f"--clean-black {self.clean_black:g} and --clean-white {self.clean_white:g} leave nothing between"
            raise UsageError(message, "together they must be less than 1", code="usage.finesse")
        if self.refine not in REFINEMENTS:
            raise UsageError(f"--refine {self.refine} is not known", "give none or guided", code="usage.finesse")
        if self.temporal not in TEMPORAL_WINDOWS:
            message = f"--temporal {self.temporal} is not a window of frames"
            raise UsageError(message, "give 3 or 5, or 0 for none", code="usage.finesse")

    @property
    def is_idle(self) -> bool:
        """Whether results are left as they are."""
        return self == FinesseOptions()


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most or not math.isfinite(value):
        bounds = f"from {least:g} on" if most == math.inf else f"between {least:g} and {most:g}"
        raise UsageError(f"--{name} {value:g} makes no sense", f"give a number {bounds}", code="usage.finesse")


@dataclass(frozen=True)
class FinesseMemory:
    """What later results still depend on.

    Attributes:
        results: As they were pushed, in order.
        num_waiting: How many of the last of them have not been given out.
    """

    results: tuple[FrameResult, ...] = ()
    num_waiting: int = 0


class Finesse:
    """Takes the results of a clip in order, and gives them out finished in the same order, some frames later."""

    def __init__(self, options: FinesseOptions) -> None:
        self._options = options

    def push(self, result: FrameResult, *, starts_anew: bool = False) -> list[FrameResult]:
        """Takes one result; gives those that are finished.

        Args:
            starts_anew: Whether the frame has nothing to do with those before it, as after a cut, or was drawn by the
                user: nothing is mixed over time across its beginning, and nothing into it.
        """
        return [result]

    def flush(self) -> list[FrameResult]:
        """The rest, at the end of the clip."""
        return []

    def memory(self) -> FinesseMemory:
        """What is needed to go on later."""
        return FinesseMemory()

    def recall(self, memory: FinesseMemory) -> None:
        """Goes on, in a fresh one, as if the results had been pushed and all but those waiting given out."""
