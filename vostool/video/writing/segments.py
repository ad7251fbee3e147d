"""The part files of one video: each checkpoint ends one for good, and what comes later goes to the next.

``NAME.part.EXT`` holds the frames up to the first checkpoint, ``NAME.part-000120.EXT`` those from frame 120 on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av

from vostool.types import ColourTags, Frame, VideoInfo
from vostool.video.durable import sync
from vostool.video.tracks.span import Span
from vostool.video.tracks.timeline import Timeline, round_half_up
from vostool.video.writing.encoding import Encoding
from vostool.video.writing.output_kind import part_path
from vostool.video.writing.sink_state import SinkState, cannot_resume
from vostool.video.writing.writer import VideoWriter


@dataclass(frozen=True, slots=True)
class Segment:
    """One part file that was ended.

    Attributes:
        num_frames: That it holds.
        first_time: Presentation time of its first frame in the output, in seconds, exact; fragments forget where they
            began.
    """

    path: Path
    num_frames: int
    first_time: Fraction


class Segments:
    """Writes the pictures of one video into its part files.

    Args:
        path: The final place of the video.
        resume: What ``checkpoint()`` gave; its part files must be there. None to begin anew, in place of what an
            earlier run may have left. Nothing is touched before the first frame.
        is_part: The frames are only a part of the source; the first one is shown at zero.

    Attributes:
        timeline: Times of all frames that were written, as the output shows them.
        span: Of a part that was begun: where it lies in the source; else None.
    """

    def __init__(
        self,
        path: Path,
        encoding: Encoding,
        info: VideoInfo,
        tags: ColourTags,
        resume: SinkState | None = None,
        *,
        is_part: bool = False,
    ) -> None:
        self._path, self._encoding, self._info, self._tags = path, encoding, info, tags
        self._ended: list[Segment] = []
        self._sizes: list[int] = []
        self._writer: VideoWriter | None = None
        self._is_part = is_part
        self.span: Span | None = None
        self.timeline = Timeline(path.suffix)
        if resume is not None:
            self._restore(resume)

    @property
    def ended(self) -> tuple[Segment, ...]:
        """The part files that were ended, in order."""
        return tuple(self._ended)

    @property
    def parts(self) -> tuple[Path, ...]:
        """All part files of this run, in order."""
        writing = [self._writer.path] if self._writer is not None else []
        return (*(segment.path for segment in self._ended), *writing)

    @property
    def last_part(self) -> Path:
        """The part file being written, or that would be; for messages."""
        return self.parts[-1] if self.parts else part_path(self._path)

    def write(self, picture: av.VideoFrame, frame: Frame) -> None:
        """Encode a picture at the time of its source frame; of a part, counted from its first one."""
        if self._is_part:
            frame = self._from_zero(frame)
        if self._writer is None:
            place = self._next_place()
            self._discard(spared={*self.parts, place})
            self._writer = VideoWriter(place, self._encoding, self._info, self._tags)
        self._writer.write(picture, frame)
        self.timeline.add(frame.pts * frame.time_base)

    def end(self) -> None:
        """End the part file being written, if there is one; nothing more is written to it, whatever happens."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        if writer.first_time is not None:
            self._ended.append(Segment(writer.path, writer.num_frames, writer.first_time))
        writer.close()

    def checkpoint(self) -> SinkState:
        """End the part file and wait until it is on the disk."""
        self.end()
        for segment in self._ended[len(self._sizes) :]:
            sync(segment.path)
            self._sizes.append(segment.path.stat().st_size)
        if self._ended:
            sync(self._path.absolute().parent)
        return {
            "num_frames": self.timeline.num_frames,
            "segments": [
                {
                    "name": segment.path.name,
                    "num_frames": segment.num_frames,
                    "first_time": str(segment.first_time),
                    "num_bytes": size,
                }
                for segment, size in zip(self._ended, self._sizes, strict=True)
            ],
            "timeline": self.timeline.state(),
            "span": None if self.span is None else [str(self.span.start), str(self.span.stop)],
        }

    def find_damage(self) -> str | None:
        """What is wrong with the part files of the checkpoint that this run goes on from; None if they are whole."""
        for segment, size in zip(self._ended, self._sizes, strict=True):
            if not segment.path.is_file():
                return f"{segment.path.name} is missing"
            if (found := segment.path.stat().st_size) != size:
                return f"{segment.path.name} has {found} bytes instead of {size}"
        return None

    def require_whole(self) -> None:
        """Raise OutputError unless the part files are as the checkpoint left them."""
        if (damage := self.find_damage()) is not None:
            raise cannot_resume(self._path, damage)

    def remove(self) -> None:
        """Remove every part file, those of earlier runs too."""
        self._discard(spared=set())

    def _restore(self, state: SinkState) -> None:
        for entry in state["segments"]:
            place = self._path.with_name(entry["name"])
            self._ended.append(Segment(place, entry["num_frames"], Fraction(entry["first_time"])))
            self._sizes.append(entry["num_bytes"])
        self.timeline.restore(state["timeline"])
        self.span = None if state["span"] is None else Span(*map(Fraction, state["span"]))

    def _from_zero(self, frame: Frame) -> Frame:
        """The frame at its time within the part, which reaches to its end now."""
        begin = frame.pts * frame.time_base
        length = frame.duration * frame.time_base or 1 / self._info.frame_rate
        start = begin if self.span is None else self.span.start
        self.span = Span(start, begin + length)
        return replace(frame, pts=round_half_up((begin - start) / frame.time_base))

    def _next_place(self) -> Path:
        first, num_frames = part_path(self._path), self.timeline.num_frames
        return first.with_name(f"{first.stem}-{num_frames:06d}{first.suffix}") if num_frames else first

    def _discard(self, spared: set[Path]) -> None:
        for part in part_files(self._path):
            if part not in spared:
                part.unlink()


def part_files(path: Path) -> Iterator[Path]:
    """Every part file of a video that lies beside it, whichever run it is from."""
    first = part_path(path)
    pattern = re.compile(rf"{re.escape(first.stem)}(-\d{{6,}})?{re.escape(first.suffix)}")
    yield from [sibling for sibling in path.parent.iterdir() if pattern.fullmatch(sibling.name)]
