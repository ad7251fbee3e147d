"""What is printed for people."""

from __future__ import annotations

import os

import pytest

from vostool.cli.console import Messages, one_line, print_error
from vostool.errors import VideoError

NASTY = "a\nb\x1b[31mc\x07" + os.fsdecode(b"\xff")


def test_names_of_files_neither_break_lines_nor_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Messages().note(NASTY)
    Messages().warn(NASTY)
    print_error(VideoError(NASTY))
    shown = "a b?[31mc??"
    assert capsys.readouterr().err.splitlines() == [
        f"note: {shown}", f"warning: {shown}", f"vostool: error: {shown}"
    ]  # fmt: skip


def test_other_alphabets_stay() -> None:
    assert one_line("é 日本 😀.mp4") == "é 日本 😀.mp4"
