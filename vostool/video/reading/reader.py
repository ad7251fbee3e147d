"""The one way in: any video, a folder of images or a single image."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from fractions import Fraction
from pathlib import Path

from vostool.errors import VideoError
from vostool.types import Frame
from vostool.video.reading.diagnosis import require_file
from vostool.video.reading.images import DEFAULT_FRAME_RATE, IMAGE_SUFFIXES, ImageFolderReader
from vostool.video.reading.interface import VideoReader
from vostool.video.reading.position import FrameIndex, Position, Seconds, as_time, parse_position

__all__ = ["VideoReader", "open_video", "read_frame_at"]

# Times are typed to the millisecond, frames of 29.97 fps lie between milliseconds.
TYPING_ERROR = Fraction(1, 1000)


def open_video(
    path: str | Path,
    frame_rate: Fraction = DEFAULT_FRAME_RATE,
    *,
    keeps_depth: bool = False,
    deinterlace: bool = True,
) -> VideoReader:
    """Open a video for reading its frames in presentation order.

    Args:
        path: A video file, an image, or a folder of images, which are taken in natural order.
        frame_rate: Of a folder of images, in frames per second; a video has its own.
        keeps_depth: Frames of sources with more than 8 bits carry them in ``Frame.deep``.
        deinterlace: Pictures of interlaced video are made progressive, one for each; otherwise they stay as coded.

    Raises:
        VideoError: It is not there, cannot be read or holds no picture.
    """
    path = Path(path)
    require_file(path)
    if path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageFolderReader(path, frame_rate, keeps_depth=keeps_depth)
    # Here, so that folders can be read, trained on and scored where there is no PyAV.
    from vostool.video.reading.decoding import FileReader

    return FileReader(path, keeps_depth=keeps_depth, deinterlace=deinterlace)


def read_frame_at(path: str | Path, position: Position | int | str) -> Frame:
    """The frame at a position, the very one that iteration gives there.

    Args:
        position: A frame number, or text as ``parse_position`` takes it. A time means the frame that is on screen then.

    Raises:
        VideoError: The video cannot be read or has no frame there.
        UsageError: The text is no position.
    """
    given = parse_position(str(position)) if isinstance(position, int | str) else position
    with open_video(path) as reader, closing(_with_ends(reader)) as frames:
        wanted = as_time(given, reader.info.frame_rate)
        last = None
        for frame, end in frames:
            last = (frame, end)
            if _is_there(wanted, frame, end):
                return frame
        assert last is not None
        raise _no_such_frame(Path(path), wanted, reader.num_frames_read, last[1])


def _with_ends(frames: Iterable[Frame]) -> Generator[tuple[Frame, Fraction], None, None]:
    """Each frame with the seconds, counted from the first frame, at which it leaves the screen."""
    waiting: Frame | None = None
    start = 0
    for frame in frames:
        if waiting is None:
            start = frame.pts
        else:
            yield waiting, (frame.pts - start) * frame.time_base
        waiting = frame
    if waiting is not None:
        yield waiting, (waiting.pts + waiting.duration - start) * waiting.time_base


def _is_there(wanted: FrameIndex | Seconds, frame: Frame, end: Fraction) -> bool:
    """True if ``frame`` is the first one that fits the position."""
    if isinstance(wanted, FrameIndex):
        return frame.index == wanted.index
    return wanted.seconds + TYPING_ERROR < end


def _no_such_frame(path: Path, wanted: FrameIndex | Seconds, num_frames: int, end: Fraction) -> VideoError:
    """The error that says how much there is."""
    text = f"{float(wanted.seconds):g} s" if isinstance(wanted, Seconds) else f"frame {wanted.index}"
    extent = f"{num_frames} {'frame' if num_frames == 1 else 'frames'} (0 to {num_frames - 1}), {float(end):.3f} s"
    return VideoError(f"{path} has no {text}: it has {extent}", "choose one of these", code="video.no_such_frame")
