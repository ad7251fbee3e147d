"""Moments of a clip as its user writes them, and the frames that they mean."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from vostool.errors import UsageError
from vostool.types import VideoInfo
from vostool.video.reading.frame_times import NoSuchFrame, find_frames
from vostool.video.reading.position import FrameIndex, Position, Seconds, as_time, parse_position
from vostool.video.reading.reader import TYPING_ERROR

PIPE = Path("-")
DROP_HINT = "write --drop ID@MOMENT, as in --drop 2@300 or --drop 1,2@00:00:12.5"


def parse_moment(text: str) -> Position:
    """``120`` as a frame number, ``4.5s`` or ``00:00:04.5`` as a time, ``00:00:04:12`` as a timecode, or UsageError."""
    return parse_position(text)


def parse_drop(text: str) -> tuple[tuple[int, ...], Position]:
    """``2@300`` or ``1,2@4.5s``: object ids, and the first frame in which they are not followed any more."""
    ids, separator, moment = text.partition("@")
    numbers = [part.strip() for part in ids.split(",")]
    if not separator or not all(part.isascii() and part.isdigit() and 1 <= int(part) <= 255 for part in numbers):
        raise UsageError(f"--drop {text!r} is not of the form ID@MOMENT", DROP_HINT, code="usage.drop")
    return tuple(int(part) for part in numbers), parse_position(moment)


def locate(
    positions: Collection[Position], path: Path, info: VideoInfo, on_note: Callable[[str], None] | None = None
) -> dict[Position, int]:
    """The frame number of each position, exact for files and folders.

    Args:
        path: The clip; ``-``, a pipe, cannot be looked through first: there the average rate tells the frame.
        on_note: Told if it did.

    Raises:
        NoSuchFrame: A position is outside of the clip.
        UsageError: There is no such timecode.
        VideoError: The clip cannot be read.
    """
    if path != PIPE:
        return find_frames(positions, path, info)
    times = [position for position in positions if not isinstance(position, FrameIndex)]
    if times and on_note is not None:
        on_note(f"times of a pipe are counted at {float(info.frame_rate):g} frames a second")
    return {position: _by_rate(position, info) for position in positions}


def locate_span(start: Position | None, end: Position | None, path: Path, info: VideoInfo) -> tuple[int, int | None]:
    """First frame and the one after the last; None if that is the end of the clip.

    ``end`` is the first frame that is not taken. A time at or after the end of the clip is its end.

    Raises:
        UsageError: Nothing lies between them, or there is no such timecode.
        NoSuchFrame: ``start`` is outside of the clip, or ``end`` is a frame number beyond its end.
        VideoError: The clip cannot be read.
    """
    first = locate([start], path, info)[start] if start is not None else 0
    stop = _locate_end(end, path, info) if end is not None else None
    if stop is not None and stop <= first:
        message = f"nothing lies between frame {first} and frame {stop}"
        raise UsageError(message, "--end is the first frame that is not taken", code="usage.span")
    return first, stop


def _locate_end(end: Position, path: Path, info: VideoInfo) -> int | None:
    try:
        return locate([end], path, info)[end]
    except NoSuchFrame as error:
        if isinstance(end, FrameIndex) and end.index > error.num_frames:
            raise
        return None


def _by_rate(position: Position, info: VideoInfo) -> int:
    wanted = as_time(position, info.frame_rate)
    if isinstance(wanted, Seconds):
        # The frame whose time it is, or the last one before.
        return int((wanted.seconds + TYPING_ERROR) * info.frame_rate)
    return wanted.index
