"""What ``import vostool`` offers, and that the documentation tells the truth."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import vostool
from vostool.cli.reference import reference_page


@pytest.mark.parametrize("name", vostool.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    public = getattr(vostool, name)
    assert public.__name__ == name
    assert public.__doc__
    assert vostool._HOMES[name] == public.__module__


def test_unknown_names_fail_as_usual() -> None:
    with pytest.raises(AttributeError, match="no attribute 'segment'"):
        vostool.segment  # noqa: B018


def test_command_reference_is_what_help_says(repository: Path) -> None:
    """If this fails: make docs."""
    assert (repository / "docs" / "cli.md").read_text(encoding="utf-8") == reference_page()


def test_readme_names_only_options_that_exist(repository: Path) -> None:
    known = set(re.findall(r"--[a-z][a-z-]+", reference_page())) | {"--help", "--version"}
    commands = re.findall(r"^\s*\$ vostool .*$", (repository / "README.md").read_text(), re.MULTILINE)
    assert commands
    for command in commands:
        assert set(re.findall(r"--[a-z][a-z-]+", command)) <= known, command
