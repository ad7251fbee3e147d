"""A machine that works, and one that does not, in every way that the doctor looks at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tiny_network import save_tiny_weights

from vostool.cli.app import run
from vostool.errors import DeviceError
from vostool.pipelines import doctor
from vostool.pipelines.doctor import Check, Diagnosis, diagnose
from vostool.video.writing.coders import CoderReport


def by_name(checks: Iterator[Check] | tuple[Check, ...]) -> dict[str, Check]:
    return {check.name: check for check in checks}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no other weights than those of the checkout."""
    monkeypatch.delenv("VOSTOOL_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "vostool"


def test_this_machine_works(cache: Path) -> None:
    diagnosis = diagnose()
    checks = by_name(diagnosis.checks)
    assert [each.line for each in diagnosis.checks if each.verdict == "fail"] == []
    assert diagnosis.exit_code == 0
    assert len(checks) == len(diagnosis.checks)
    assert checks["weights of rgmp"] == Check("weights of rgmp", "none", "none on this machine")
    assert checks["network lite"].detail.startswith("followed a square")
    assert torch.__version__ in checks["torch"].detail
    assert "can be written to" in checks["cache"].detail
    assert not cache.exists(), "it only looks"


def test_a_check_is_a_line() -> None:
    assert Check("cuda", "none", "no driver").line == "none  cuda: no driver"
    assert Check("cpu", "ok", "computes").line == "ok    cpu: computes"


@pytest.mark.parametrize(("verdict", "code"), [("ok", 0), ("none", 0), ("fail", 4)])
def test_the_command(
    verdict: doctor.Verdict, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    diagnosis = Diagnosis((Check("one", "ok", "fine"), Check("other", verdict, "so")))
    monkeypatch.setattr(doctor, "diagnose", lambda: diagnosis)
    assert run(["doctor"]) == code
    assert capsys.readouterr().out == f"ok    one: fine\n{verdict:<5} other: so\n"
    assert run(["doctor", "--json"]) == code
    record = json.loads(capsys.readouterr().out)
    assert record["is_ok"] == (code == 0)
    assert record["checks"][1] == {"name": "other", "verdict": verdict, "detail": "so"}


def test_a_coder_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "try_coders", lambda: [CoderReport("a"), CoderReport("b", "unknown codec")])
    checks = by_name(doctor._coders())
    assert checks["a"].verdict == "ok"
    assert checks["b"] == Check("b", "fail", "unknown codec")


def test_shipped_weights_that_are_damaged(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_tiny_weights(tmp_path / "lite.safetensors")
    for module in ("vostool.pipelines.doctor", "vostool.weights.store"):
        monkeypatch.setattr(f"{module}.PACKAGED", tmp_path)
    check = by_name(doctor._weights())["weights of lite"]
    assert check.verdict == "fail"
    assert "is damaged: its sha256 is" in check.detail


def test_weights_of_ones_own_are_not_compared(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOSTOOL_WEIGHTS", str(save_tiny_weights(tmp_path / "mine.safetensors")))
    check = by_name(doctor._weights())["weights of lite"]
    assert check.verdict == "ok"
    assert "mine.safetensors" in check.detail


def test_weights_that_are_missing(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PACKAGED", "CHECKOUT"):
        monkeypatch.setattr(f"vostool.weights.store.{name}", tmp_path / "nothing")
    assert by_name(doctor._weights())["weights of lite"].verdict == "fail"
    check = doctor._network()
    assert check.verdict == "fail"
    assert "no weights for 'lite'" in check.detail


def test_a_network_that_knows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOSTOOL_DEVICE", "cpu")
    monkeypatch.setenv("VOSTOOL_WEIGHTS", str(save_tiny_weights(tmp_path / "lite.safetensors")))
    check = doctor._network()
    assert check.verdict == "fail"
    assert "lost a plain square" in check.detail


def test_what_fails_is_told_and_not_raised() -> None:
    def fail_for_users() -> str:
        raise DeviceError("the device is gone", "plug it in")

    def fail_oddly() -> str:
        raise RuntimeError("CUDA error:\n  unspecified launch failure")

    assert doctor._try("one", fail_for_users) == Check("one", "fail", "the device is gone; plug it in")
    assert doctor._try("two", fail_oddly) == Check("two", "fail", "CUDA error: unspecified launch failure")
    assert doctor._try("three", lambda: str(1 // 0)).verdict == "fail"


def test_a_device_that_computes_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    compute = torch.nn.functional.conv2d

    def wrong(inputs: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
        return compute(inputs, kernel) * (1 if inputs.dtype == torch.float64 else 1.1)

    monkeypatch.setattr(torch.nn.functional, "conv2d", wrong)
    assert "convolutions are wrong" in by_name(doctor._devices())["cpu"].detail


def test_a_cache_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    check = doctor._cache()
    assert check.verdict == "none"
    assert "cannot be written to" in check.detail
