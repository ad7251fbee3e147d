"""Whole training runs on tiny folders: what they leave behind, how they go on, and what they refuse."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from synthetic_clips import make_clip
from tiny_network import save_tiny_weights, tiny_network
from training_footage import make_davis, make_masks, square_frames

from vostool.errors import InputError, Interrupted, MemoryExhausted, OutputError, UsageError, WeightsError
from vostool.pipelines import train as train_job
from vostool.pipelines.train import NOBODY, train
from vostool.pipelines.training_options import TrainListeners, TrainOptions, TrainProgress, TrainReport
from vostool.pipelines.training_plan import plan
from vostool.pipelines.training_start import make_start
from vostool.systems import find_system, load_network
from vostool.weights.checkpoint import read_checkpoint

STEPS = 3


def tiny_options(root: Path, data: Path | None, /, **changes: object) -> TrainOptions:
    """A run of a few steps on the CPU from ``tiny.safetensors`` in ``root``."""
    start = root / "tiny.safetensors"
    if not start.exists():
        save_tiny_weights(start)
    options = TrainOptions(
        data, root / "run", start, num_steps=STEPS, batch_size=2, crop=(64, 64), device="cpu", size=80,
        save_every=STEPS, validate_every=STEPS,
    )  # fmt: skip
    return replace(options, **changes)  # type: ignore[arg-type]


def finish(options: TrainOptions, listeners: TrainListeners = NOBODY) -> TrainReport:
    report = train(options, listeners=listeners)
    assert report is not None
    return report


@pytest.fixture(scope="module")
def davis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_davis(tmp_path_factory.mktemp("data") / "davis")


@pytest.fixture(scope="module")
def finished(davis: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainReport, list[TrainProgress]]:
    """A run that nobody stopped."""
    progress: list[TrainProgress] = []
    options = tiny_options(tmp_path_factory.mktemp("whole"), davis)
    return finish(options, TrainListeners(on_step=progress.append)), progress


def test_a_run_leaves_weights_metrics_and_pictures(finished: tuple[TrainReport, list[TrainProgress]]) -> None:
    report, progress = finished
    folder = Path(report.folder)
    assert {path.name for path in folder.iterdir()} == {
        "best.safetensors", "last.safetensors", "state.pt", "metrics.jsonl", "curves.png", "sheet.png",
    }  # fmt: skip
    assert [each.num_done for each in progress] == [1, 2, 3]
    assert progress[-1].seconds_left == 0
    assert (report.clips, report.validation_clips) == (["clip0", "clip1", "clip2"], ["clip3"])
    assert report.best_score is not None
    assert report.best_score >= (report.first_score or 0.0)
    assert 0 <= report.waiting <= 1
    for picture in report.pictures:
        with Image.open(picture) as image:
            assert image.width > 300
    json.dumps(report.to_dict())


def test_weights_can_be_used_and_tell_their_recipe(finished: tuple[TrainReport, list[TrainProgress]]) -> None:
    report, _ = finished
    for file in (report.best, report.last):
        load_network(find_system("lite"), file)
    history = json.loads(read_checkpoint(Path(report.last)).metadata["history"])
    assert (history["recipe"]["name"], history["recipe"]["num_steps"]) == ("lite-finetune", STEPS)
    trained, start = read_checkpoint(Path(report.last)).tensors, tiny_network().half().state_dict()
    assert any(not torch.equal(trained[name], value) for name, value in start.items())


@pytest.mark.parametrize("is_video", [True, False])
def test_masks_beside_their_clip_are_enough(tmp_path: Path, is_video: bool) -> None:
    own = tmp_path / "own"
    make_masks(own / "walk_masks")
    if is_video:
        make_clip(own / "walk.mp4", [image for image, _ in square_frames()])
    else:
        (own / "walk").mkdir()
        for index, (image, _) in enumerate(square_frames()):
            Image.fromarray(image).save(own / "walk" / f"{index:05d}.png")
    report = finish(tiny_options(tmp_path, own))
    assert (report.clips, report.validation_clips, report.best_score) == (["walk"], [], None)
    assert report.best == report.last == str(tmp_path / "run" / "last.safetensors")
    assert (tmp_path / "run" / "sheet.png").is_file()


def test_resumed_run_equals_one_that_was_not_stopped(
    davis: Path, finished: tuple[TrainReport, list[TrainProgress]], tmp_path: Path
) -> None:
    options = tiny_options(tmp_path, davis)

    def interrupt(progress: TrainProgress) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted, match="after step 1 of 3") as caught:
        train(options, interrupt)
    assert caught.value.exit_code == 130
    assert (tmp_path / "run" / "state.pt").is_file()
    assert (tmp_path / "run" / "curves.png").is_file()
    steps: list[TrainProgress] = []
    report = finish(replace(options, is_resumed=True), TrainListeners(on_step=steps.append))
    assert [step.num_done for step in steps] == [2, 3]
    whole, stopped = (read_checkpoint(Path(each.last)).tensors for each in (finished[0], report))
    assert all(torch.equal(whole[name], stopped[name]) for name in whole)
    assert report.best_score == finished[0].best_score
    assert report.num_steps == STEPS


def test_resuming_with_other_numbers_is_refused(davis: Path, tmp_path: Path) -> None:
    options = tiny_options(tmp_path, davis, validation=("clip0",), num_steps=1)
    finish(options)
    with pytest.raises(UsageError, match="batch_size 2, not 4"):
        train(replace(options, is_resumed=True, batch_size=4))


def test_plan_writes_nothing(davis: Path, tmp_path: Path) -> None:
    options = tiny_options(tmp_path, davis)
    before = sorted(tmp_path.rglob("*"))
    planned = plan(options)
    assert sorted(tmp_path.rglob("*")) == before
    uses = {clip.name: clip.use for clip in planned.clips}
    assert uses == {"clip0": "training", "clip1": "training", "clip2": "training", "clip3": "validation"}
    assert all((clip.frames, clip.masks, clip.objects) == (5, 5, 1) for clip in planned.clips)
    assert planned.data_bytes == 3 * 5 * 80 * 96 * 4
    assert planned.seconds_per_step > planned.drawing_seconds > 0
    assert planned.peak_memory_bytes > planned.data_bytes
    assert "training: clips 3, frames 15, masks 15, objects 3" in planned.summary_lines()
    json.dumps(planned.to_dict())


def test_problems_are_said_one_by_one(tmp_path: Path) -> None:
    data = make_davis(tmp_path / "davis", num_clips=3)
    (data / "Annotations" / "480p" / "clip1" / "00002.png").write_bytes(b"no picture")
    for mask in sorted((data / "Annotations" / "480p" / "clip2").iterdir())[1:]:
        mask.unlink()
    warnings: list[str] = []
    report = finish(tiny_options(tmp_path, data, num_steps=1), TrainListeners(on_warning=warnings.append))
    assert report.clips == ["clip0", "clip1"]
    assert report.warnings == warnings
    assert [("clip1" in text, "clip2" in text) for text in warnings[:2]] == [(True, False), (False, True)]


def test_stills_alone_are_enough_for_their_recipe(tmp_path: Path) -> None:
    stills = tmp_path / "stills" / "set"
    for index, (image, labels) in enumerate(square_frames(3)):
        for kind, picture in (("images", image), ("masks", labels)):
            (stills / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(stills / kind / f"{index}.png")
    report = finish(tiny_options(tmp_path, None, stills=tmp_path / "stills", recipe="lite-first"))
    assert (report.recipe, report.clips) == ("lite-first", [])


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"data": Path("gone")}, InputError, "no such folder: gone"),
        ({"data": None}, UsageError, "nothing to train on"),
        ({"recipe": "stnc-main"}, UsageError, "no recipe 'stnc-main'; choose one of lite-first"),
        ({"recipe": "first-frame"}, UsageError, "--finetune-first-frame"),
        ({"recipe": "stcn-main", "system": "lite"}, UsageError, "trains stcn, not lite"),
        ({"recipe": "stcn-main"}, WeightsError, "holds weights of 'lite', not of 'stcn'"),
        ({"crop": (60, 60)}, UsageError, "--crop is 60x60, but lite takes multiples of 16"),
        ({"system": "rgmp", "crop": (48, 64)}, UsageError, "multiples of 32 pixels; give for example 64x64"),
        ({"system": "rgmp", "attention_dropout": 0.1}, UsageError, "rgmp has no memory that --attention-dropout"),
        ({"num_steps": 0}, UsageError, "--steps is 0"),
        ({"reallocation": 1.5}, UsageError, "--reallocation is 1.5"),
        ({"validation": ("clip9",)}, UsageError, "clip9"),
        ({"validation": ("clip0", "clip1", "clip2", "clip3")}, UsageError, "leaves no clip"),
        ({"start": Path("gone.safetensors")}, WeightsError, "gone.safetensors"),
        ({"start": None, "system": "scm"}, WeightsError, "--from random"),
        ({"backbones": (Path("resnet.pth"),)}, UsageError, "both --from and --backbone"),
        ({"is_resumed": True}, UsageError, "no run to resume"),
        ({"precision": "float16"}, UsageError, "float16"),
    ],
)
def test_mistakes_are_told_before_any_work(
    davis: Path, tmp_path: Path, changes: dict[str, object], error: type[Exception], words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delenv("VOSTOOL_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(error, match=words.replace("(", r"\(")) as caught:
        train(tiny_options(tmp_path, davis, **changes))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_there_is_not_touched(davis: Path, tmp_path: Path) -> None:
    precious = tmp_path / "run" / "best.safetensors"
    precious.parent.mkdir()
    precious.write_bytes(b"precious")
    with pytest.raises(OutputError, match="--resume to go on with it, --overwrite"):
        train(tiny_options(tmp_path, davis))
    assert precious.read_bytes() == b"precious"
    finish(tiny_options(tmp_path, davis, overwrite=True, num_steps=1))
    assert precious.read_bytes() != b"precious"


def test_folder_of_the_run_has_a_name_of_its_own(davis: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert plan(tiny_options(tmp_path, davis, out=None)).folder == "runs/davis-lite-finetune"


def test_running_out_of_memory_is_one_line(davis: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhaust(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr(train_job, "set_up", exhaust)
    with pytest.raises(MemoryExhausted, match="smaller --batch-size"):
        train(tiny_options(tmp_path, davis))


def test_random_start_follows_from_the_seed() -> None:
    lite = find_system("lite")
    first, again, other = (make_start(lite, Path("random"), (), seed)[0].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["backbone.conv1.weight"], other["backbone.conv1.weight"])


def test_two_processes_are_one_run(davis: Path, tmp_path: Path) -> None:
    """``torchrun -m vostool train`` on two CPU processes: one report, and the weights of one process."""
    options = tiny_options(tmp_path, davis, num_steps=1)
    alone = finish(replace(options, out=tmp_path / "alone"))
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "vostool",
        "train", davis, "--from", options.start, "--steps", 1, "--crop", 64, "--batch-size", 2, "--device", "cpu",
        "--size", 80, "-o", options.out, "--json", "-q",
    ]  # fmt: skip
    outcome = subprocess.run(
        [str(part) for part in command], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(train_job.__file__).parents[2])},
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    report = json.loads(outcome.stdout)
    assert report["num_processes"] == 2
    one, two = (read_checkpoint(Path(file)).tensors for file in (alone.last, report["last"]))
    for name, value in one.items():
        np.testing.assert_allclose(value.float(), two[name].float(), atol=2e-3)
