"""The frames of a job, and what the network says of them, in whichever direction."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, nullcontext
from fractions import Fraction
from pathlib import Path
from typing import Any, TypedDict

from vostool.pipelines.directions import PassName, follow
from vostool.pipelines.segment_options import SegmentOptions
from vostool.pipelines.segment_plan import SegmentPlan
from vostool.pipelines.shots import Follower, ShotFollower
from vostool.types import Frame, FrameResult
from vostool.video.reading.backward import read_backward, read_range
from vostool.video.reading.images import DEFAULT_FRAME_RATE
from vostool.video.reading.interface import VideoReader
from vostool.video.reading.prefetch import prefetch


class _Reading(TypedDict):
    """How frames are read, forward and backward alike."""

    keeps_depth: bool
    deinterlace: bool


class Following:
    """Follows the objects of one job.

    Args:
        reader: Of the whole clip, not read from yet; it stays the caller's to close.
        make_follower: Gives a follower that knows nothing yet.
        spool_folder: For the results of a backward pass.
        keeps_depth: Whether frames are to carry all bits of the source.
        on_backward: Told after each frame of a backward pass how many are done, and of how many.

    Attributes:
        num_frames_read: Frames that were given out.
        is_short: Once the end was reached: whether the file promised more than came.
    """

    def __init__(
        self,
        options: SegmentOptions,
        plan: SegmentPlan,
        reader: VideoReader,
        make_follower: Callable[[], Follower],
        spool_folder: Path,
        *,
        keeps_depth: bool,
        on_backward: Callable[[int, int], None],
    ) -> None:
        self.num_frames_read = 0
        self.is_short = False
        self._options, self._plan, self._reader = options, plan, reader
        self._make_follower, self._spool_folder = make_follower, spool_folder
        self._reading = _Reading(keeps_depth=keeps_depth, deinterlace=options.deinterlace)
        self._on_backward = on_backward
        self._cuts: set[int] = set()
        self._state: dict[str, Any] | None = None
        self._forward: ShotFollower | None = None

    def frames(self, first: int) -> Generator[Frame, None, None]:
        """The clip's frames from one on to the end of the range, read ahead in a thread."""
        plan, source = self._plan, self._options.source
        is_whole = first == 0 and plan.stop is None
        with nullcontext(self._reader) if is_whole or str(source) == "-" else self._open_range(first) as reader:
            with closing(prefetch(reader)) as frames:
                for frame in frames:
                    if frame.index < first:
                        continue
                    if plan.stop is not None and frame.index >= plan.stop:
                        return
                    self.num_frames_read += 1
                    yield frame
            self.is_short = plan.stop is None and reader.is_short

    def results(self, frames: Iterable[Frame]) -> Iterator[FrameResult]:
        """One result for each of the frames, which are all from one on to the end of the range."""
        return follow(
            self._plan.passes, self._plan.annotations, lambda: frames, self._frames_backward, self._begin,
            self._spool_folder, on_progress=self._on_backward, cuts=self._cuts, keeps_spool=True,
            resumes=self._state is not None,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """What ``restore`` needs to go on after the last result."""
        return {"forward": self._forward.state() if self._forward else None, "cuts": sorted(self._cuts)}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state when ``results`` is called."""
        self._state = state
        self._cuts.update(state["cuts"])

    def _begin(self, name: PassName) -> ShotFollower:
        """The follower of one pass."""
        if name == "backward":
            return ShotFollower(self._make_follower(), self._options.scene_cuts, self._note_backward_cut)
        self._forward = ShotFollower(self._make_follower(), self._options.scene_cuts, self._cuts.add)
        if self._state is not None and self._state["forward"] is not None:
            self._forward.restore(self._state["forward"])
        return self._forward

    def _note_backward_cut(self, clock: int) -> None:
        """The backward pass counts its frames upward: what is new to it there is the last frame of the shot before."""
        self._cuts.add(self._plan.passes.backward.stop - clock)

    def _open_range(self, first: int) -> VideoReader:
        options = self._options
        return read_range(options.source, first, self._plan.stop, _rate(options), **self._reading)

    def _frames_backward(self, start: int, stop: int) -> Iterator[Frame]:
        with (
            read_backward(self._options.source, start, stop, _rate(self._options), **self._reading) as reader,
            closing(prefetch(reader)) as frames,
        ):
            yield from frames


def _rate(options: SegmentOptions) -> Fraction:
    return options.frame_rate or DEFAULT_FRAME_RATE
