"""``vostool bench`` in process: what goes where, and the exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from tiny_network import save_tiny_weights

from vostool.cli.app import run
from vostool.cli.bench import MAX_OBJECTS, parse_counts
from vostool.pipelines import benchmark_machine
from vostool.types import MAX_OBJECTS as MOST_OBJECTS

QUICK = ["bench", "--weights", "tiny.safetensors", "--size", "32", "--device", "cpu"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with weights, on a machine whose rates are measured at a glance."""
    save_tiny_weights(tmp_path / "tiny.safetensors")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(benchmark_machine, "RATE_SECONDS", 0.0)
    monkeypatch.setattr(benchmark_machine, "SIDES", {"cpu": (16,)})
    return tmp_path


def test_bench_as_json_with_a_plot(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole job runs in a process of its own, whose memory is not that of the tests."""
    assert run([*QUICK, "--frames", "3", "--warm-up", "1", "--json", "--plot", "plot.png"]) == 0
    captured = capsys.readouterr()
    record = json.loads(captured.out)
    assert (record["num_frames"], record["num_warm_up"], record["clip"]) == (3, 1, "painted clip")
    result = record["results"][0]
    assert result["weights"] == "tiny.safetensors"
    assert len(result["series"]["rss"]) == 4
    assert result["memory"]["peak_rss"] >= max(result["series"]["rss"])
    assert "note: wrote plot.png" in captured.err
    assert (folder / "plot.png").stat().st_size > 0


def test_flat_as_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*QUICK, "--flat", "--frames", "12", "--memory", "lfu", "-q"]) == 0
    captured = capsys.readouterr()
    assert "growth over 12 frames" in captured.out
    assert "at the last frame" in captured.out
    assert captured.err == ""


@pytest.mark.parametrize(
    "arguments",
    [["--objects", "0"], ["--objects", "1,x"], ["--clip", "clip.mp4"], ["--system", "lite,lite"], ["--size", "8"]],
)
def test_what_is_refused(folder: Path, arguments: list[str]) -> None:
    assert run([*QUICK, *arguments]) == 2


def test_numbers_of_objects() -> None:
    assert parse_counts(None) == ()
    assert parse_counts("1, 3,8,3") == (1, 3, 8)
    assert parse_counts(str(MOST_OBJECTS)) == (MAX_OBJECTS,)
    with pytest.raises(typer.BadParameter):
        parse_counts(str(MAX_OBJECTS + 1))


def test_help_loads_no_torch() -> None:
    script = (
        "import sys; from vostool.cli.app import run; run(['bench', '--help']); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'av', 'cv2')))"
    )
    outcome = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    assert "--flat" in outcome.stdout
