"""Clips of several objects made of videos of one, as a data set in DAVIS-2017 layout, to score systems on.

    python examples/make_composites.py DAVIS OUT --sequences bus,dog-agility,horsejump-low,kite-walk,rhino
    vostool eval --data OUT --year 2017

Each clip is a stretch of one of the sequences with objects of the others, and copies of its own, pasted on: they move
as they do in their videos and on ways of their own, pass behind and in front, leave and come back, grow and shrink.
With the same numbers the same clips come out.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from vostool.datasets.augmentation import Augmentation, ClipShape
from vostool.datasets.clip import TrainingClip
from vostool.datasets.footage import find_footage
from vostool.datasets.library import Library, load_library
from vostool.datasets.sources import VideoSource
from vostool.video.colour.palette import davis_palette

MOTION = Augmentation(
    zoom=(0.8, 1.0), degrees=4.0, shear=2.0, scale=1.03, shift=0.05, shake=0.05, second_object=0.8, moving=1.0,
    growth=1.5, behind=0.3, leaving=0.3, look_alike=0.3, clip_colour=0.0, frame_colour=0.0, grey=0.0,
)  # fmt: skip
MOST_OBJECTS = 4
JPEG_QUALITY = 95


def main(
    davis: Path,
    out: Path,
    sequences: Annotated[str, typer.Option()],
    clips: int = 15,
    frames: int = 24,
    height: int = 320,
    width: int = 560,
    seed: int = 0,
) -> None:
    """Writes the clips."""
    footage = find_footage(davis, year=2016)
    chosen = tuple(each for each in footage.clips if each.name in sequences.split(","))
    library = load_library(replace(footage, clips=chosen), short_side=400, year=2016)
    shape = ClipShape(frames, height, width, max_objects=MOST_OBJECTS, max_gap=1)
    for index in range(clips):
        write_clip(draw_clip(library, shape, (seed, index)), out, f"{index:02d}")


def draw_clip(library: Library, shape: ClipShape, seed: tuple[int, int]) -> TrainingClip:
    """The first clip drawn that has two objects or more, and none of them lost in its first frame."""
    generator = np.random.default_rng(seed)
    source = VideoSource(library)
    while (clip := source.draw(generator, shape, MOTION)).num_objects < 2:
        pass
    return clip


def write_clip(clip: TrainingClip, out: Path, name: str) -> None:
    """Frames and masks of one clip."""
    images, masks = (out / folder / "480p" / name for folder in ("JPEGImages", "Annotations"))
    images.mkdir(parents=True)
    masks.mkdir(parents=True)
    for index, (frame, labels) in enumerate(zip(clip.frames, clip.labels, strict=True)):
        pixels = (frame.permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)
        Image.fromarray(pixels).save(images / f"{index:05d}.jpg", quality=JPEG_QUALITY)
        mask = Image.fromarray(labels.numpy().astype(np.uint8))
        mask.putpalette(davis_palette().ravel().tolist())
        mask.save(masks / f"{index:05d}.png")
    print(f"{name}: {clip.num_objects} objects in {clip.name.split(',')[0]}")


if __name__ == "__main__":
    typer.run(main)
