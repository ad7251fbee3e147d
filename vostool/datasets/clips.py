"""Training clips: a few frames with the masks of one or two objects.

Three sources: real video with random gaps, whole stills moved by affine and bend (STM, section 3.5), and objects pasted
on backgrounds, each moving on its own (RGMP, section 3.4, strategy 2). Any of them may get a second object pasted on.

Shapes: T frames of a clip, S side of the square crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import cv2
import numpy as np

from vostool.datasets import transforms
from vostool.datasets.pictures import MaskedPicture, choose_object

# A clip is useless if its object is not seen where it is given; smaller than this many pixels is not seen.
MIN_OBJECT_PIXELS = 48
MAX_TRIES = 20
Item = TypeVar("Item")


@dataclass(frozen=True)
class TrainingClip:
    """Frames (T, S, S, 3) uint8 RGB and labels (T, S, S) uint8 with 0 background and objects 1 and 2."""

    frames: np.ndarray
    labels: np.ndarray

    @property
    def num_objects(self) -> int:
        """Highest id in the first frame."""
        return int(self.labels[0].max())

    def is_usable(self) -> bool:
        """True if the first object is seen in the first frame."""
        return int((self.labels[0] == 1).sum()) >= MIN_OBJECT_PIXELS


class ClipSource(Protocol):
    """Draws random clips."""

    def draw(self, generator: np.random.Generator, num_frames: int, side: int, max_gap: int) -> TrainingClip:
        """A clip of ``num_frames`` frames; ``max_gap`` is the most frames between two of them in a video."""
        ...


def _pick(items: Sequence[Item], generator: np.random.Generator) -> Item:
    return items[int(generator.integers(len(items)))]


def _centre_of(mask: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float(columns.mean()), float(rows.mean())


@dataclass(frozen=True)
class VideoSource:
    """Real sequences with one object each; crops near the object, the same for all frames but for a small shake.

    Attributes:
        sequences: Pairs of (T, H, W, 3) uint8 frames and (T, H, W) uint8 masks of 0 and 1.
        zoom: Smallest and largest factor from source to crop pixels.
    """

    sequences: Sequence[tuple[np.ndarray, np.ndarray]]
    zoom: tuple[float, float]

    def draw(self, generator: np.random.Generator, num_frames: int, side: int, max_gap: int) -> TrainingClip:
        """See ``ClipSource.draw``."""
        images, masks = _pick(self.sequences, generator)
        chosen = self._choose_frames(generator, len(images), num_frames, max_gap)
        base = self._choose_crop(generator, masks[chosen[0]], side)
        frames, labels = [], []
        for frame in chosen:
            shake = transforms.random_affine(generator, degrees=4, zoom=1.06, shear=3, shift=0.02 * side)
            matrix = transforms.place(shake, source=(side / 2, side / 2), target=(side / 2, side / 2)) @ base
            frames.append(transforms.warp(images[frame], matrix, side))
            labels.append(transforms.warp(masks[frame], matrix, side, is_mask=True))
        return TrainingClip(np.stack(frames), np.stack(labels))

    @staticmethod
    def _choose_frames(generator: np.random.Generator, length: int, num_frames: int, max_gap: int) -> list[int]:
        """Rising frame numbers with random gaps, reversed half of the time."""
        longest = max(1, min(max_gap, (length - 1) // (num_frames - 1)))
        gaps = generator.integers(1, longest + 1, num_frames - 1)
        start = int(generator.integers(0, length - int(gaps.sum())))
        chosen = [start, *(start + np.cumsum(gaps)).tolist()]
        return chosen[::-1] if generator.random() < 0.5 else chosen

    def _choose_crop(self, generator: np.random.Generator, mask: np.ndarray, side: int) -> np.ndarray:
        low, high = np.log(self.zoom)
        scale = float(np.exp(generator.uniform(low, high)))
        stretch = transforms.random_affine(generator, degrees=0, zoom=1.15, shear=0, shift=0)
        matrix = stretch @ _mirrored(generator, scale)
        height, width = mask.shape
        centre = _centre_of(mask) if mask.any() else (width / 2, height / 2)
        return _place_window(matrix, scale, centre, mask.shape, side, generator, spread=0.25)


@dataclass(frozen=True)
class StillSource:
    """One still moved as a whole, object and background together, by affine and a smooth bend."""

    stills: Sequence[MaskedPicture]

    def draw(self, generator: np.random.Generator, num_frames: int, side: int, max_gap: int) -> TrainingClip:
        """See ``ClipSource.draw``; gaps mean nothing for a still."""
        still, mask = _choose_still(self.stills, generator)
        # Much beyond the picture there are only its mirror images.
        scale = max(_scale_to(mask, side, generator, (0.3, 0.9)), 0.85 * side / min(mask.shape))
        base = _place_window(
            _mirrored(generator, scale), scale, _centre_of(mask), mask.shape, side, generator, spread=0.2
        )
        motion = _Motion.draw(generator, side, strength=1.0)
        frames, labels = [], []
        for step in range(num_frames):
            matrix = motion.at(step, generator) @ base
            bend = transforms.random_bend(generator, side, 0.015) if step and generator.random() < 0.5 else None
            frames.append(transforms.warp(still.image, matrix, side, bend))
            labels.append(transforms.warp(mask, matrix, side, bend, is_mask=True))
        return TrainingClip(np.stack(frames), np.stack(labels))


@dataclass(frozen=True)
class CompositeSource:
    """An object of a still or a cut-out, pasted on a background; both move, each on its own."""

    objects: Sequence[MaskedPicture]
    backgrounds: Sequence[MaskedPicture]

    def draw(self, generator: np.random.Generator, num_frames: int, side: int, max_gap: int) -> TrainingClip:
        """See ``ClipSource.draw``."""
        background = _pick(self.backgrounds, generator).image
        height, width = background.shape[:2]
        scale = side / min(height, width) * generator.uniform(1.0, 1.8)
        base = transforms.place(
            _mirrored(generator, scale), source=(width / 2, height / 2), target=(side / 2, side / 2)
        )
        motion = _Motion.draw(generator, side, strength=0.5)
        frames = [transforms.warp(background, motion.at(step, generator) @ base, side) for step in range(num_frames)]
        clip = TrainingClip(np.stack(frames), np.zeros((num_frames, side, side), np.uint8))
        return paste_object(clip, self.objects, generator, object_id=1, share=(0.25, 0.7))


@dataclass(frozen=True)
class _Motion:
    """A velocity that each frame follows with some noise: what moves right goes on moving right."""

    side: int
    strength: float
    velocity: np.ndarray
    spin: float
    growth: float

    @classmethod
    def draw(cls, generator: np.random.Generator, side: int, strength: float) -> _Motion:
        velocity = generator.normal(0, 0.08 * side * strength, 2)
        return cls(side, strength, velocity, generator.normal(0, 0.15 * strength), generator.normal(0, 0.08 * strength))

    def at(self, step: int, generator: np.random.Generator) -> np.ndarray:
        """The map from crop pixels at step 0 to crop pixels at ``step``, about the middle of the crop."""
        growth = float(np.exp(self.growth * step))
        steady = transforms.linear(self.spin * step, growth, growth, 0.0)
        shake = transforms.random_affine(
            generator, degrees=8 * self.strength, zoom=1 + 0.08 * self.strength, shear=5 * self.strength,
            shift=0.03 * self.side * self.strength,
        )  # fmt: skip
        middle = (self.side / 2, self.side / 2)
        target = (middle[0] + self.velocity[0] * step, middle[1] + self.velocity[1] * step)
        return transforms.place(shake @ steady, source=middle, target=target)


def _choose_still(stills: Sequence[MaskedPicture], generator: np.random.Generator) -> tuple[MaskedPicture, np.ndarray]:
    for _ in range(MAX_TRIES):
        still = _pick(stills, generator)
        mask = choose_object(still.labels, generator)
        if mask is not None:
            return still, mask
    raise ValueError(f"no object of usable size in {MAX_TRIES} stills drawn; give other stills")


def _scale_to(mask: np.ndarray, side: int, generator: np.random.Generator, share: tuple[float, float]) -> float:
    """The factor that brings the object to a random share of the crop's side."""
    rows, columns = np.nonzero(mask)
    return float(generator.uniform(*share) * side / (max(np.ptp(rows), np.ptp(columns)) + 1))


