"""Files of a run: whole or as they were before, whatever happens while they are written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from stage_cases import Run
from torch import nn

from vostool.errors import OutputError, UsageError, WeightsError
from vostool.training.checkpoint import RunFolder, network_config

# What kills the run in the middle of its third save: half of the state is on the disk, or all of it under another name.
HALF_A_STATE = """
def save(state, path):
    global num_saves
    num_saves += 1
    if num_saves < 3:
        return whole_save(state, path)
    whole_save(state, path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    os.kill(os.getpid(), signal.SIGKILL)

num_saves, whole_save, torch.save = 0, torch.save, save
"""
NOT_YET_RENAMED = """
def replace(source, target):
    global num_saves
    num_saves += str(target).endswith("state.pt")
    if num_saves == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(source, target)

num_saves, rename, os.replace = 0, os.replace, replace
"""


@pytest.mark.parametrize("death", [HALF_A_STATE, NOT_YET_RENAMED])
def test_kill_in_mid_save_leaves_the_last_good_state(death: str, tmp_path: Path) -> None:
    script = (
        "import os, signal, sys, torch\nfrom pathlib import Path\nfrom stage_cases import Run\n"
        f"{death}\nRun(Path(sys.argv[1]), validate=None).make().run()\n"
    )
    tests = Path(__file__).resolve().parents[1]
    paths = os.pathsep.join(map(str, (tests / "training", tests, tests.parent)))
    outcome = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], env=os.environ | {"PYTHONPATH": paths}, check=False
    )
    assert outcome.returncode == -signal.SIGKILL
    assert (tmp_path / "state.pt.tmp").exists()
    stage = Run(tmp_path, validate=None).make()
    stage.resume()
    assert stage.step == 4
    stage.run()
    unharmed = Run(tmp_path / "unharmed", validate=None)
    unharmed.make().run()
    weights = RunFolder(tmp_path).read_state()["network"]
    assert all(torch.equal(value, weights[name]) for name, value in unharmed.network.state_dict().items())


def test_state_that_cannot_be_written_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(tmp_path)
    folder.write_state({"step": 1, "values": (torch.ones(2),)})

    def full(state: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vostool.training.checkpoint.torch.save", full)
    with pytest.raises(OutputError, match=r"state\.pt cannot be written .*No space left"):
        folder.write_state({"step": 2})
    assert folder.read_state()["step"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_what_cannot_be_resumed_is_told(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with pytest.raises(UsageError, match=r"no run to resume in .*: state\.pt is missing"):
        folder.read_state()
    folder.write_state({"step": 1, "weights": torch.ones(1000)})
    folder.state.write_bytes(folder.state.read_bytes()[:2000])
    with pytest.raises(WeightsError, match=r"state\.pt cannot be read"):
        folder.read_state()


def test_folder_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        RunFolder(tmp_path / "file" / "run").create()


def test_clearing_keeps_what_is_not_of_the_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_state({"step": 1})
    folder.append({"step": 1})
    (tmp_path / "notes.txt").write_text("mine")
    folder.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_network_without_numbers_has_an_empty_config() -> None:
    assert network_config(nn.Linear(1, 1)).to_dict() == {}
