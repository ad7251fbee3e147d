"""Tiny folders of clips with masks, in the layouts that ``vostool train`` takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (80, 96)


def square_frames(num_frames: int = 5, start: int = 10) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pictures with a bright square that moves over noise, and their labels, HxWx3 and HxW uint8."""
    noise = np.random.default_rng(start).integers(0, 90, (*SIZE, 3), dtype=np.uint8)
    frames = []
    for index in range(num_frames):
        place = slice(20, 52), slice(start + 4 * index, start + 4 * index + 30)
        image, labels = noise.copy(), np.zeros(SIZE, np.uint8)
        image[place], labels[place] = (240, 180, 60), 1
        frames.append((image, labels))
    return frames


def make_davis(root: Path, num_clips: int = 4) -> Path:
    """A data set in DAVIS layout: clips clip0, clip1, ... with a mask for each frame."""
    for clip in range(num_clips):
        for index, (image, labels) in enumerate(square_frames(start=6 + 2 * clip)):
            for kind, picture, suffix in (("JPEGImages", image, "jpg"), ("Annotations", labels, "png")):
                folder = root / kind / "480p" / f"clip{clip}"
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture).save(folder / f"{index:05d}.{suffix}")
    return root


def make_masks(folder: Path) -> Path:
    """Masks of ``square_frames`` as ``vostool segment`` writes them for a video."""
    folder.mkdir(parents=True)
    for index, (_, labels) in enumerate(square_frames()):
        Image.fromarray(labels).save(folder / f"{index:05d}.png")
    return folder
