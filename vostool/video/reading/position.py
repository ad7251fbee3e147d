"""A place in a video as the user writes it: a frame number, seconds or a timecode."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from vostool.errors import UsageError

FRAME_PATTERN = re.compile(r"\d+")
SECONDS_PATTERN = re.compile(r"(\d+(?:\.\d*)?|\.\d+)s")
CLOCK_PATTERN = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d*)?)")
TIMECODE_PATTERN = re.compile(r"(\d+):([0-5]\d):([0-5]\d)([:;])(\d{2,3})")

# SMPTE ST 12-1: these rates drop that many frame numbers at each minute but every tenth.
DROPPED_NUMBERS = {30: 2, 60: 4}


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """A 0-based frame number, in presentation order."""

    index: int


@dataclass(frozen=True, slots=True)
class Seconds:
    """Seconds after the first frame, which is where a player's clock stands at zero."""

    seconds: Fraction


@dataclass(frozen=True, slots=True)
class Timecode:
    """Hours, minutes and seconds of whole frames, from 00:00:00:00 on the first frame, as editing programs count.

    Attributes:
        seconds: Hours, minutes and seconds together, in seconds of as many frames as the rate rounds to.
        frames: After the last whole second.
        is_drop_frame: Whether frame numbers are dropped to keep up with the clock; written with a semicolon.
    """

    seconds: int
    frames: int
    is_drop_frame: bool = False

    def number(self, frame_rate: Fraction) -> int:
        """The number of its frame in a video of a constant rate; raises UsageError if there is no such timecode."""
        count = round(frame_rate)
        if self.frames >= count:
            message = f"timecode {self} has frame {self.frames} of a second, the video has {count} frames a second"
            raise UsageError(message, f"the last part goes from 0 to {count - 1}", code="usage.position")
        number = self.seconds * count + self.frames
        return number - self._num_dropped(frame_rate, count) if self.is_drop_frame else number

    def _num_dropped(self, frame_rate: Fraction, count: int) -> int:
        dropped = DROPPED_NUMBERS.get(count)
        if dropped is None or frame_rate == count:
            message = (
                f"timecode {self} drops frames, which only 29.97 and 59.94 do; the video has {float(frame_rate):g}"
            )
            raise UsageError(message, "write it with a colon", code="usage.position")
        minutes = self.seconds // 60
        if self.seconds % 60 == 0 and minutes % 10 and self.frames < dropped:
            message = f"there is no timecode {self}: {dropped} numbers are dropped at that minute"
            raise UsageError(message, "choose a later frame", code="usage.position")
        return dropped * (minutes - minutes // 10)

    def __str__(self) -> str:
        minutes, seconds = divmod(self.seconds, 60)
        mark = ";" if self.is_drop_frame else ":"
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}{mark}{self.frames:02}"


Position = FrameIndex | Seconds | Timecode


def parse_position(text: str) -> Position:
    """Read ``120`` as a frame number, ``4.5s``, ``01:07.5`` or ``00:01:07.5`` as a time, ``00:01:07:12`` as a timecode.

    Raises:
        UsageError: The text is none of these.
    """
    text = text.strip()
    if FRAME_PATTERN.fullmatch(text):
        return FrameIndex(int(text))
    if match := SECONDS_PATTERN.fullmatch(text):
        return Seconds(Fraction(match[1]))
    if match := CLOCK_PATTERN.fullmatch(text):
        return Seconds(Fraction(int(match[1] or 0) * 3600 + int(match[2]) * 60) + Fraction(match[3]))
    if match := TIMECODE_PATTERN.fullmatch(text):
        seconds = int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3])
        return Timecode(seconds, int(match[5]), match[4] == ";")
    raise UsageError(
        f"{text!r} is neither a frame number nor a time",
        "write a frame as 120, a time as 4.5s or 00:00:04.500, a timecode as 00:00:04:12",
        code="usage.position",
    )


def as_time(position: Position, frame_rate: Fraction) -> FrameIndex | Seconds:
    """A timecode as the seconds half way through its frame, as no rate is told exactly; others as they are."""
    if isinstance(position, Timecode):
        return Seconds((position.number(frame_rate) + Fraction(1, 2)) / frame_rate)
    return position
