"""What a command says when it refuses: one line on stderr, beside notes."""

from __future__ import annotations

from collections.abc import Iterable


def check_error_line(errors: str, words: Iterable[str]) -> None:
    """Fail unless stderr holds one error that has all of the words in it."""
    lines = [line for line in errors.splitlines() if not line.startswith("note: ")]
    assert len(lines) == 1, lines
    assert lines[0].startswith("vostool: error: ")
    for word in words:
        assert word in lines[0]
