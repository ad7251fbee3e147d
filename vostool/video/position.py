"""A place in a video as the user writes it: a frame number, seconds or a timecode."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from vostool.errors import UsageError

FRAME_PATTERN = re.compile(r"\d+")
SECONDS_PATTERN = re.compile(r"(\d+(?:\.\d*)?|\.\d+)s")
TIMECODE_PATTERN = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d*)?)")


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """A 0-based frame number, in presentation order."""

    index: int


@dataclass(frozen=True, slots=True)
class Seconds:
    """Seconds after the first frame, which is where a player's clock stands at zero."""

    seconds: Fraction


Position = FrameIndex | Seconds


def parse_position(text: str) -> Position:
    """Read ``120`` as a frame number, ``4.5s``, ``01:07.5`` or ``00:01:07.5`` as a time.

    Raises:
        UsageError: The text is none of these.
    """
    text = text.strip()
    if FRAME_PATTERN.fullmatch(text):
        return FrameIndex(int(text))
    if match := SECONDS_PATTERN.fullmatch(text):
        return Seconds(Fraction(match[1]))
    if match := TIMECODE_PATTERN.fullmatch(text):
        return Seconds(Fraction(int(match[1] or 0) * 3600 + int(match[2]) * 60) + Fraction(match[3]))
    raise UsageError(
        f"{text!r} is neither a frame number nor a time",
        "write a frame as 120, a time as 4.5s or 00:00:04.500",
        code="usage.position",
    )
