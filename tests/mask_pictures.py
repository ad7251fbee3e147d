"""Masks to read, made by drawing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from vostool.video.colour.palette import davis_palette

WIDTH, HEIGHT = 160, 96
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def draw_scene(fills: list, mode: str = "L", background: object = 0, scale: int = 1) -> Image.Image:
    """Discs side by side, one per fill, on a picture of 160x96 times ``scale``."""
    image = Image.new(mode, (WIDTH * scale, HEIGHT * scale), background)
    pen = ImageDraw.Draw(image)
    step = WIDTH * scale / len(fills)
    for place, fill in enumerate(fills):
        radius = min(step * 0.4, HEIGHT * scale * 0.4)
        across, down = step * (place + 0.5), HEIGHT * scale / 2
        pen.ellipse([across - radius, down - radius, across + radius, down + radius], fill=fill)
    return image


def smooth_scene(fills: list, mode: str = "L", background: object = 0) -> Image.Image:
    """The same scene with anti-aliased edges."""
    return draw_scene(fills, mode, background, scale=4).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def with_palette(labels: np.ndarray, palette: np.ndarray | None = None) -> Image.Image:
    """An indexed picture."""
    image = Image.fromarray(labels.astype(np.uint8))
    image.putpalette((davis_palette() if palette is None else palette).astype(np.uint8).tobytes())
    return image


def save(image: Image.Image, folder: Path, name: str = "first.png", **options: object) -> Path:
    """Write ``image``; the path."""
    path = folder / name
    image.save(path, **options)
    return path


def photograph(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """Something as busy and as smooth as a photograph."""
    random = np.random.default_rng(4)
    coarse = Image.fromarray(random.integers(0, 256, (12, 20, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    return Image.fromarray(np.clip(smooth + random.integers(-6, 7, smooth.shape), 0, 255).astype(np.uint8))
