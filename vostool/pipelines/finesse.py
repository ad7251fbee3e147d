"""What is done to the alpha of the results before they are written: cleaner, larger, softer, steadier.

In this order: over time, against the picture, black and white, islands and holes, size, softness.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from vostool.errors import UsageError
from vostool.propagation.guided import refine
from vostool.propagation.matte import box_of, clean, feather, grow, to_labels, within_one
from vostool.propagation.specks import drop_islands, fill_holes
from vostool.propagation.temporal import steady
from vostool.types import FrameResult
from vostool.video.writing.presets import Preset, pixels_at

Refinement = Literal["none", "guided"]
REFINEMENTS: tuple[str, ...] = get_args(Refinement)
TEMPORAL_WINDOWS = (0, 3, 5)
# More pixels than anyone needs, and few enough to be done while one waits.
MAX_PIXELS = 200
# Half a step of 8 bits: what is fainter is not seen.
FAINT = 1 / 510


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
        self._radius = options.temporal // 2
        self._held: list[FrameResult] = []
        self._num_waiting = 0

    def push(self, result: FrameResult, *, starts_anew: bool = False) -> list[FrameResult]:
        """Takes one result; gives those that are finished.

        Args:
            starts_anew: Whether the frame has nothing to do with those before it, as after a cut, or was drawn by the
                user: nothing is mixed over time across its beginning, and nothing into it.
        """
        if not self._radius:
            return [self._finish(result)]
        starts_anew |= bool(self._held) and not _go_together(self._held[-1], result)
        finished = self.flush() if starts_anew else []
        self._held.append(result)
        self._num_waiting += 1
        return finished + self._give_out()

    def flush(self) -> list[FrameResult]:
        """The rest, at the end of the clip."""
        places = range(len(self._held) - self._num_waiting, len(self._held))
        finished = [self._finish(self._steady(place)) for place in places]
        self._held, self._num_waiting = [], 0
        return finished

    def memory(self) -> FinesseMemory:
        """What is needed to go on later."""
        return FinesseMemory(tuple(self._held), self._num_waiting)

    def recall(self, memory: FinesseMemory) -> None:
        """Goes on, in a fresh one, as if the results had been pushed and all but those waiting given out."""
        self._held, self._num_waiting = list(memory.results), memory.num_waiting

    def _give_out(self) -> list[FrameResult]:
        """Those that have as many results after them as before them, or the whole window."""
        finished = []
        while self._num_waiting:
            place = len(self._held) - self._num_waiting
            if self._num_waiting - 1 < min(self._radius, place):
                break
            finished.append(self._finish(self._steady(place)))
            self._num_waiting -= 1
        first_needed = max(0, len(self._held) - self._num_waiting - self._radius)
        del self._held[:first_needed]
        return finished

    def _steady(self, place: int) -> FrameResult:
        """One of those held, over the largest window that has as many before it as after it."""
        reach = min(self._radius, place, len(self._held) - 1 - place)
        window = self._held[place - reach : place + reach + 1]
        if not reach:
            return self._held[place]
        shown = np.any([result.alpha.max(axis=0, initial=0) > FAINT for result in window], axis=0)
        box = box_of(shown, 0)
        result = self._held[place]
        alpha = result.alpha.copy()
        planes = [each.alpha[:, *box] for each in window]
        alpha[:, *box] = within_one(steady(planes, [each.frame.image[box] for each in window]))
        return replace(result, alpha=alpha, labels=to_labels(alpha, result.object_ids))

    def _finish(self, result: FrameResult) -> FrameResult:
        """All that needs no other frame."""
        if not result.object_ids or replace(self._options, temporal=0).is_idle:
            return result
        return finish(result, self._options)


def finish(result: FrameResult, options: FinesseOptions) -> FrameResult:
    """One result with a finished alpha, and labels to match; it is not changed itself.

    All that is fainter than half a step of 8 bits, away from the objects, becomes 0.
    """
    source = refine(result.alpha, result.frame.image) if options.refine == "guided" else result.alpha
    reach = math.ceil(max(0, options.grow) + 2 * options.feather) + 1
    box = box_of(source.max(axis=0) > FAINT, reach)
    alpha, labels = np.zeros_like(source), np.zeros_like(result.labels)
    if source[:, *box].size:
        alpha[:, *box] = _shape(source[:, *box], result.object_ids, options)
        labels[box] = to_labels(alpha[:, *box], result.object_ids)
    return replace(result, alpha=alpha, labels=labels)


def _shape(alpha: np.ndarray, object_ids: tuple[int, ...], options: FinesseOptions) -> np.ndarray:
    """What needs no picture, in the order in which it is documented."""
    if options.clean_black or options.clean_white:
        alpha = clean(alpha, options.clean_black, options.clean_white)
    if options.drop_islands:
        alpha = drop_islands(alpha, object_ids, options.drop_islands)
    if options.fill_holes:
        alpha = fill_holes(alpha, object_ids, options.fill_holes)
    if options.grow:
        alpha = grow(alpha, options.grow)
    if options.feather:
        alpha = feather(alpha, options.feather)
    return within_one(alpha)


def _go_together(result: FrameResult, other: FrameResult) -> bool:
    """Whether two results speak of the same objects."""
    return result.object_ids == other.object_ids and result.alpha.shape == other.alpha.shape


def options_for(preset: Preset, height: int, base: FinesseOptions | None = None) -> FinesseOptions:
    """What a preset asks for in a picture of so many lines, added to what the user asks for."""
    wanted = base or FinesseOptions()
    return replace(wanted, grow=wanted.grow + pixels_at(preset.grow_pixels, height))
