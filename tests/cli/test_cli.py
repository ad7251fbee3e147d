"""The command line in process: exit codes, one-line errors, what goes to stdout and what to stderr."""

from __future__ import annotations

import json
from dataclasses import fields
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
from error_lines import check_error_line
from PIL import Image
from synthetic_clips import make_clip
from tiny_network import save_tiny_weights

from vostool.cli import options as shared
from vostool.cli.app import run
from vostool.cli.segment import segment_command
from vostool.pipelines.segment_options import SegmentOptions
from vostool.systems import SYSTEMS

SIZE = (48, 64)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a clip, a mask of two objects and weights."""
    make_clip(tmp_path / "clip.mp4", num_frames=4)
    labels = np.zeros(SIZE, np.uint8)
    labels[8:20, 4:18], labels[8:20, 30:44] = 1, 2
    Image.fromarray(labels).save(tmp_path / "first.png")
    monkeypatch.setenv("VOSTOOL_WEIGHTS", str(save_tiny_weights(tmp_path / "lite.safetensors")))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_main_job_with_default_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["segment", "clip.mp4", "--mask", "first.png"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "note: wrote clip_masks" in captured.err
    assert len(list((folder / "clip_masks").iterdir())) == 4


def test_json_is_all_that_is_on_stdout(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(["segment", "clip.mp4", "--mask", "first.png", "-o", "o.mp4", "--scene-cuts", "off", "--json", "-q"]) == 0
    )
    captured = capsys.readouterr()
    assert json.loads(captured.out)["frames_out"] == 4
    assert captured.err == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["segment"], 2, ["missing argument 'CLIP", "--help"]),
        (["segment", "clip.mp4"], 2, ["--mask", "vostool frame clip.mp4"]),
        (["segment", "clip.mp4", "--mask", "first.png", "--size", "x"], 2, ["--size"]),
        (["segment", "clip.mp4", "--mask", "first.png", "--system", "stnc"], 2, ["stnc", "lite"]),
        (["segment", "clip.mp4", "--mask", "first.png", "--memory", "lru"], 2, ["lru", "every-k"]),
        (["segment", "clip.mp4", "--mask", "first.png", "-o", "x.avi"], 2, ["x.avi", ".mov"]),
        (["segment", "clip.mp4", "--mask", "first.png", "-o", "x.mp4", "--emit", "alpha"], 2, [".mov (ProRes 4444)"]),
        (
            ["segment", "clip.mp4", "--mask", "first.png", "--object", "1=first.png"],
            2,
            ["frame 0 is drawn twice", "--object"],
        ),
        (["segment", "clip.mp4", "--mask", "first.png", "--fps", "0"], 2, ["--fps", "30000/1001"]),
        (["segment", "none.mp4", "--mask", "first.png"], 3, ["none.mp4"]),
        (["segment", "clip.mp4", "--mask", "none.png"], 3, ["none.png"]),
        (["segment", "first.txt", "--mask", "first.png"], 3, ["first.txt"]),
        (["segment", "clip.mp4", "--mask", "first.png", "--weights", "none.st"], 4, ["none.st"]),
        (["segment", "clip.mp4", "--mask", "first.png", "-o", "nowhere/masks"], 6, ["nowhere"]),
        (["segment", "clip.mp4", "--mask", "first.png", "-o", "taken.mp4"], 6, ["taken.mp4", "--overwrite"]),
        (["frame", "clip.mp4", "--at", "99"], 3, ["99", "4"]),
        (["mask", "check"], 2, ["--mask"]),
        (["mask", "check", "clip.mp4"], 3, ["clip.mp4"]),
        (["unknown"], 2, ["unknown"]),
    ],
)
def test_mistakes_are_one_line_with_a_code(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: list[str]
) -> None:
    (folder / "first.txt").write_text("not a video")
    (folder / "taken.mp4").write_bytes(b"precious")
    assert run(arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    check_error_line(captured.err, words)
    assert (folder / "taken.mp4").read_bytes() == b"precious"


def test_error_with_json_is_an_object_on_stdout(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["segment", "none.mp4", "--mask", "first.png", "--json"]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["exit"] == 3
    assert error["message"]


def test_quiet_keeps_warnings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = make_clip(folder / "whole.mp4", num_frames=40, container_options={"movflags": "faststart"})
    (folder / "broken.mp4").write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.6)])
    assert run(["segment", "broken.mp4", "--mask", "first.png", "-q"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert all(line.startswith("warning: ") for line in lines)


def test_unexpected_faults_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr("vostool.propagation.propagator.Propagator.step", fail)
    command = ["segment", "clip.mp4", "--mask", "first.png", "-q"]
    assert run(command) == 1
    error = capsys.readouterr().err
    assert error.startswith("vostool: error: unexpected ZeroDivisionError: by zero")
    assert error.count("\n") == 1
    monkeypatch.setenv("VOSTOOL_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run(command)


def test_exported_frame_is_the_decoded_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from vostool.video.reading.reader import open_video

    assert run(["frame", "clip.mp4", "--at", "2", "-o", "f.png"]) == 0
    with open_video(folder / "clip.mp4") as reader:
        frame = list(reader)[2]
    with Image.open(folder / "f.png") as image:
        np.testing.assert_array_equal(np.asarray(image), frame.image)
    assert run(["frame", "clip.mp4", "--at", "2", "-o", "f.png"]) == 6
    assert run(["frame", "clip.mp4", "--at", "1", "-o", "f.png", "--overwrite"]) == 0


def test_mask_check_prints_what_it_sees(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["mask", "check", "first.png", "--video", "clip.mp4"]) == 0
    printed = capsys.readouterr().out
    assert "2 objects" in printed
    assert "168" in printed
    assert run(["mask", "check", "first.png", "--json"]) == 0
    seen = json.loads(capsys.readouterr().out)["objects"]
    assert [entry["num_pixels"] for entry in seen] == [168, 168]


def test_eval_scores_a_system(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("JPEGImages", "Annotations"):
        (folder / "data" / kind / "walk").mkdir(parents=True)
    for index in range(4):
        labels = np.zeros(SIZE, np.uint8)
        labels[10:30, 10:30] = 255
        Image.fromarray(labels).save(folder / "data" / "Annotations" / "walk" / f"{index:05d}.png")
        Image.new("RGB", SIZE[::-1], (10, 20, 30)).save(folder / "data" / "JPEGImages" / "walk" / f"{index:05d}.png")
    assert run(["eval", "--data", "data", "--system", "first-mask,lite", "--json", "-q"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["first-mask"]["sequences"]["walk"]["J"]["mean"] == 1.0
    assert 0 <= scores["lite"]["J&F"] <= 1
    assert run(["eval", "--data", "data", "--system", "first-mask"]) == 0
    assert "first-mask" in capsys.readouterr().out


def test_defaults_are_those_of_the_library() -> None:
    """The command line cannot import the library's numbers, which would load torch; so they are compared here."""
    shown = {name: each.default for name, each in signature(segment_command).parameters.items()}
    library = {each.name: each.default for each in fields(SegmentOptions)}
    same = (
        "size", "system", "weights", "device", "precision", "flip", "memory", "memory_frames", "memory_every", "top_k",
        "pin", "counting", "floor", "temporary_previous", "restarts", "start", "end", "direction", "scene_cuts",
        "deinterlace", "preset", "records", "resume", "resume_from", "checkpoint_every", "keep_states", "fallback",
    )  # fmt: skip
    for name in (*same, "overwrite"):
        assert shown[name] == library[name], name
    assert shown["audio"] == library["copy_audio"]
    assert tuple(SYSTEMS) == shared.SYSTEM_NAMES


