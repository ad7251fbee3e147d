"""The presentation times of a whole video in a few numbers, so that a finished file can be checked against them."""

from __future__ import annotations

import math
import zlib
from fractions import Fraction
from typing import Any

BLOCK = 1000
# Matroska and WebM count milliseconds; MP4 and MOV take the time base of the source.
RESOLUTIONS = {".mkv": Fraction(1, 1000), ".webm": Fraction(1, 1000)}


class Timeline:
    """Times in order of presentation, each as a container keeps it, counted from the first.

    One checksum stands for each ``BLOCK`` of times, so that two timelines can be compared and a difference be placed.

    Args:
        extension: Of the video, which decides how times are rounded.

    Attributes:
        first: Seconds of the first time as the container keeps it; None before it.
    """

    def __init__(self, extension: str) -> None:
        self.first: Fraction | None = None
        self.num_frames = 0
        self._resolution = RESOLUTIONS.get(extension.lower())
        self._checksums: list[int] = []

    def add(self, time: Fraction) -> None:
        """Note the time of the next frame, in seconds."""
        kept = time if self._resolution is None else round_half_up(time / self._resolution) * self._resolution
        if self.first is None:
            self.first = kept
        if self.num_frames % BLOCK == 0:
            self._checksums.append(0)
        step = kept - self.first
        self._checksums[-1] = zlib.crc32(f"{step.numerator}/{step.denominator} ".encode(), self._checksums[-1])
        self.num_frames += 1

    def find_difference(self, other: Timeline) -> tuple[int, int] | None:
        """First and last number of the first block in which a time differs; None if all are equal."""
        for block, (one, two) in enumerate(zip(self._checksums, other._checksums, strict=True)):
            if one != two:
                return block * BLOCK, min((block + 1) * BLOCK, self.num_frames) - 1
        return None

    def state(self) -> dict[str, Any]:
        """As JSON can hold it."""
        first = None if self.first is None else str(self.first)
        return {"first": first, "num_frames": self.num_frames, "checksums": list(self._checksums)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what ``state()`` gave."""
        self.first = None if state["first"] is None else Fraction(state["first"])
        self.num_frames = state["num_frames"]
        self._checksums = list(state["checksums"])


def round_half_up(value: Fraction) -> int:
    """The nearest whole number, halves away from zero as FFmpeg does it."""
    nearest = math.floor(abs(value) + Fraction(1, 2))
    return nearest if value >= 0 else -nearest
