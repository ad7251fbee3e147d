"""Tiny clips with masks in each layout, for tests of finding and loading them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from mask_pictures import with_palette
from PIL import Image

from vostool.datasets.footage import Footage, find_footage

HEIGHT, WIDTH = 12, 18


def frame(index: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A picture of one colour that tells its frame."""
    return np.full((height, width, 3), 10 * index, np.uint8)


def labels(*ids: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A mask with a bar of 3 columns for each id, from the left."""
    mask = np.zeros((height, width), np.uint8)
    for place, number in enumerate(ids):
        mask[:, 3 * place : 3 * place + 3] = number
    return mask


def write(path: Path, pixels: np.ndarray) -> Path:
    """A picture; of two dimensions with a palette."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (with_palette(pixels) if pixels.ndim == 2 else Image.fromarray(pixels)).save(path)
    return path


def write_frames(folder: Path, num_frames: int = 5) -> None:
    """00000.png onward."""
    for index in range(num_frames):
        write(folder / f"{index:05d}.png", frame(index))


def write_masks(folder: Path, masks: Mapping[int, np.ndarray]) -> None:
    """Masks named by frame."""
    for index, mask in masks.items():
        write(folder / f"{index:05d}.png", mask)


def write_sequence(root: Path, name: str, masks: Mapping[int, np.ndarray], inner: str = "") -> None:
    """A clip of 5 frames of a data set."""
    write_frames(root / "JPEGImages" / inner / name)
    write_masks(root / "Annotations" / inner / name, masks)


def write_loose_clip(root: Path, masks: Mapping[int, np.ndarray]) -> tuple[Path, Path]:
    """A folder of 5 frames, ``ant``, beside its masks; both are returned."""
    write_frames(root / "ant")
    write_masks(root / "ant_masks", masks)
    return root / "ant", root / "ant_masks"


def find_one_problem(root: Path) -> tuple[Footage, str]:
    """The footage of a folder that has exactly one problem, and the problem."""
    footage = find_footage(root)
    (problem,) = footage.problems
    assert "\n" not in problem
    return footage, problem
