"""``vostool train`` in process: what goes where, and the exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
from error_lines import check_error_line
from PIL import Image
from tiny_network import save_tiny_weights
from training_footage import make_davis

from vostool.cli.app import run
from vostool.cli.train import train_command
from vostool.pipelines.training_options import TrainOptions
from vostool.training.papers import MAIN_RECIPES, RECIPES

JOB = ["--from", "tiny.safetensors", "--steps", "1", "--crop", "64", "--batch-size", "2", "--device", "cpu"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a data set of two clips and weights."""
    make_davis(tmp_path / "davis", num_clips=2)
    save_tiny_weights(tmp_path / "tiny.safetensors")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_train_then_segment(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "davis", *JOB, "-o", "mine", "--validation", "clip1"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "step 1/1, loss " in captured.err
    assert "note: wrote mine/best.safetensors: vostool segment CLIP" in captured.err
    clip, mask = "davis/JPEGImages/480p/clip0", "davis/Annotations/480p/clip0/00000.png"
    assert run(["segment", clip, "--mask", mask, "--weights", "mine/best.safetensors", "-q"]) == 0
    with Image.open("clip0_masks/00000.png") as image:
        assert np.asarray(image).any()


def test_json_report_is_all_that_is_on_stdout(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "davis", *JOB, "--json", "-q"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["folder"] == "runs/davis-lite-finetune"
    assert captured.err == ""
    assert run(["train", "davis", *JOB, "-q"]) == 6
    assert "runs/davis-lite-finetune exists" in capsys.readouterr().err
    assert run(["train", "davis", *JOB, "-q", "--resume", "--seed", "9"]) == 2
    assert "seed 2, not 9" in capsys.readouterr().err


def test_dry_run_prints_a_table_and_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(folder.rglob("*"))
    assert run(["train", "davis", *JOB, "--dry-run"]) == 0
    printed = capsys.readouterr().out
    for words in ("clip0", "96x80", "training: clips 2, frames 10, masks 10, objects 2", "1 steps: "):
        assert words in printed
    assert run(["train", "davis", *JOB, "--dry-run", "--json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["num_steps"] == 1
    assert sorted(folder.rglob("*")) == before


def test_recipe_is_shown_for_people_and_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--show-recipe", "--recipe", "stcn-main", "--crop", "640x384"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "num_steps: 150000" in lines
    assert "crop: 384, 640" in lines
    assert "  rate: each from 1 at 0 %, 0.1 at 83.33 % of the run" in lines
    assert run(["train", "--show-recipe", "--system", "rgmp", "--json", "--learning-rate", "2e-5"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["name"], shown["num_frames"], shown["optimiser"]["learning_rate"]) == ("rgmp-main", 6, 2e-5)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, ["nothing to train on", "--stills"]),
        (["gone"], 3, ["no such folder: gone"]),
        (["empty"], 3, ["empty", "CLIP_masks"]),
        (["davis", "--recipe", "stnc"], 2, ["stnc", "stcn-main"]),
        (["davis", "--crop", "60"], 2, ["60x60", "64x64"]),
        (["davis", "--crop", "wide"], 2, ["wide", "640x384"]),
        (["davis", "--system", "stnc"], 2, ["stnc", "stcn"]),
        (["davis", "--recipe", "rgmp-main", "--system", "stm"], 2, ["rgmp-main", "stm-main"]),
        (["davis", "--from", "gone.safetensors"], 4, ["gone.safetensors"]),
        (["davis", "-o", "tiny.safetensors"], 6, ["tiny.safetensors"]),
        (["davis", "-o", "davis"], 6, ["davis", "--overwrite"]),
        (["davis", "--device", "gpu"], 2, ["gpu"]),
    ],
)
def test_mistakes_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: list[str]
) -> None:
    (folder / "empty").mkdir()
    assert run(["train", *arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    check_error_line(captured.err, words)
    assert not (folder / "runs").exists()


def test_ctrl_c_saves_and_exits_130(folder: Path) -> None:
    """As a process of its own, stopped in the middle of a run that would take hours."""
    long_job = ["train", "davis", *JOB, "--steps", "100000", "-o", "long", "--save-every", "100000"]
    started = subprocess.Popen(
        [sys.executable, "-m", "vostool", *long_job], stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    while not (folder / "long" / "metrics.jsonl").is_file() and started.poll() is None:
        time.sleep(0.05)
    started.send_signal(signal.SIGINT)
    _, errors = started.communicate(timeout=60)
    assert started.returncode == 130, errors
    assert "vostool: error: stopped by SIGINT after step" in errors
    assert "--resume goes on from there" in errors
    assert {"state.pt", "last.safetensors", "curves.png"} <= {path.name for path in (folder / "long").iterdir()}


def test_defaults_are_those_of_the_library() -> None:
    """The command line cannot import the library's numbers, which would load torch; so they are compared here."""
    shown = {name: each.default for name, each in signature(train_command).parameters.items()}
    library = {each.name: each.default for each in fields(TrainOptions)}
    renamed = {"num_steps": "steps", "is_resumed": "resume"}
    for name, default in library.items():
        if name not in ("data", "backbones"):
            assert shown[renamed.get(name, name)] == default, name


def test_help_loads_no_torch() -> None:
    script = (
        "import sys\nfrom vostool.cli.app import run\nassert run(['train', '--help']) == 0\n"
        "assert 'torch' not in sys.modules and 'av' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_documentation_lists_every_recipe(repository: Path) -> None:
    text = (repository / "docs" / "training.md").read_text(encoding="utf-8")
    for make in RECIPES.values():
        recipe = make()
        if recipe.system:
            row = next(line for line in text.splitlines() if line.startswith(f"| `{recipe.name}`"))
            cells = [cell.strip() for cell in row.split("|")]
            assert cells[2:6] == [
                recipe.system,
                f"{recipe.num_steps:,}",
                str(recipe.batch_size),
                str(recipe.num_frames),
            ]
            assert ("*" in cells[1]) == (MAIN_RECIPES[recipe.system]().name == recipe.name)
            assert cells[6] == f"{recipe.crop[1]}x{recipe.crop[0]}"
