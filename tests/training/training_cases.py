"""Tiny training data made on the spot: a sequence, stills, a cut-out and a background."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from vostool.training.batches import ClipMixture
from vostool.training.recipes import Recipe
from vostool.training.sources import load_mixture

SIZE = (72, 96)
TINY_RECIPE = Recipe(num_steps=4, batch_size=2, side=48, warmup_steps=1, frozen=("backbone.conv1",))


def save_training_data(root: Path) -> Path:
    """Writes the folders that ``load_mixture`` reads; two sequences, of which ``held`` is to be held out."""
    generator = np.random.default_rng(0)
    for name in ("held", "used"):
        frames, masks = (root / "davis2016-train" / kind / name for kind in ("JPEGImages", "Annotations"))
        frames.mkdir(parents=True)
        masks.mkdir(parents=True)
        noise = generator.integers(0, 90, (*SIZE, 3), dtype=np.uint8)
        for index in range(6):
            image, labels = noise.copy(), np.zeros(SIZE, np.uint8)
            image[20:50, 10 + 4 * index : 40 + 4 * index] = (220, 180, 50)
            labels[20:50, 10 + 4 * index : 40 + 4 * index] = 255
            Image.fromarray(image).save(frames / f"{index:05d}.png")
            Image.fromarray(labels).save(masks / f"{index:05d}.png")
    for kind in ("images", "masks"):
        (root / "stills" / "set" / kind).mkdir(parents=True)
    still, labels = generator.integers(0, 255, (60, 80, 3), dtype=np.uint8), np.zeros((60, 80), np.uint8)
    labels[10:40, 20:50] = 3
    Image.fromarray(still).save(root / "stills" / "set" / "images" / "a.png")
    Image.fromarray(labels).save(root / "stills" / "set" / "masks" / "a.png")
    for folder, mode in (("cutouts", "RGBA"), ("backgrounds", "RGB")):
        (root / folder).mkdir()
        picture = generator.integers(0, 255, (50, 50, len(mode)), dtype=np.uint8)
        if mode == "RGBA":
            picture[..., 3] = 0
            picture[10:40, 10:40, 3] = 255
        Image.fromarray(picture, mode).save(root / folder / "b.png")
    return root


def make_mixture(root: Path) -> ClipMixture:
    """The mixture of that data, without the held-out sequence."""
    return load_mixture(save_training_data(root), TINY_RECIPE.zoom, held_out=("held",))
