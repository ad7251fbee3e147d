"""``vostool weights`` in process: what goes where, and the exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from error_lines import check_error_line
from file_server import Served, serve
from published_files import small_state
from tiny_network import save_tiny_weights

from vostool.cli.app import run
from vostool.weights.known import KNOWN


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with weights, damaged weights, and a cache of its own."""
    save_tiny_weights(tmp_path / "lite.safetensors")
    torch.save(small_state("stm", "module."), tmp_path / "stm.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "stm.pth").read_bytes()[:-40])
    (tmp_path / "taken.pth").write_bytes(b"precious")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_list_is_whole_where_there_is_no_terminal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["weights", "list"]) == 0
    out = capsys.readouterr().out
    for known in KNOWN:
        assert f" {known.name} " in out
        assert known.page in out
        assert known.note in out
    assert "rgmp: none on this machine" in out


def test_list_and_info_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["weights", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in listed["known"]] == [known.name for known in KNOWN]
    assert "stm" in listed["installed"]
    assert run(["weights", "info", "stm.pth", "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert (info["system"], info["num_tensors"], info["path"]) == ("stm", 6, "stm.pth")


def test_info_is_lines_of_names_and_values(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["weights", "info", "lite.safetensors"]) == 0
    captured = capsys.readouterr()
    assert "system: lite" in captured.out.splitlines()
    assert "metadata.history: {'made': 'at random'}" in captured.out.splitlines()
    assert captured.err == ""


def test_verify_and_convert_say_what_they_did(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["weights", "verify", "lite.safetensors"]) == 0
    assert run(["weights", "convert", "stm.pth", "stm.safetensors"]) == 0
    assert run(["weights", "convert", "stm.safetensors", "half.pth", "--half", "--no-prefix"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "note: lite.safetensors fits lite" in captured.err
    assert "note: wrote stm.safetensors: 6 tensors of stm" in captured.err
    assert "warning: half precision changed 4 of 6 tensors" in captured.err
    assert torch.load(folder / "half.pth", weights_only=True).keys() == small_state("stm").keys()


def test_fetch_into_the_cache(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(Served((folder / "lite.safetensors").read_bytes())) as address:
        job = ["weights", "fetch", "--url", f"{address}/a.safetensors", "--system", "lite"]
        assert run(job) == 0
        assert "tensors of lite" in capsys.readouterr().err
        assert run(job) == 6
        assert run([*job, "--overwrite", "-q"]) == 0
    assert (folder / "cache" / "vostool" / "lite.safetensors").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["info", "gone.pth"], 4, ["gone.pth", "No such file"]),
        (["info", "cut.pth"], 4, ["cut.pth", "cut short"]),
        (["verify", "stm.pth", "--system", "lite"], 4, ["'stm', not of 'lite'", "--system stm"]),
        (["verify", "lite.safetensors", "--system", "stnc"], 2, ["stnc"]),
        (["convert", "stm.pth", "taken.pth"], 6, ["taken.pth", "--overwrite"]),
        (["convert", "stm.pth", "stm.onnx"], 2, ["stm.onnx", ".safetensors"]),
        (["convert", "stm.pth"], 2, ["OUT"]),
        (["fetch"], 2, ["--url"]),
        (["fetch", "stcn"], 4, ["github.com/hkchengrex/STCN", "vostool weights convert FILE"]),
        (["fetch", "--url", "ftp://x", "--system", "stm"], 2, ["ftp://x"]),
    ],
)
def test_mistakes_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: list[str]
) -> None:
    assert run(["weights", *arguments]) == code
    check_error_line(capsys.readouterr().err, words)
    assert (folder / "taken.pth").read_bytes() == b"precious"


def test_bare_group_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["weights"]) == 2
    assert "convert" in capsys.readouterr().out


def test_help_loads_no_torch() -> None:
    script = (
        "import sys\nfrom vostool.cli.app import run\n"
        "assert run(['weights', '--help']) == 0 and run(['weights', 'fetch', '--help']) == 0\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
