"""Paths that the system does not let us look at."""

from __future__ import annotations

from pathlib import Path

import pytest
from synthetic_clips import make_clip

from vostool.cli.app import run


@pytest.mark.parametrize(("option", "code"), [("--mask", 3), ("-o", 6)])
def test_a_name_that_is_too_long_is_no_fault_of_vostool(
    option: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make_clip("clip.mp4")
    assert run(["segment", "clip.mp4", option, "x" * 300]) == code
    (line,) = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("note: ")]
    assert "x" * 300 in line
    assert line.startswith("vostool: error: cannot")
