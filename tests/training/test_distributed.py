"""Two processes that share every batch come to the weights of one that has it whole."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from stage_cases import CPU, Run

from vostool.errors import UsageError
from vostool.training.checkpoint import RunFolder
from vostool.training.device import local_device
from vostool.training.distributed import ALONE, Processes, join_processes

# Each process has a folder of its own here, to see that only the first one writes. The second one alone is asked to
# stop, or has the bad clip.
SCRIPT = """
import sys
from pathlib import Path
from stage_cases import CPU, Run
from vostool.errors import VostoolError
from vostool.training.distributed import join_processes

with join_processes(CPU) as processes:
    root = Path(sys.argv[1])
    run = Run(root / f"run-{processes.rank}", seed=processes.rank, processes=processes)
    run.make().run()
    assert bool(run.records) == processes.is_first

    broken = Run(root / f"broken-{processes.rank}", breaks_at=2, processes=processes)
    try:
        broken.make().run()
    except VostoolError as error:
        (root / f"error-{processes.rank}").write_text(str(error))

    stopped = Run(root / f"stopped-{processes.rank}", processes=processes, stop_after=-1 if processes.is_first else 0)
    try:
        stopped.make().run()
    except VostoolError as error:
        (root / f"stop-{processes.rank}").write_text(f"{error.exit_code} {error}")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left."""
    root = tmp_path_factory.mktemp("pair")
    tests = Path(__file__).resolve().parents[1]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {
        "PYTHONPATH": os.pathsep.join(map(str, (tests / "training", tests, tests.parent))),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    running = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(root)],
            env=os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    outcomes = [(each.communicate(timeout=120)[1], each.returncode) for each in running]
    assert [code for _, code in outcomes] == [0, 0], outcomes
    return root


def test_two_processes_come_to_the_weights_of_one(folder: Path, tmp_path: Path) -> None:
    alone = Run(tmp_path)
    alone.make().run()
    state = RunFolder(folder / "run-0").read_state()
    for name, value in alone.network.state_dict().items():
        torch.testing.assert_close(state["network"][name], value, rtol=0, atol=1e-5)
    lines = [json.loads(line) for line in (folder / "run-0" / "metrics.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if "loss" in line]
    assert losses == pytest.approx([record.terms["loss"] for record in alone.records], abs=1e-5)
    assert [line["step"] for line in lines if "J&F" in line] == alone.scored


def test_only_the_first_process_writes(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {"run-0", "broken-0", "stopped-0", "error-0", "error-1", "stop-0", "stop-1"}


def test_all_stop_at_a_clip_that_one_of_them_has(folder: Path) -> None:
    messages = {(folder / f"error-{rank}").read_text() for rank in range(2)}
    assert {each.partition(";")[0] for each in messages} == {"the loss is nan at step 3, on the clips bad, clip-3"}


def test_all_stop_after_the_step_in_which_one_is_asked_to(folder: Path) -> None:
    messages = [(folder / f"stop-{rank}").read_text() for rank in range(2)]
    assert all(each.startswith("130 stopped by SIGINT after step 0 of 8") for each in messages)
    assert RunFolder(folder / "stopped-0").read_state()["step"] == 0


def test_batch_is_parted_in_order() -> None:
    assert [Processes(rank, 3).piece(6) for rank in range(3)] == [slice(0, 2), slice(2, 4), slice(4, 6)]
    with pytest.raises(UsageError, match=r"batch of 5 clips .* 3 processes.* multiple of 3"):
        Processes(0, 3).piece(5)


def test_one_process_talks_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with join_processes(CPU) as processes:
        assert processes == ALONE
    assert local_device("cpu") == CPU
