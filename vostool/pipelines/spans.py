"""Spans of frames on which something may be wrong with an object, the worst of them kept."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any

MOST_SPANS = 200
# Lines that are told at the end of a job.
MOST_LINES = 8
MOST_SUGGESTIONS = 5
# Suggested frames nearer than this to one another tell the network the same.
FRAMES_BETWEEN_SUGGESTIONS = 10
# Seconds that count for one frame of each kind, when it is asked which span matters most.
WEIGHTS = {"lost": 1.0, "jumped": 1.5, "unsure": 1.0, "cut": 0.0}


@dataclass(frozen=True, slots=True)
class Span:
    """A run of frames.

    Attributes:
        kind: ``lost``: no pixel; ``unsure``: low confidence; ``jumped``: the area changed suddenly; ``cut``: new shot.
        object_id: None for what concerns the picture as a whole.
        first, last: Frames, both inside.
        start, end: Their presentation times in seconds.
        worst: The frame that a new mask would help most.
        confidence: On that frame, 0..1.
    """

    kind: str
    object_id: int | None
    first: int
    last: int
    start: float
    end: float
    worst: int
    confidence: float

    @property
    def weight(self) -> float:
        """How much it matters: frames, times how unsure they are."""
        return WEIGHTS[self.kind] * (self.last - self.first + 1) * (1.0 - self.confidence)

    def describe(self) -> str:
        """One line for a person."""
        if self.kind == "cut":
            return f"a new shot begins at frame {self.first} ({clock(self.start)})"
        is_one = self.first == self.last
        where = f"on frame {self.first}" if is_one else f"on frames {self.first} to {self.last}"
        when = clock(self.start) if is_one else f"{clock(self.start)} to {clock(self.end)}"
        detail = "" if self.kind == "lost" else f", confidence {self.confidence:.2f} on frame {self.worst}"
        return f"object {self.object_id} {self.kind} {where} ({when}){detail}"


@dataclass(slots=True)
class OpenSpan:
    """A span that may still grow."""

    kind: str
    object_id: int
    first: int
    last: int
    start: float
    end: float
    worst: int
    confidence: float

    @classmethod
    def begun(cls, kind: str, object_id: int, frame: int, time: float, confidence: float) -> OpenSpan:
        """A span of one frame."""
        return cls(kind, object_id, frame, frame, time, time, frame, confidence)

    def grow(self, frame: int, time: float, confidence: float) -> None:
        """Takes one more frame."""
        self.last, self.end = frame, time
        if confidence < self.confidence:
            self.worst, self.confidence = frame, confidence

    def close(self, next_frame: int | None = None) -> Span:
        """The finished span; a lost object is best drawn on the frame where it is back, ``next_frame``."""
        worst = next_frame if self.kind == "lost" and next_frame is not None else self.worst
        return Span(self.kind, self.object_id, self.first, self.last, self.start, self.end, worst, self.confidence)

    def state(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def restored(cls, values: dict[str, Any]) -> OpenSpan:
        """The span that ``state`` was of."""
        return cls(**values)


class SpanList:
    """The ``MOST_SPANS`` spans that matter most, and how many more there were."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Span]] = []
        self._num_added = 0

    @property
    def num_left_out(self) -> int:
        """Spans that were not kept."""
        return self._num_added - len(self._heap)

    def add(self, span: Span) -> None:
        """Keeps it, or forgets the one that matters least."""
        self._num_added += 1
        heapq.heappush(self._heap, (span.weight, -self._num_added, span))
        if len(self._heap) > MOST_SPANS:
            heapq.heappop(self._heap)

    def in_order(self) -> tuple[Span, ...]:
        """By first frame."""
        return tuple(sorted((span for _, _, span in self._heap), key=lambda span: (span.first, span.object_id or 0)))

    def state(self) -> dict[str, Any]:
        """Plain values."""
        return {"num_added": self._num_added, "spans": [[serial, *astuple(span)] for _, serial, span in self._heap]}

    def restore(self, state: dict[str, Any]) -> None:
        """The list that ``state`` was of."""
        self._num_added = state["num_added"]
        spans = [(serial, Span(*values)) for serial, *values in state["spans"]]
        self._heap = [(span.weight, serial, span) for serial, span in spans]
        heapq.heapify(self._heap)


@dataclass(frozen=True, slots=True)
class Findings:
    """What is to be told at the end.

    Attributes:
        spans: In order of their first frame.
        frames: Worth annotating, in rising order.
        num_left_out: Spans that were found beyond those.
    """

    spans: tuple[Span, ...]
    frames: tuple[int, ...]
    num_left_out: int = 0


def frames_to_annotate(spans: Sequence[Span]) -> tuple[int, ...]:
    """The worst frames of the spans that matter most, not too near to one another, in rising order."""
    chosen: list[int] = []
    for span in sorted(spans, key=lambda span: -span.weight):
        is_near = any(abs(span.worst - frame) < FRAMES_BETWEEN_SUGGESTIONS for frame in chosen)
        if span.weight > 0 and not is_near and len(chosen) < MOST_SUGGESTIONS:
            chosen.append(span.worst)
    return tuple(sorted(chosen))


def describe_findings(findings: Findings) -> list[str]:
    """Lines for a person: the spans that matter most, and what to do about them."""
    spans = sorted((span for span in findings.spans if span.kind != "cut"), key=lambda span: -span.weight)
    shown = sorted(spans[:MOST_LINES], key=lambda span: span.first)
    lines = [span.describe() for span in shown]
    if more := len(spans) - len(shown) + findings.num_left_out:
        lines.append(f"{more} more such spans; --json lists them")
    if findings.frames:
        first = findings.frames[0]
        frames = ", ".join(map(str, findings.frames))
        name = "frame" if len(findings.frames) == 1 else "frames"
        lines.append(f"worth a mask: {name} {frames}, as in --mask {first}=FILE --resume-from {first}")
    return lines


def clock(seconds: float) -> str:
    """``00:01:12.480``."""
    milliseconds = round(max(0.0, seconds) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest / 1000:06.3f}"
