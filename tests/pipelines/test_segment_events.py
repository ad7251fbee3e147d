"""Events for programs: what ``--progress json`` says, where, and how often; through real processes where they count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from segment_jobs import FIRST_BOXES, make_job, read_lines, save_mask

from vostool.cli.app import run


@pytest.fixture
def command(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Eight frames are left of twelve, and everything is in the current folder."""
    monkeypatch.setenv("VOSTOOL_STATES", str(tmp_path / "states"))
    make_job(tmp_path, weights)
    monkeypatch.chdir(tmp_path)
    return [
        "segment", "clip.mp4", "-m", "first.png", "-o", "masks", "--weights", str(weights), "--device", "cpu",
        "--end", "8", "--records", "records.jsonl", "--progress", "json",
    ]  # fmt: skip


def parse(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def of_kind(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == kind]


def test_every_frame_between_start_and_end(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "--progress-interval", "0"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    # All of standard error is events.
    events = [json.loads(line) for line in captured.err.splitlines()]
    assert (events[0]["event"], events[0]["schema"], events[0]["clips"]) == ("start", 1, ["clip.mp4"])
    frames, records = of_kind(events, "frame"), read_lines(Path("records.jsonl"))
    assert [(event["n"], event["done"], event["total"]) for event in frames] == [(i, i + 1, 8) for i in range(8)]
    for event, record in zip(frames, records, strict=True):
        assert event["time"] == record["time"]
        assert event["objects"] == {
            str(each["object_id"]): {"area": each["area"], "conf": each["confidence"], "status": each["status"]}
            for each in record["objects"]
        }
    assert frames[-1]["eta_s"] == 0
    assert frames[-1]["fps"] > 0
    assert frames[-1]["rss_mib"] > 0
    (end,) = of_kind(events, "end")
    assert events.index(end) > events.index(frames[-1])
    assert (end["frames_in"], end["frames_out"], end["clip"]) == (8, 8, "clip.mp4")
    assert end["outputs"] == [{"kind": "masks", "path": "masks"}]
    assert any("objects" in event["text"] for event in of_kind(events, "note"))


def test_few_events_by_default_but_always_the_last(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "--progress-interval", "1000"]) == 0
    frames = of_kind(parse(capsys.readouterr().err), "frame")
    assert [event["n"] for event in frames] == [0, 7]


def test_an_error_is_the_last_event(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "--size", "x"]) == 2
    assert parse(capsys.readouterr().err) == []
    Path("masks").mkdir()
    Path("masks/precious.png").write_bytes(b"precious")
    assert run(command) == 6
    events = parse(capsys.readouterr().err)
    assert [events[0]["event"], events[-1]["event"]] == ["start", "error"]
    assert (events[-1]["exit"], events[-1]["code"]) == (6, "output.exists")
    assert "masks exists" in events[-1]["message"]
    assert "--overwrite" in events[-1]["hint"]
    assert of_kind(events, "end") == []


def test_a_backward_pass_is_told_of(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    middle = save_mask(Path("middle.png"), FIRST_BOXES)
    command[command.index("first.png")] = f"3={middle}"
    assert run([*command, "--progress-interval", "0"]) == 0
    events = parse(capsys.readouterr().err)
    assert [(each["done"], each["total"]) for each in of_kind(events, "backward")] == [(n, 4) for n in range(1, 5)]
    assert len(of_kind(events, "frame")) == 8


def test_events_of_their_own_descriptor_leave_standard_error_to_people(command: list[str], tmp_path: Path) -> None:
    repository = Path(__file__).resolve().parents[2]
    with (tmp_path / "events.jsonl").open("wb") as events:
        outcome = subprocess.run(
            [sys.executable, "-m", "vostool", *command, "--progress-fd", str(events.fileno()), "--json"],
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(repository)},
            capture_output=True, text=True, check=False, pass_fds=(events.fileno(),),
        )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    report = json.loads(outcome.stdout)
    assert report["frames_out"] == 8
    assert parse(outcome.stderr) == []
    told = read_lines(tmp_path / "events.jsonl")
    assert [told[0]["event"], told[-1]["event"]] == ["start", "end"]
    assert told[-1]["outputs"] == report["outputs"]


def test_a_descriptor_that_is_not_open_is_a_usage_error(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "--progress-fd", "999"]) == 2
    assert "--progress-fd 999" in capsys.readouterr().err
    assert not Path("masks").exists()


@pytest.mark.parametrize("style", ["bar", "JSON", ""])
def test_styles_that_there_are_not(command: list[str], style: str, capsys: pytest.CaptureFixture[str]) -> None:
    command[-1] = style
    assert run(command) == 2
    assert "auto, none, json" in capsys.readouterr().err


def test_without_progress_there_are_notes_alone(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    command[-1] = "none"
    assert run(command) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert all(line.startswith("note: ") for line in lines)
