"""A program that starts the command line again and again, and stops it at given moments: in a process of its own.

Every run is a fork of a process that has loaded everything, so that ten of them cost hardly more than one.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
# Number of the descriptor on which runs tell of every frame.
EVENTS_FD = 9


def run_and_stop(
    folder: Path, runs: Sequence[tuple[Sequence[str], int | None, float, int]]
) -> list[tuple[int, int, str]]:
    """Runs command lines one after the other.

    Args:
        folder: Where they run, and where states are kept.
        runs: Of each the arguments, the number of events after which it is stopped (None for not at all), the seconds
            that pass from that event on, and the signal.

    Returns:
        Of each the exit code (less than 0: the signal that it died of), the number of events and what it wrote on
        standard error.
    """
    settings = {"OMP_NUM_THREADS": "1", "VOSTOOL_STATES": str(folder / "states")}
    paths = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests")])
    outcome = subprocess.run(
        [sys.executable, "-m", "killed_jobs", json.dumps(list(runs))],
        cwd=folder, env={**os.environ, **settings, "PYTHONPATH": paths}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    return [tuple(each) for each in json.loads(outcome.stdout)]


def _main(runs: list[Any]) -> None:
    for name in ("vostool.cli.app", "vostool.pipelines.segment"):
        importlib.import_module(name)
    gc.freeze()  # Else every child would touch, and so copy, all that they share.
    print(json.dumps([_run(number, *each) for number, each in enumerate(runs)]))


def _run(number: int, arguments: list[str], num_events: int | None, pause: float, signal_number: int) -> list[Any]:
    told = Path(f"run{number}.stderr")
    read_end, write_end = os.pipe()
    process = os.fork()
    if not process:
        os.close(read_end)
        os._exit(_child(arguments, write_end, told))
    os.close(write_end)
    seen = 0
    with os.fdopen(read_end) as events:
        for _ in events:
            seen += 1
            if seen == num_events:
                time.sleep(pause)
                os.kill(process, signal_number)
    _, status = os.waitpid(process, 0)
    return [os.waitstatus_to_exitcode(status), seen, told.read_text()]


def _child(arguments: list[str], write_end: int, told: Path) -> int:
    from vostool.cli.app import run

    os.dup2(write_end, EVENTS_FD)
    os.close(write_end)
    with told.open("w") as errors, open(os.devnull, "w") as nothing:
        os.dup2(errors.fileno(), 2)
        os.dup2(nothing.fileno(), 1)
        code = run([*arguments, "--progress", "json", "--progress-fd", str(EVENTS_FD), "--progress-interval", "0"])
        sys.stderr.flush()
    return code


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
