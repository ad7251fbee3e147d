"""What is measured on every frame, and the spans that deserve a look."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

from vostool.pipelines.spans import MOST_SPANS, Span, SpanList, clock, frames_to_annotate
from vostool.pipelines.watch import FrameRecord, Watch
from vostool.types import Frame, FrameResult

SIZE = (20, 30)


def _result(index: int, area: int, probability: float = 0.95, *, object_id: int = 3) -> FrameResult:
    """An object of ``area`` pixels, each with the same probability."""
    labels = np.zeros(SIZE, np.uint8)
    labels.ravel()[:area] = object_id
    alpha = np.where(labels > 0, probability, 0.0).astype(np.float32)[None]
    frame = Frame(index, index, Fraction(1, 10), np.zeros((*SIZE, 3), np.uint8))
    confidence = np.array([probability if area else 0.0], np.float32)
    return FrameResult(frame, labels, alpha, (object_id,), confidence=confidence)


def _watch(areas: list[int], probabilities: dict[int, float] | None = None) -> tuple[Watch, list[FrameRecord]]:
    watch = Watch()
    known = probabilities or {}
    records = [
        watch.add(_result(index, area, known.get(index, 0.95)), is_annotated=index == 0)
        for index, area in enumerate(areas)
    ]
    return watch, records


def test_measures_are_of_the_object() -> None:
    _, records = _watch([60, 30])
    record = records[1].objects[0]
    assert (record.object_id, record.area, record.status) == (3, 0.05, "seen")
    assert record.confidence == pytest.approx(0.95)
    assert records[1].time == 0.1
    assert json.loads(json.dumps(records[0].to_dict()))["is_annotated"] is True


def test_an_object_that_goes_and_comes_back() -> None:
    watch, records = _watch([60, 60, 0, 0, 0, 60, 60])
    assert [record.objects[0].status for record in records] == ["seen"] * 2 + ["lost"] * 3 + ["reappeared", "seen"]
    (span,) = watch.finish().spans
    assert (span.kind, span.object_id, span.first, span.last, span.worst) == ("lost", 3, 2, 4, 5)
    assert span.describe() == "object 3 lost on frames 2 to 4 (00:00:00.200 to 00:00:00.400)"


def test_an_object_that_never_comes_back_is_told_at_the_end() -> None:
    watch, _ = _watch([60, 60, 0, 0])
    (span,) = watch.finish().spans
    assert (span.first, span.last) == (2, 3)


def test_an_object_never_seen_is_absent_not_lost() -> None:
    watch, records = _watch([0, 0])
    assert {record.objects[0].status for record in records} == {"absent"}
    assert watch.finish().spans == ()


def test_a_dropped_object_is_absent_not_lost() -> None:
    watch, _ = _watch([60, 60, 0])
    watch.drop([3])
    record = watch.add(_result(3, 0))
    assert record.objects[0].status == "absent"
    (span,) = watch.finish().spans
    assert (span.kind, span.first, span.last) == ("lost", 2, 2)


def test_a_dip_against_what_is_usual_is_one_span_with_its_worst_frame() -> None:
    watch, _ = _watch([60] * 40, {20: 0.88, 21: 0.8, 24: 0.85})
    findings = watch.finish()
    (span,) = findings.spans
    assert (span.kind, span.first, span.last, span.worst) == ("unsure", 20, 24, 21)
    assert findings.frames == (21,)
    assert "confidence 0.80 on frame 21" in span.describe()


def test_an_object_that_is_always_a_little_unsure_is_not_reported() -> None:
    watch, _ = _watch([60] * 40, dict.fromkeys(range(40), 0.8))
    assert watch.finish().spans == ()


def test_a_sudden_change_of_size_is_a_jump() -> None:
    watch, _ = _watch([60, 60, 200, 200])
    (span,) = watch.finish().spans
    assert (span.kind, span.first) == ("jumped", 2)


def test_a_cut_is_a_span_of_the_picture_and_no_suggestion() -> None:
    watch = Watch()
    watch.add(_result(0, 60), is_annotated=True)
    watch.add(_result(1, 60), is_cut=True)
    findings = watch.finish()
    assert findings.spans[0].describe() == "a new shot begins at frame 1 (00:00:00.100)"
    assert findings.frames == ()


@pytest.mark.parametrize("stop", range(1, 12))
def test_a_restored_watch_finds_the_same(stop: int) -> None:
    areas = [60, 60, 0, 0, 60, 200, 200, 60, 60, 0, 0, 0]
    unsure = {5: 0.6, 6: 0.5}
    whole, _ = _watch(areas, unsure)
    first, _ = _watch(areas[:stop], unsure)
    second = Watch()
    second.restore(json.loads(json.dumps(first.state())))
    for index in range(stop, len(areas)):
        second.add(_result(index, areas[index], unsure.get(index, 0.95)))
    assert second.finish() == whole.finish()


def _span(first: int, weight: int) -> Span:
    return Span("lost", 1, first, first + weight - 1, 0.0, 0.0, first, 0.0)


def test_the_worst_spans_are_kept_and_the_others_counted() -> None:
    spans = SpanList()
    for index in range(MOST_SPANS + 50):
        spans.add(_span(index, 1 + index))
    assert len(spans.in_order()) == MOST_SPANS
    assert spans.num_left_out == 50
    assert spans.in_order()[0].first == 50


def test_suggested_frames_are_apart() -> None:
    assert frames_to_annotate([_span(100, 5), _span(104, 4), _span(300, 3)]) == (100, 300)


def test_clock_carries() -> None:
    assert clock(3599.9996) == "01:00:00.000"
