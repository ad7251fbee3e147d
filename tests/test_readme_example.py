"""The Python example of the README, run as it stands there with the weights that are shipped; options and links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from synthetic_clips import make_clip

import vostool
from vostool.cli.reference import reference_page

NUM_FRAMES = 4
SIZE = (48, 64)
# The bright square of the clip's first frame, and what is around it.
DRAWN = np.zeros(SIZE, np.uint8)
DRAWN[6:18, 1:10] = 3
PAGES = ("README.md", "docs/segmenting.md", "docs/needs.md", "docs/pipes.md", "docs/python.md")
FUNCTIONS = ("open_video", "load_masks", "build_segmenter", "propagate", "segment_video")


@pytest.fixture(scope="module")
def example(repository: Path) -> str:
    """The only block of Python in the README."""
    (block,) = re.findall(r"```python\n(.*?)```", (repository / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return str(block)


@pytest.fixture(scope="module")
def run(example: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[Any, ...]], dict[str, Any]]:
    """Where it ran, what it printed, and its names at the end."""
    folder = tmp_path_factory.mktemp("readme")
    make_clip(folder / "clip.mp4", num_frames=NUM_FRAMES)
    Image.fromarray(DRAWN).save(folder / "first.png")
    printed: list[tuple[Any, ...]] = []
    names: dict[str, Any] = {"print": lambda *values: printed.append(values)}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("VOSTOOL_WEIGHTS", raising=False)
        patch.setenv("VOSTOOL_STATES", str(folder / "states"))
        patch.chdir(folder)
        exec(compile(example, "README.md", "exec"), names)
    return folder, printed, names


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_main_function_is_shown(example: str, name: str) -> None:
    assert name in vostool.__all__
    assert re.search(rf"\b{name}\(", example)


def test_frames_are_followed(run: tuple[Path, list[tuple[Any, ...]], dict[str, Any]]) -> None:
    _, printed, names = run
    assert [(index, shape) for index, shape, _ in printed] == [(index, SIZE) for index in range(NUM_FRAMES)]
    assert printed[0][2].tolist() == [1.0]
    assert all(0 < confidence[0] <= 1 for _, _, confidence in printed)
    result = names["result"]
    assert result.object_ids == (3,)
    assert result.alpha.shape == (1, *SIZE)
    assert result.alpha.dtype == result.confidence.dtype == np.float32


def test_files_are_written(run: tuple[Path, list[tuple[Any, ...]], dict[str, Any]]) -> None:
    folder, _, names = run
    report = names["report"]
    assert (report.frames_in, report.frames_out, report.weights_sha256 != "") == (NUM_FRAMES, NUM_FRAMES, True)
    assert len(list((folder / "masks").glob("*.png"))) == NUM_FRAMES
    assert np.array_equal(np.asarray(Image.open(folder / "masks" / "00000.png")), DRAWN)
    with av.open(str(folder / "cut.mov")) as container:
        assert container.streams.video[0].format.name.startswith("yuva444p")


def test_both_ways_find_the_same(run: tuple[Path, list[tuple[Any, ...]], dict[str, Any]]) -> None:
    folder, _, names = run
    last = np.asarray(Image.open(folder / "masks" / f"{NUM_FRAMES - 1:05d}.png"))
    assert np.array_equal(last, names["result"].labels)


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_options_that_exist(repository: Path, page: str) -> None:
    known = set(re.findall(r"--[a-z][a-z-]*[a-z]", reference_page())) | {"--help", "--version"}
    text = (repository / page).read_text(encoding="utf-8")
    assert set(re.findall(r"(?<![-\w|])--[a-z][a-z-]*[a-z]", text)) <= known


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(repository: Path, page: str) -> None:
    text = (repository / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert links
    for link in links:
        assert ((repository / page).parent / link).exists(), link