def test_help_names_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for code in ("0 done", "1 failed", "2 usage", "3 a", "4 device", "5 out", "6 output", "130", "143", "141"):
        assert code in text


@pytest.mark.parametrize("arguments", [[], ["mask"]])
def test_group_without_a_command_shows_its_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert "Usage: vostool" in captured.out
    assert captured.err == ""


def test_averages_over_views_and_networks(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_tiny_weights(folder / "other.safetensors", seed=1)
    job = ["segment", "clip.mp4", "--mask", "first.png", "-o", "masks", "--overwrite", "--json", "-q"]
    assert run([*job, "--flip", "--scales", "0.75,1.0", "--ensemble", "lite.safetensors,other.safetensors"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["weights"] == "lite.safetensors"
    assert [(each["system"], each["weights"]) for each in report["ensemble"]] == [("lite", "other.safetensors")]
    assert run(job) == 0
    assert report["memory_bank_bytes"] > 4 * json.loads(capsys.readouterr().out)["memory_bank_bytes"]


def test_every_memory_option_arrives(folder: Path) -> None:
    options = ["--memory", "lfu", "--memory-count", "softmax", "--memory-floor", "0", "--no-pin", "--memory-previous"]
    more = ["--memory-frames", "2", "--memory-every", "1", "--memory-restart", "--top-k", "0"]
    assert run(["segment", "clip.mp4", "--mask", "first.png", *options, *more]) == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--scales", "big"], "--scales is 'big'; give factors such as 0.75,1.0"),
        (["--scales", "0"], "--scales 0; give factors above 0"),
        (["--ensemble", "lite.safetensors", "--weights", "lite.safetensors"], "both --weights and --ensemble"),
        (["--ensemble", "lite.safetensors,"], "--ensemble is 'lite.safetensors,'; give files"),
        (["--memory-count", "clicks"], "no counting 'clicks'; choose one of top-k, softmax, log-top-k"),
        (["--system", "vos"], "no system 'vos'; choose one of lite, stcn, stm, scm, stm-refine50, rgmp"),
    ],
)
def test_senseless_options_are_usage_errors(
    folder: Path, arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["segment", "clip.mp4", "--mask", "first.png", *arguments]) == 2
    assert expected in capsys.readouterr().err
    assert not (folder / "clip_masks").exists()


def test_systems_are_listed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["systems"]) == 0
    table = capsys.readouterr().out
    assert "\N{HORIZONTAL ELLIPSIS}" not in table
    assert all(name in table for name in SYSTEMS)
    assert run(["systems", "--json"]) == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)] == list(SYSTEMS)


def test_ctrl_c_at_any_time_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("vostool.pipelines.catalogue.describe_systems", interrupted)
    assert run(["systems"]) == 130
    assert "stopped at once" in capsys.readouterr().err


def test_options_that_change_nothing_are_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = ["segment", "clip.mp4", "--mask", "first.png", "-q", "--memory", "every-k", "--memory-frames", "2"]
    assert run(job) == 0
    assert "warning: memory_frames without effect" in capsys.readouterr().err
