"""Knowing where it failed: what is measured of every object on every frame, and the spans that deserve a look.

Nothing here grows with the clip: records go to whoever asks for them, spans are kept up to ``MOST_SPANS``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from vostool.pipelines.spans import Findings, OpenSpan, Span, SpanList, frames_to_annotate
from vostool.types import FrameResult

# Confidence below which a frame counts as unsure, whatever the object; and below which share of the object's usual
# confidence, since small and ragged objects always have less. See docs/segmenting.md for what they find.
UNSURE_BELOW = 0.75
UNSURE_SHARE = 0.95
# How fast the usual confidence follows: about the last 50 frames.
USUAL_RATE = 0.02
# An object whose area changes by more than this factor from one frame to the next has jumped.
JUMP_FACTOR = 2.0
# Shares of the picture below this come and go by themselves.
MIN_JUMP_AREA = 0.001
# Frames between two unsure ones that still belong to one span.
SPAN_GAP = 5

Status = Literal["seen", "lost", "reappeared", "absent"]


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """One object on one frame.

    Attributes:
        object_id: The user's id.
        area: Share of the picture, 0..1.
        confidence: See ``FrameResult``; 0 where the object has no pixel.
        status: ``seen``; ``lost`` if it was seen before and has no pixel; ``reappeared`` on the first frame after that;
            ``absent`` before it was ever seen, and after it was dropped.
    """

    object_id: int
    area: float
    confidence: float
    status: Status


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """One frame.

    Attributes:
        frame: 0-based index.
        time: Presentation time in seconds.
        is_annotated, is_cut, is_corrupt: Whether it has a mask of the user's, begins a new shot, or was damaged.
    """

    frame: int
    time: float
    is_annotated: bool
    is_cut: bool
    is_corrupt: bool
    objects: tuple[ObjectRecord, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class Watch:
    """Takes every result in order."""

    def __init__(self) -> None:
        self._areas: dict[int, float] = {}
        self._usual: dict[int, float] = {}
        self._seen: set[int] = set()
        self._open: dict[tuple[str, int], OpenSpan] = {}
        self._spans = SpanList()

    def add(self, result: FrameResult, *, is_annotated: bool = False, is_cut: bool = False) -> FrameRecord:
        """Measures one frame."""
        objects = tuple(self._measure(result, row, number) for row, number in enumerate(result.object_ids))
        frame = result.frame
        record = FrameRecord(frame.index, frame.time, is_annotated, is_cut, frame.is_corrupt, objects)
        if is_cut:
            self._spans.add(Span("cut", None, record.frame, record.frame, record.time, record.time, record.frame, 0.0))
        for each in objects:
            self._judge(each, record)
        self._areas = {each.object_id: each.area for each in objects}
        return record

    def drop(self, object_ids: Collection[int]) -> None:
        """From the next frame on these objects are absent because the user wants it so, not lost."""
        self._seen -= {*object_ids}
        for key in [key for key in self._open if key[1] in object_ids]:
            self._spans.add(self._open.pop(key).close())

    def finish(self) -> Findings:
        """Everything found; call it at the end."""
        for span in self._open.values():
            self._spans.add(span.close())
        self._open.clear()
        spans = self._spans.in_order()
        return Findings(spans, frames_to_annotate(spans), self._spans.num_left_out)

    def state(self) -> dict[str, Any]:
        """What ``restore`` needs to go on: numbers, texts and lists of them."""
        return {
            "areas": list(self._areas.items()),
            "usual": list(self._usual.items()),
            "seen": sorted(self._seen),
            "open": [span.state() for span in self._open.values()],
            "spans": self._spans.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on after the frame at which ``state`` was taken."""
        self._areas = dict(state["areas"])
        self._usual = dict(state["usual"])
        self._seen = set(state["seen"])
        spans = [OpenSpan.restored(values) for values in state["open"]]
        self._open = {(span.kind, span.object_id): span for span in spans}
        self._spans.restore(state["spans"])

    def _measure(self, result: FrameResult, row: int, object_id: int) -> ObjectRecord:
        num_pixels = int(np.count_nonzero(result.labels == object_id))
        confidence = float(result.confidence[row]) if num_pixels and result.confidence is not None else 0.0
        area = num_pixels / result.labels.size
        return ObjectRecord(object_id, area, confidence, self._status(object_id, num_pixels))

    def _status(self, object_id: int, num_pixels: int) -> Status:
        if not num_pixels:
            return "lost" if object_id in self._seen else "absent"
        was_lost = object_id in self._seen and not self._areas.get(object_id)
        self._seen.add(object_id)
        return "reappeared" if was_lost else "seen"

    def _judge(self, each: ObjectRecord, record: FrameRecord) -> None:
        """Opens, grows and closes the spans of one object."""
        self._follow("lost", each, record, is_bad=each.status == "lost", gap=0)
        is_unsure = each.area > 0 and not record.is_annotated and self._is_unsure(each)
        self._follow("unsure", each, record, is_bad=is_unsure, gap=SPAN_GAP)
        self._follow("jumped", each, record, is_bad=not record.is_annotated and self._has_jumped(each), gap=SPAN_GAP)

    def _is_unsure(self, each: ObjectRecord) -> bool:
        """Against what is usual for this object, which sure frames alone decide."""
        usual = self._usual.setdefault(each.object_id, each.confidence)
        is_unsure = each.confidence < max(UNSURE_BELOW, UNSURE_SHARE * usual)
        if not is_unsure:
            self._usual[each.object_id] = usual + USUAL_RATE * (each.confidence - usual)
        return is_unsure

    def _has_jumped(self, each: ObjectRecord) -> bool:
        before = self._areas.get(each.object_id, 0.0)
        smaller, larger = sorted((before, each.area))
        return smaller > 0 and larger > max(MIN_JUMP_AREA, JUMP_FACTOR * smaller)

    def _follow(self, kind: str, each: ObjectRecord, record: FrameRecord, *, is_bad: bool, gap: int) -> None:
        key = (kind, each.object_id)
        span = self._open.get(key)
        if is_bad and span is None:
            self._open[key] = OpenSpan.begun(kind, each.object_id, record.frame, record.time, each.confidence)
        elif is_bad and span is not None:
            span.grow(record.frame, record.time, each.confidence)
        elif span is not None and record.frame - span.last > gap:
            self._spans.add(self._open.pop(key).close(record.frame))
