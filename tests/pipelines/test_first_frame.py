"""Fine-tuning on the first frame as a part of the main job, from the library and from the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from synthetic_clips import make_clip
from tiny_network import save_tiny_weights, tiny_network

from vostool.cli.app import run
from vostool.errors import UsageError
from vostool.models.lite import LiteNetwork
from vostool.pipelines.first_frame import plan_steps
from vostool.pipelines.masks import MaskSource
from vostool.pipelines.report import Listeners, StepProgress
from vostool.pipelines.segment import segment_video
from vostool.pipelines.segment_options import SegmentOptions
from vostool.propagation.segmenter import MemorySegmenter
from vostool.systems import System, build_segmenter
from vostool.training.papers import first_frame
from vostool.weights.load import file_sha256

SIZE = (48, 64)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a clip, a mask of two objects and weights."""
    make_clip(tmp_path / "clip.mp4", num_frames=3)
    labels = np.zeros(SIZE, np.uint8)
    labels[8:20, 4:18], labels[8:20, 30:44] = 2, 5
    Image.fromarray(labels).save(tmp_path / "first.png")
    monkeypatch.setenv("VOSTOOL_WEIGHTS", str(save_tiny_weights(tmp_path / "lite.safetensors")))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def options(folder: Path) -> SegmentOptions:
    return SegmentOptions(
        folder / "clip.mp4", MaskSource(folder / "first.png", mode="index"), outputs=(str(folder / "masks"),),
        device="cpu", finetune_first_frame=True, finetune_steps=2,
    )  # fmt: skip


def test_report_and_listeners_tell_of_it(options: SegmentOptions, folder: Path) -> None:
    before = file_sha256(folder / "lite.safetensors")
    steps: list[StepProgress] = []
    report = segment_video(options, listeners=Listeners(on_step=steps.append)).to_dict()
    assert [(step.num_done, step.num_steps) for step in steps] == [(1, 2), (2, 2)]
    assert report["finetune_steps"] == 2
    assert report["finetune_seconds"] >= steps[-1].seconds > 0
    assert report["frames_out"] == 3
    (note,) = (text for text in report["notes"] if "fine-tuned" in text)
    assert "lite on frame 0: 2 steps" in note
    assert file_sha256(folder / "lite.safetensors") == before == report["weights_sha256"]


def test_without_it_the_report_says_zero(options: SegmentOptions) -> None:
    report = segment_video(replace(options, finetune_first_frame=False, finetune_steps=None)).to_dict()
    assert (report["finetune_steps"], report["finetune_seconds"]) == (0, 0.0)
    assert not any("fine-tuned" in text for text in report["notes"])


def test_every_member_of_an_ensemble_is_fine_tuned(options: SegmentOptions, folder: Path) -> None:
    members = (folder / "lite.safetensors", save_tiny_weights(folder / "other.safetensors", seed=1))
    steps: list[int] = []
    listeners = Listeners(on_step=lambda progress: steps.append(progress.num_done))
    report = segment_video(replace(options, ensemble=members), listeners=listeners)
    assert steps == [1, 2, 1, 2]
    assert sum("fine-tuned" in text for text in report.notes) == 2


def test_what_is_prepared_is_what_segments(folder: Path) -> None:
    """Each network is handed over with its system, loaded and on the device, and what comes back is used."""
    given: list[tuple[str, object]] = []
    other = tiny_network(seed=1)

    def prepare(system: System, network: LiteNetwork) -> LiteNetwork:
        given.append((system.name, network))
        return other

    segmenter = build_segmenter(weights=folder / "lite.safetensors", device="cpu", prepare=prepare)
    ((name, network),) = given
    assert name == "lite"
    assert isinstance(network, LiteNetwork)
    assert network is not other
    assert isinstance(segmenter, MemorySegmenter)
    assert segmenter.network is other


@pytest.mark.parametrize(
    ("is_asked_for", "steps", "words"),
    [(True, 0, "is 0; give 1"), (True, -3, "is -3; give 1"), (False, 5, "add --finetune-first-frame")],
)
def test_senseless_steps_are_refused(is_asked_for: bool, steps: int, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        plan_steps(is_asked_for, steps)


def test_steps_by_default() -> None:
    assert plan_steps(False, None) == 0
    assert plan_steps(True, None) == first_frame().num_steps
    assert plan_steps(True, 7) == 7


def test_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = ["segment", "clip.mp4", "--mask", "first.png", "--mask-mode", "index", "--finetune-first-frame"]
    assert run([*job, "--finetune-steps", "1", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["finetune_steps"] == 1
    assert "note: fine-tuned a copy of lite on frame 0: 1 step in" in captured.err
    assert len(list((folder / "clip_masks").iterdir())) == 3


@pytest.mark.parametrize("arguments", [["--finetune-first-frame", "--finetune-steps", "0"], ["--finetune-steps", "3"]])
def test_usage_errors_on_the_command_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run(["segment", "clip.mp4", "--mask", "first.png", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("vostool: error: --finetune-steps is ")
    assert error.count("\n") == 1
    assert not (folder / "clip_masks").exists()


def test_the_help_names_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    """The command line cannot import the recipe, which would load torch; so the number is compared here."""
    from vostool.cli.options import FinetuneSteps

    (option,) = FinetuneSteps.__metadata__  # type: ignore[attr-defined]
    assert option.show_default == str(first_frame().num_steps)
