"""What ``import vostool`` offers, and that the documentation tells the truth."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from synthetic_clips import make_clip
from tiny_network import save_tiny_weights

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


def test_readme_example_runs(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python example, on a tiny clip and with tiny weights."""
    readme = (repository / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    make_clip(tmp_path / "clip.mp4", num_frames=3)
    labels = np.zeros((48, 64), np.uint8)
    labels[8:20, 4:18] = 1
    Image.fromarray(labels).save(tmp_path / "first.png")
    monkeypatch.setenv("VOSTOOL_WEIGHTS", str(save_tiny_weights(tmp_path / "lite.safetensors")))
    monkeypatch.chdir(tmp_path)
    lines: list[tuple[object, ...]] = []
    exec(compile(example, "README.md", "exec"), {"print": lambda *values: lines.append(values)})
    assert [(index, shape) for index, shape, _ in lines] == [(0, (48, 64)), (1, (48, 64)), (2, (48, 64))]
