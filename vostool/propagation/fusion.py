"""Which of two passes, forward or backward in time, speaks for an object on a frame, and how they are blended.

An object is cut into lives: dropped on frame d, it is absent from d on until it is drawn again, and that is another
life, of which the first knows nothing. The masks that the user made of it within a life are its anchors.
Shapes: K objects; H, W source size.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import attrgetter

import numpy as np
import torch

from vostool.propagation.outcome import expected_overlap
from vostool.types import Frame, FrameResult


@dataclass(frozen=True, slots=True)
class Anchor:
    """What a mask says of one object.

    Attributes:
        index: The frame.
        is_shown: Whether the mask shows it; if not, the object is known to be absent there.
    """

    index: int
    is_shown: bool


@dataclass(frozen=True)
class Life:
    """The frames on which an object may be seen, ``start`` up to but without ``end``, and what was drawn there.

    Attributes:
        start, end: Indices of frames; None for the start and the end of the clip.
        anchors: In rising order; at least one shows the object.
    """

    start: int | None
    end: int | None
    anchors: tuple[Anchor, ...]

    @property
    def first_shown(self) -> int:
        """From this frame on a forward pass knows the object."""
        return next(anchor.index for anchor in self.anchors if anchor.is_shown)

    @property
    def last_shown(self) -> int:
        """From this frame down a backward pass knows the object."""
        return next(anchor.index for anchor in reversed(self.anchors) if anchor.is_shown)

    def has(self, index: int) -> bool:
        """Whether the object may be seen on a frame."""
        return (self.start is None or self.start <= index) and (self.end is None or index < self.end)

    def backward_share(self, index: int, cuts: Collection[int] = ()) -> float:
        """How much of the object on one of the life's frames is the backward pass's, 0..1; the rest is the forward's.

        Between two masks that show it, it goes over from one pass to the other as time goes by. Where only one of them
        shows it, the pass from that one follows it to its end or from its beginning. The shot of a mask is that of the
        pass from this mask alone.

        Args:
            cuts: Frames on which another shot begins.
        """
        if index >= self.last_shown:
            return 0.0
        if index < self.first_shown:
            return 1.0
        place = bisect_right(self.anchors, index, key=attrgetter("index"))
        before, after = self.anchors[place - 1], self.anchors[place]
        if before.index == index or (before.is_shown and not after.is_shown):
            return 0.0
        between = [cut for cut in cuts if before.index < cut <= after.index]
        if between and not min(between) <= index < max(between):
            return float(index >= max(between))
        if before.is_shown == after.is_shown:
            return (index - before.index) / (after.index - before.index)
        return 1.0

    def first_backward(self, clip_start: int) -> int | None:
        """The first frame that the backward pass has to see; None if nothing needs it.

        That is the mask before the first frame that needs it, since a corrupt frame behind the mask repeats it.
        """
        first, last = self.first_shown, self.last_shown
        if self.start is None and clip_start < first:
            return clip_start
        known = [anchor.index for anchor in self.anchors if first <= anchor.index < last]
        return next((index for index in known if index + 1 < last and self.backward_share(index + 1) > 0), None)


def find_lives(anchors: Iterable[Anchor], drops: Iterable[int]) -> tuple[Life, ...]:
    """The lives of an object in rising order.

    Args:
        anchors: In any order, one a frame.
        drops: Frames from which on it is absent until it is drawn; drawn on such a frame, it begins anew there.
    """
    ordered = sorted(anchors, key=attrgetter("index"))
    bounds: list[int | None] = [None, *sorted(set(drops)), None]
    lives = (_find_life(ordered, *pair) for pair in pairwise(bounds))
    return tuple(life for life in lives if life is not None)


def _find_life(anchors: Sequence[Anchor], drop: int | None, end: int | None) -> Life | None:
    """The life between two drops; it begins with the first mask that shows the object. None if no mask does."""
    inside = [each for each in anchors if (drop is None or drop <= each.index) and (end is None or each.index < end)]
    first = next((place for place, each in enumerate(inside) if each.is_shown), None)
    if first is None:
        return None
    if drop is None:
        return Life(None, end, tuple(inside))
    return Life(inside[first].index, end, tuple(inside[first:]))


def blend(
    frame: Frame, forward: FrameResult | None, backward: FrameResult | None, shares: Mapping[int, float]
) -> FrameResult:
    """One result of two; what one pass alone speaks for is left as it is.

    Args:
        frame: Of the result.
        forward, backward: Of the passes, None where a pass says nothing.
        shares: By the id of each object that may be seen, how much of it is the backward pass's, 0..1; all others are
            absent.
    """
    results = {0.0: forward, 1.0: backward}
    said = {each for result in (forward, backward) if result is not None for each in result.object_ids}
    object_ids = tuple(sorted(said))
    only = {shares[object_id] for object_id in object_ids if object_id in shares}
    single = results.get(only.pop()) if len(only) == 1 else None
    if single is not None and _speaks_for(single, said & shares.keys(), shares):
        return replace(single, frame=frame)
    shape = frame.image.shape[:2]
    alpha = np.zeros((len(object_ids), *shape), np.float32)
    for row, object_id in zip(alpha, object_ids, strict=True):
        if object_id in shares:
            _add(row, forward, object_id, 1.0 - shares[object_id])
            _add(row, backward, object_id, shares[object_id])
    # Objects whose probabilities come from different passes may claim a pixel together.
    alpha /= np.maximum(alpha.sum(axis=0), 1.0)
    labels = _labels(alpha, object_ids)
    is_repeated = any(result is not None and result.is_repeated for result in results.values())
    return FrameResult(frame, labels, alpha, object_ids, is_repeated, _confidence(alpha))


def _speaks_for(result: FrameResult, object_ids: Collection[int], shares: Mapping[int, float]) -> bool:
    """Whether a pass knows all of the objects, and shows none that has to be absent."""
    absent = [each for each in result.object_ids if each not in shares]
    return set(object_ids) <= set(result.object_ids) and not (absent and np.isin(result.labels, absent).any())


def _add(row: np.ndarray, result: FrameResult | None, object_id: int, weight: float) -> None:
    if weight > 0 and result is not None and object_id in result.object_ids:
        row += np.float32(weight) * result.alpha[result.object_ids.index(object_id)]


def _labels(alpha: np.ndarray, object_ids: Sequence[int]) -> np.ndarray:
    """(K, H, W) probabilities to (H, W) uint8 ids, 0 where none is likelier than the background."""
    return np.array([0, *object_ids], np.uint8)[_with_background(alpha).argmax(axis=0)]


def _confidence(alpha: np.ndarray) -> np.ndarray:
    """(K,) float32, as FrameResult has it."""
    return expected_overlap(torch.from_numpy(_with_background(alpha))).numpy()


def _with_background(alpha: np.ndarray) -> np.ndarray:
    return np.concatenate([1.0 - alpha.sum(axis=0, keepdims=True), alpha])
