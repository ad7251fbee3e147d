"""What can be pasted on a clip: objects of stills and cut-outs, and of videos as they move there.

Shapes: T frames of a clip; H, W size of a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from vostool.datasets.augmentation import ClipShape
from vostool.datasets.frame_choice import choose_frames
from vostool.datasets.library import Library, Still, VideoClip
from vostool.datasets.objects import STILL_SHARES, ObjectBox, ObjectIndex, choose_objects, pick
from vostool.errors import InputError

MAX_TRIES = 50
# Cut-outs are few and clean, and come this many times as often as each object of a still.
CUTOUT_WEIGHT = 3


@dataclass(frozen=True)
class Subject:
    """An object of one picture, or of some frames of a video.

    Attributes:
        name: Of the picture or the video.
        images: One picture for all frames of a clip, or one for each: (3, H, W) uint8 RGB.
        labels: Their masks, (H, W) uint8.
        box: The object as it lies in the first of them.
    """

    name: str
    images: tuple[Tensor, ...]
    labels: tuple[Tensor, ...]
    box: ObjectBox


class ObjectPool:
    """Objects to paste; stills of videos where there are neither stills nor cut-outs."""

    def __init__(self, library: Library, index: ObjectIndex) -> None:
        self._stills = library.stills + CUTOUT_WEIGHT * library.cutouts
        self._videos = library.videos
        self._index = index

    def draw(self, generator: np.random.Generator, shape: ClipShape, moving: float = 0.0) -> Subject:
        """One object.

        Args:
            shape: Of the clip that it is for.
            moving: Probability that it comes with the frames of a video, if there are any.

        Raises:
            InputError: If in many pictures there is none of usable size.
        """
        for _ in range(MAX_TRIES):
            is_moving = generator.random() < moving and bool(self._videos)
            name, images, labels = self._draw_frames(generator, shape) if is_moving else self._draw_still(generator)
            if chosen := choose_objects(self._index.find(labels[0]), 1, generator, STILL_SHARES):
                return Subject(name, images, labels, chosen[0])
        raise InputError(f"no object of usable size in {MAX_TRIES} pictures drawn to paste", "give other stills")

    def _draw_still(self, generator: np.random.Generator) -> tuple[str, tuple[Tensor, ...], tuple[Tensor, ...]]:
        still = pick(self._stills, generator) if self._stills else draw_still(self._videos, generator)
        return still.name, (still.image,), (still.labels,)

    def _draw_frames(
        self, generator: np.random.Generator, shape: ClipShape
    ) -> tuple[str, tuple[Tensor, ...], tuple[Tensor, ...]]:
        clip = pick(self._videos, generator)
        chosen = choose_frames(clip.annotated, shape, generator, reverse=generator.random() < 0.5)
        return clip.name, tuple(clip.images[frame] for frame in chosen), tuple(clip.mask(frame) for frame in chosen)


def draw_still(videos: Sequence[VideoClip], generator: np.random.Generator) -> Still:
    """A frame of a video that has a mask."""
    clip = pick(videos, generator)
    frame = pick(clip.annotated, generator)
    return Still(f"{clip.name}, frame {frame}", clip.images[frame], clip.mask(frame))
