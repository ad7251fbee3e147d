"""``python -m vostool.training``: a step from a checkpoint, a step more after a stop, and mistakes in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tiny_network import save_tiny_weights
from training_cases import save_training_data

from vostool.models.lite import LiteConfig
from vostool.training import __main__ as command
from vostool.weights.load import load_weights


def train(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["training", *(str(each) for each in arguments)])
    command.main()


def test_steps_from_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, out = save_training_data(tmp_path / "data"), tmp_path / "run"
    start = save_tiny_weights(tmp_path / "lite.safetensors")
    train(monkeypatch, "--data", data, "--out", out, "--from", start, "--steps", 1, "--seed", 5)
    weights = load_weights(out / "weights.safetensors", "lite")
    assert LiteConfig.from_dict(weights.config) == LiteConfig.from_dict(load_weights(start, "lite").config)
    assert (out / "state.pt").is_file()


def test_missing_files_are_one_line(tmp_path: Path) -> None:
    arguments = ["--data", str(tmp_path), "--out", str(tmp_path / "run"), "--backbone", str(tmp_path / "none")]
    outcome = subprocess.run(
        [sys.executable, "-m", "vostool.training", *arguments], capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("vostool: error: the backbone")
    assert outcome.stderr.count("\n") == 1
