"""What is told while a job runs, against a clock that the test turns."""

from __future__ import annotations

import io
import json
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vostool.cli import progress as progress_module
from vostool.cli.app import run
from vostool.cli.progress import JsonNarrator, Narrator, narrate
from vostool.errors import OutputError, UsageError
from vostool.pipelines.report import FrameProgress, SegmentReport, StepProgress
from vostool.pipelines.watch import FrameRecord, ObjectRecord
from vostool.types import Frame, FrameResult


class Clock:
    """Stands still until it is turned."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    turned = Clock()
    monkeypatch.setattr(progress_module, "time", turned)
    return turned


def frame_progress(index: int, num_frames: int | None = 10, *, num_resumed: int = 0) -> FrameProgress:
    frame = Frame(index, index, Fraction(1, 4), np.zeros((4, 6, 3), np.uint8))
    result = FrameResult(frame, np.zeros((4, 6), np.uint8), np.zeros((1, 4, 6), np.float32), (3,))
    record = FrameRecord(index, index / 4, False, index == 2, False, (ObjectRecord(3, 0.25, 0.5, "seen"),))
    return FrameProgress(index + 1, num_frames, (index + 1 - num_resumed) * 0.5, result, record, num_resumed)


def events_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_frame_in_full(clock: Clock) -> None:
    stream = io.StringIO()
    JsonNarrator(stream, 0.0).listeners.on_frame(frame_progress(2))
    (event,) = events_of(stream)
    assert event.pop("rss_mib") > 0
    event.pop("vram_mib", None)
    assert event == {
        "event": "frame", "n": 2, "time": 0.5, "done": 3, "total": 10, "fps": 2.0, "eta_s": 3.5, "cut": True,
        "objects": {"3": {"area": 0.25, "conf": 0.5, "status": "seen"}},
    }  # fmt: skip


def test_a_clip_of_unknown_length_and_one_that_goes_on(clock: Clock) -> None:
    stream = io.StringIO()
    narrator = JsonNarrator(stream, 0.0)
    narrator.listeners.on_frame(frame_progress(2, None))
    narrator.listeners.on_frame(frame_progress(7, num_resumed=6))
    unknown, resumed = events_of(stream)
    assert (unknown["total"], unknown["eta_s"]) == (None, None)
    # Two frames a second, the six of the run before left out.
    assert (resumed["fps"], resumed["eta_s"]) == (2.0, 1.0)


def test_no_more_events_than_asked_for(clock: Clock) -> None:
    stream = io.StringIO()
    narrator = JsonNarrator(stream, 1.0)
    for index in range(10):
        clock.seconds = 0.3 * index
        narrator.listeners.on_frame(frame_progress(index))
    assert [event["n"] for event in events_of(stream)] == [0, 4, 8]
    narrator.end(SegmentReport("clip.mp4", frames_in=10, frames_out=10))
    events = events_of(stream)
    assert [event.get("n") for event in events] == [0, 4, 8, 9, None]
    assert events[-1]["event"] == "end"


def test_the_last_frame_is_not_told_twice(clock: Clock) -> None:
    stream = io.StringIO()
    narrator = JsonNarrator(stream, 0.0)
    narrator.listeners.on_frame(frame_progress(0))
    narrator.end(SegmentReport("clip.mp4"))
    assert [event["event"] for event in events_of(stream)] == ["frame", "end"]


def test_notes_warnings_and_steps(clock: Clock) -> None:
    stream = io.StringIO()
    narrator = JsonNarrator(stream, 0.0)
    narrator.start([Path("a.mp4"), Path("b.mp4")])
    narrator.listeners.on_note('with "quotes" and\nlines')
    narrator.listeners.on_warning("careful")
    narrator.listeners.on_step(StepProgress(1, 5, 0.1, 0.75))
    narrator.listeners.on_backward(2, 7)
    start, *events = events_of(stream)
    assert (start["event"], start["clips"]) == ("start", ["a.mp4", "b.mp4"])
    assert events == [
        {"event": "note", "text": 'with "quotes" and\nlines'},
        {"event": "warning", "text": "careful"},
        {"event": "step", "done": 1, "total": 5, "loss": 0.75},
        {"event": "backward", "done": 2, "total": 7},
    ]


def tell_and_fail(descriptor: int) -> None:
    with narrate("json", descriptor, 1000.0, quiet=False, clips=[Path("a")]) as narrator:
        for index in range(3):
            narrator.listeners.on_frame(frame_progress(index))
        raise OutputError("the disk is full", "free some space", code="output.disk_full")


def test_an_error_comes_after_the_frame_before_it(clock: Clock) -> None:
    read_end, write_end = os.pipe()
    with pytest.raises(OutputError):
        tell_and_fail(write_end)
    os.close(write_end)
    with os.fdopen(read_end) as stream:
        events = [json.loads(line) for line in stream]
    assert [event["event"] for event in events] == ["start", "frame", "frame", "error"]
    assert events[2]["n"] == 2
    assert events[3] == {
        "event": "error", "code": "output.disk_full", "exit": 6, "message": "the disk is full",
        "hint": "free some space",
    }  # fmt: skip


def begin_and_raise(descriptor: int, error: BaseException) -> None:
    with narrate("json", descriptor, 0.0, quiet=True, clips=[]):
        raise error


@pytest.mark.parametrize("error", [ZeroDivisionError("by zero"), KeyboardInterrupt()])
def test_whatever_ends_a_job_is_an_event(error: BaseException) -> None:
    read_end, write_end = os.pipe()
    with pytest.raises(type(error)):
        begin_and_raise(write_end, error)
    os.close(write_end)
    with os.fdopen(read_end) as stream:
        assert [json.loads(line)["event"] for line in stream] == ["start", "error"]


def test_senseless_options_are_an_event_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["segment", "clip.mp4", "-m", "a.png", "--grow", "1", "--shrink", "1", "--progress", "json"]) == 2
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    assert [event["event"] for event in events] == ["start", "error"]


def test_the_last_event_of_every_kind_comes(clock: Clock) -> None:
    stream = io.StringIO()
    narrator = JsonNarrator(stream, 1000.0)
    for number in range(1, 4):
        narrator.listeners.on_step(StepProgress(number, 3, 0.1, 0.5))
    for number in range(1, 5):
        narrator.listeners.on_backward(number, 4)
    narrator.end(SegmentReport("clip.mp4"))
    told = [(event["event"], event.get("done")) for event in events_of(stream)]
    assert told == [("step", 1), ("step", 3), ("backward", 4), ("end", None)]


def test_the_descriptor_stays_open(clock: Clock) -> None:
    """It belongs to whoever opened it."""
    read_end, write_end = os.pipe()
    with narrate("json", write_end, 0.0, quiet=True, clips=[]):
        pass
    os.write(write_end, b"{}\n")
    os.close(write_end)
    with os.fdopen(read_end) as stream:
        assert len(stream.readlines()) == 2


def test_events_reach_the_reader_at_once(clock: Clock) -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    with narrate("json", write_end, 0.0, quiet=True, clips=[]) as narrator:
        assert b'"start"' in os.read(read_end, 10_000)
        narrator.note("now")
        assert b'"now"' in os.read(read_end, 10_000)
    os.close(write_end)
    os.close(read_end)


@pytest.mark.parametrize(("style", "descriptor"), [("loud", None), ("json", 987)])
def test_what_there_is_not(style: str, descriptor: int | None) -> None:
    with pytest.raises(UsageError) as caught, narrate(style, descriptor, 0.0, quiet=False, clips=[]):
        raise AssertionError("it began")
    assert caught.value.code == "usage.progress"


@pytest.mark.parametrize("quiet", [False, True])
def test_people_get_notes_and_plain_frames(quiet: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with narrate("none", None, 0.0, quiet=quiet, clips=[]) as narrator:
        assert type(narrator) is Narrator
        narrator.listeners.on_frame(frame_progress(0))
        narrator.listeners.on_backward(1, 2)
        narrator.listeners.on_warning("careful")
        narrator.end(SegmentReport("clip.mp4", [{"path": "masks", "kind": "masks"}], frames_out=10))
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = ["warning: careful"] if quiet else ["warning: careful", "note: wrote masks (masks, 10 frames)"]
    assert captured.err.splitlines() == lines
