"""Following objects forward in time, backward, or both ways.

The backward pass runs first, as far as anything needs it, and leaves its results on disk; the forward pass then gives
results in presentation order, blended with what is on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, get_args

import numpy as np

from vostool.pipelines.spool import Spool
from vostool.propagation.fusion import Anchor, Life, blend, find_lives
from vostool.types import Annotation, Frame, FrameResult

Direction = Literal["forward", "backward", "both"]
PassName = Literal["forward", "backward"]
DIRECTIONS: tuple[str, ...] = get_args(Direction)
NO_DROPS: Mapping[int, tuple[int, ...]] = {}


class Follower(Protocol):
    """What a pass needs of a Propagator, which is one; frames come in rising order of their index."""

    def step(self, frame: Frame, annotation: Annotation | None = None) -> FrameResult:
        """See ``Propagator.step``."""
        ...

    def drop(self, object_ids: tuple[int, ...]) -> object:
        """See ``Propagator.drop``."""
        ...


@dataclass(frozen=True)
class Passes:
    """Which passes a clip needs, and whose word counts where; a few numbers for each mask.

    Attributes:
        direction: As it was asked for.
        lives: Of each object, by its id.
        drops: Objects that are dropped, by the frame from which on they are absent.
        backward: Frames of the backward pass in rising order; it goes through them in falling order. Empty if nothing
            needs it.
    """

    direction: Direction
    lives: Mapping[int, tuple[Life, ...]]
    drops: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    backward: range = range(0)

    @property
    def follows_forward(self) -> bool:
        """Whether the network sees the frames in presentation order, too."""
        return self.direction != "backward"

    def shares(self, index: int, cuts: Collection[int] = ()) -> dict[int, float]:
        """By the id of each object that may be seen on a frame: how much of it is the backward pass's, 0..1.

        Args:
            cuts: Frames on which another shot begins.
        """
        lives = {object_id: life for object_id, many in self.lives.items() for life in many if life.has(index)}
        if self.direction == "backward":
            return {object_id: 1.0 for object_id, life in lives.items() if index <= life.last_shown}
        return {object_id: life.backward_share(index, cuts) for object_id, life in lives.items()}

    def backward_drops(self, index: int) -> tuple[int, ...]:
        """Objects whose lives begin on the next frame: a backward pass must not carry them any further."""
        return tuple(
            object_id for object_id, lives in self.lives.items() if any(life.start == index + 1 for life in lives)
        )


def plan_passes(
    annotations: Mapping[int, Annotation],
    direction: Direction,
    *,
    start: int = 0,
    stop: int | None = None,
    drops: Mapping[int, tuple[int, ...]] = NO_DROPS,
) -> Passes:
    """Looks once at every mask, and finds out which frames a backward pass has to see.

    Args:
        annotations: By frame index; those outside the range do not count.
        start, stop: The range of frames that is asked for; None to the end of the clip.
        drops: Ids of objects by the frame from which on they are absent, until they are drawn again.
    """
    dropped = {index: drops[index] for index in _inside(drops, start, stop)}
    if direction == "forward":
        return Passes(direction, {}, dropped)
    lives = {
        object_id: find_lives(anchors, (index for index, ids in dropped.items() if object_id in ids))
        for object_id, anchors in _find_anchors(annotations, _inside(annotations, start, stop)).items()
    }
    every_life = [life for many in lives.values() for life in many]
    return Passes(direction, lives, dropped, _find_backward(every_life, direction, start))


def _inside(indices: Iterable[int], start: int, stop: int | None) -> list[int]:
    return [index for index in sorted(indices) if start <= index and (stop is None or index < stop)]


def _find_anchors(annotations: Mapping[int, Annotation], indices: Iterable[int]) -> dict[int, list[Anchor]]:
    """What the masks say of each object; one that is exact says something of all of them."""
    anchors: dict[int, dict[int, Anchor]] = {}
    exact = []
    for index in indices:
        annotation = annotations[index]
        shown = np.bincount(annotation.labels.ravel(), minlength=256) > 0
        for object_id in annotation.object_ids:
            anchors.setdefault(object_id, {})[index] = Anchor(index, bool(shown[object_id]))
        if annotation.is_exact:
            exact.append(index)
    unseen = {index: Anchor(index, False) for index in exact}
    return {object_id: list({**unseen, **of_object}.values()) for object_id, of_object in anchors.items()}


def _find_backward(lives: Iterable[Life], direction: Direction, start: int) -> range:
    """From the first frame that needs the backward pass to the mask with which that begins."""
    if direction == "backward":
        firsts = {life: start if life.start is None else life.start for life in lives}
    else:
        firsts = {life: first for life in lives if (first := life.first_backward(start)) is not None}
    if not firsts:
        return range(0)
    return range(min(firsts.values()), max(life.last_shown for life in firsts) + 1)


def follow(
    passes: Passes,
    annotations: Mapping[int, Annotation],
    frames_forward: Callable[[], Iterable[Frame]],
    frames_backward: Callable[[int, int], Iterable[Frame]],
    make_follower: Callable[[PassName], Follower],
    spool_folder: Path,
    *,
    on_progress: Callable[[int, int], None] = lambda num_done, num_frames: None,
    cuts: Collection[int] = (),
    keeps_spool: bool = False,
    resumes: bool = False,
) -> Iterator[FrameResult]:
    """Follows annotated objects through a clip; annotated pixels come out as they were drawn.

    A corrupt frame repeats the result of the frame before it, whatever the direction.

    Args:
        passes: Of ``plan_passes`` for the same annotations.
        annotations: By frame index, at source size.
        frames_forward: Gives the frames in presentation order. All of those that results are wanted of, which are the
            last part of the clip when a job is resumed.
        frames_backward: Gives the frames from a first one up to but without another, in falling order.
        make_follower: Called for each pass when it begins, with its name; both may use the same segmenter. Frames of
            the backward pass have an index that rises, and is not their place in the clip.
        spool_folder: For the results of the backward pass.
        on_progress: Told after each frame of the backward pass how many are done, and of how many.
        cuts: Frames on which another shot begins; looked at for each frame when the backward pass is over, so that
            followers may find them on the way.
        keeps_spool: Whether a finished backward pass stays on the disk in the end, for ``remove_spool``.
        resumes: Whether a finished backward pass that lies there is used again.

    Yields:
        One result per frame of ``frames_forward``, at source size.
    """
    if not passes.backward and passes.follows_forward:
        yield from _follow_forward(passes, annotations, frames_forward, make_follower("forward"))
        return
    spool = Spool.open_existing(spool_folder, passes.backward) if resumes else None
    is_finished = spool is not None
    spool = spool or Spool(spool_folder, passes.backward)
    try:
        if not is_finished:
            _fill(spool, passes, annotations, frames_backward, make_follower("backward"), on_progress)
            is_finished = True
        yield from _merge(spool, passes, annotations, frames_forward, make_follower, cuts)
    finally:
        if keeps_spool and is_finished:
            spool.close()
        else:
            spool.remove()


def _follow_forward(
    passes: Passes,
    annotations: Mapping[int, Annotation],
    frames_forward: Callable[[], Iterable[Frame]],
    follower: Follower,
) -> Iterator[FrameResult]:
    with _closing(frames_forward()) as frames:
        for frame in frames:
            if dropped := passes.drops.get(frame.index):
                follower.drop(dropped)
            yield follower.step(frame, annotations.get(frame.index))


def _fill(
    spool: Spool,
    passes: Passes,
    annotations: Mapping[int, Annotation],
    frames_backward: Callable[[int, int], Iterable[Frame]],
    follower: Follower,
    on_progress: Callable[[int, int], None],
) -> None:
    """The backward pass. Corrupt frames wait for the one before them, whose result they repeat."""
    waiting: list[int] = []
    wanted = passes.backward
    with _closing(frames_backward(wanted.start, wanted.stop) if wanted else ()) as frames:
        for num_done, frame in enumerate(frames, 1):
            annotation = annotations.get(frame.index)
            if dropped := passes.backward_drops(frame.index):
                follower.drop(dropped)
            if frame.is_corrupt and annotation is None:
                waiting.append(frame.index)
            else:
                # Memories count in frames that go by: their clock must rise.
                result = follower.step(replace(frame, index=wanted.stop - 1 - frame.index), annotation)
                if waiting or any(passes.shares(frame.index).values()):
                    spool.write(replace(result, frame=frame))
                _repeat(spool, waiting)
                waiting.clear()
            on_progress(num_done, len(wanted))
    _repeat(spool, waiting)
    spool.finish()


def _repeat(spool: Spool, indices: Iterable[int]) -> None:
    for index in indices:
        spool.repeat(index)


def _merge(
    spool: Spool,
    passes: Passes,
    annotations: Mapping[int, Annotation],
    frames_forward: Callable[[], Iterable[Frame]],
    make_follower: Callable[[PassName], Follower],
    cuts: Collection[int],
) -> Iterator[FrameResult]:
    """Results in presentation order."""
    if passes.follows_forward:
        for result in _follow_forward(passes, annotations, frames_forward, make_follower("forward")):
            yield blend(result.frame, result, spool.read(result.frame), passes.shares(result.frame.index, cuts))
        return
    with _closing(frames_forward()) as frames:
        for frame in frames:
            yield blend(frame, None, spool.read(frame), passes.shares(frame.index))


def remove_spool(folder: Path) -> None:
    """Deletes what a job that kept its spool has left in a folder, and the folder if nothing else is in it."""
    Spool.clear(folder)


@contextmanager
def _closing(frames: Iterable[Frame]) -> Iterator[Iterable[Frame]]:
    """Closes what can be closed, as generators can; readers belong to those who opened them."""
    try:
        yield frames
    finally:
        if isinstance(frames, Generator):
            frames.close()
