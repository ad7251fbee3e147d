"""Which frame is at a position: exact for every file, without decoding where the packets tell it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fractions import Fraction
from pathlib import Path

from vostool.errors import UsageError
from vostool.types import VideoInfo
from vostool.video.reading.position import FrameIndex, Position, Seconds, as_time
from vostool.video.reading.reader import TYPING_ERROR, open_video

# Presentation time and duration of a frame, in units of the time base.
FrameTime = tuple[int, int]


class NoSuchFrame(UsageError):
    """The video has no frame at a position that an option names.

    Attributes:
        position: The one that was looked for.
        num_frames: How many there are.
    """

    code = "video.no_such_frame"

    def __init__(self, path: Path, position: Position, num_frames: int, end: Fraction | None) -> None:
        self.position, self.num_frames = position, num_frames
        count = f"{num_frames} {'frame' if num_frames == 1 else 'frames'} (0 to {num_frames - 1})"
        extent = count if end is None else f"{count}, {float(end):.3f} s"
        super().__init__(f"{path} has no {_text(position)}: it has {extent}", "choose one of these")


def find_frames(positions: Collection[Position], path: Path, info: VideoInfo) -> dict[Position, int]:
    """The frame number of each position; a time means the frame that is on screen then.

    Args:
        path: A video or a folder of images.
        info: What the reader says of it.

    Raises:
        NoSuchFrame: One is outside of the video.
        UsageError: There is no such timecode.
        VideoError: The video cannot be read.
    """
    wanted = {position: as_time(position, info.frame_rate) for position in positions}
    is_known = info.is_num_frames_exact and info.num_frames is not None
    if is_known and all(isinstance(each, FrameIndex) for each in wanted.values()):
        return _check_numbers(wanted, path, info.num_frames or 0)
    if info.is_image_folder:
        return _Search(wanted, path, info.time_base).run(iter((index, 1) for index in range(info.num_frames or 0)))
    # Here, so that folders can be used where there is no PyAV.
    from vostool.video.reading.packet_times import UnsureError, packet_times

    try:
        times = ((time.pts, time.duration) for time in packet_times(path))
        return _Search(wanted, path, info.time_base).run(times)
    except UnsureError:
        return _Search(wanted, path, info.time_base).run(_decoded_times(path))


def _decoded_times(path: Path) -> Iterator[FrameTime]:
    with open_video(path, deinterlace=False) as reader:
        for frame in reader:
            yield frame.pts, frame.duration


def _check_numbers(wanted: dict[Position, FrameIndex | Seconds], path: Path, num_frames: int) -> dict[Position, int]:
    found = {position: each.index for position, each in wanted.items() if isinstance(each, FrameIndex)}
    for position, index in found.items():
        if index >= num_frames:
            raise NoSuchFrame(path, position, num_frames, None)
    return found


class _Search:
    """Meets the frames in order and hands out their numbers."""

    def __init__(self, wanted: dict[Position, FrameIndex | Seconds], path: Path, time_base: Fraction) -> None:
        self._path, self._time_base = path, time_base
        self._indices = {position: each.index for position, each in wanted.items() if isinstance(each, FrameIndex)}
        times = [(each.seconds, position) for position, each in wanted.items() if isinstance(each, Seconds)]
        self._times = sorted(times, key=lambda entry: entry[0], reverse=True)
        self._last_index = max(self._indices.values(), default=-1)

    def run(self, times: Iterator[FrameTime]) -> dict[Position, int]:
        """The frame of each position, reading no further than needed; raises NoSuchFrame."""
        found: dict[Position, int] = {}
        start, end, num_frames = 0, Fraction(0), 0
        for index, (pts, duration) in enumerate(times):
            start = pts if index == 0 else start
            end = (pts + duration - start) * self._time_base
            num_frames = index + 1
            while self._times and self._times[-1][0] + TYPING_ERROR < end:
                found[self._times.pop()[1]] = index
            if not self._times and index >= self._last_index:
                return found | self._indices
        missing = next((position for position, index in self._indices.items() if index >= num_frames), None)
        raise NoSuchFrame(self._path, missing or self._times[-1][1], num_frames, end)


def _text(position: Position) -> str:
    if isinstance(position, FrameIndex):
        return f"frame {position.index}"
    return f"{float(position.seconds):g} s" if isinstance(position, Seconds) else f"timecode {position}"