def _mirrored(generator: np.random.Generator, scale: float) -> np.ndarray:
    """Scales, tilts a little, and mirrors half of the time."""
    flip = -1.0 if generator.random() < 0.5 else 1.0
    return transforms.linear(np.deg2rad(generator.normal(0, 8)), scale * flip, scale, 0.0)


def _place_window(
    matrix: np.ndarray, scale: float, centre: tuple[float, float], size: tuple[int, int], side: int,
    generator: np.random.Generator, *, spread: float,
) -> np.ndarray:  # fmt: skip
    """The crop near ``centre`` (x, y), off by up to ``spread`` of its side, but within the picture where it fits."""
    reach = side / scale
    window = np.asarray(centre) + generator.uniform(-spread, spread, 2) * reach
    extent = np.array([size[1], size[0]], dtype=float)
    margin = np.minimum(reach / 2, extent / 2)
    x, y = np.clip(window, margin, extent - margin)
    return transforms.place(matrix, source=(float(x), float(y)), target=(side / 2, side / 2))


def paste_object(
    clip: TrainingClip, objects: Sequence[MaskedPicture], generator: np.random.Generator,
    *, object_id: int, share: tuple[float, float],
) -> TrainingClip:  # fmt: skip
    """Pastes a moving object over a clip, with soft edges; it hides what lies below."""
    still, mask = _choose_still(objects, generator)
    frames, labels = clip.frames.copy(), clip.labels.copy()
    side = frames.shape[1]
    target = side * generator.uniform(0.2, 0.8, 2)
    base = transforms.place(
        _mirrored(generator, _scale_to(mask, side, generator, share)),
        source=_centre_of(mask), target=(float(target[0]), float(target[1])),
    )  # fmt: skip
    motion = _Motion.draw(generator, side, strength=1.0)
    for step in range(len(frames)):
        matrix = motion.at(step, generator) @ base
        image = transforms.warp(still.image, matrix, side)
        cover = transforms.warp(mask * np.uint8(255), matrix, side, border=cv2.BORDER_CONSTANT)
        opacity = cv2.GaussianBlur(cover, (3, 3), 0).astype(np.float32)[..., None] / 255.0
        frames[step] = np.rint(opacity * image + (1.0 - opacity) * frames[step]).astype(np.uint8)
        labels[step][cover > 127] = object_id
    return TrainingClip(frames, labels)
