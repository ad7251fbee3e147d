"""Batches of training clips: which source each clip comes from, its colours, and the tensors made of it.

Shapes: B clips, T frames, S side, M objects over all clips of the batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vostool.datasets.clips import ClipSource, TrainingClip, paste_object
from vostool.datasets.pictures import MaskedPicture
from vostool.datasets.transforms import apply_colour, jitter_colour, motion_blur
from vostool.training.recipes import Recipe

SECOND_OBJECT = 2


@dataclass(frozen=True)
class ClipBatch:
    """One batch on one device.

    Attributes:
        frames: (B, T, 3, S, S) float32 RGB in 0..1.
        labels: (B, T, S, S) int64 ids.
        image_of_object: (M,) int64, the clip that each object lies in.
        object_ids: (M,) int64, its id there.
    """

    frames: Tensor
    labels: Tensor
    image_of_object: Tensor
    object_ids: Tensor

    @property
    def first_masks(self) -> Tensor:
        """(M, S, S) float32 true masks of the first frame."""
        return (self.labels[self.image_of_object, 0] == self.object_ids[:, None, None]).float()


@dataclass(frozen=True)
class ClipMixture:
    """Draws clips from real video, stills and composites in the shares of a recipe."""

    video: ClipSource
    still: ClipSource
    composite: ClipSource
    pasted: Sequence[MaskedPicture]

    def draw(self, generator: np.random.Generator, recipe: Recipe, progress: float) -> TrainingClip:
        """One clip; ``progress`` in 0..1 sets the gap."""
        start, end = recipe.max_gap
        max_gap = round(start + (end - start) * progress)
        while True:
            source = self._choose(generator, recipe)
            clip = source.draw(generator, recipe.num_frames, recipe.side, max_gap)
            if generator.random() < recipe.second_object:
                clip = paste_object(clip, self.pasted, generator, object_id=SECOND_OBJECT, share=(0.2, 0.6))
            if clip.is_usable():
                return _recolour(clip, generator)

    def _choose(self, generator: np.random.Generator, recipe: Recipe) -> ClipSource:
        draw = generator.random()
        if draw < recipe.video_share:
            return self.video
        return self.still if draw < recipe.video_share + recipe.still_share else self.composite


def _recolour(clip: TrainingClip, generator: np.random.Generator) -> TrainingClip:
    maps = jitter_colour(generator, len(clip.frames), strength=0.08, drift=0.02)
    frames = [apply_colour(frame, colour) for frame, colour in zip(clip.frames, maps, strict=True)]
    frames = [motion_blur(frame, generator, 9) if generator.random() < 0.06 else frame for frame in frames]
    return TrainingClip(np.stack(frames), clip.labels)


def collate(clips: Sequence[TrainingClip]) -> ClipBatch:
    """Stacks clips; an object that is not seen in its clip's first frame becomes background."""
    frames = torch.from_numpy(np.stack([clip.frames for clip in clips])).permute(0, 1, 4, 2, 3)
    labels = torch.from_numpy(np.stack([clip.labels for clip in clips])).long()
    pairs = []
    for index in range(len(clips)):
        for object_id in (1, SECOND_OBJECT):
            if (labels[index, 0] == object_id).any():
                pairs.append((index, object_id))
            else:
                labels[index][labels[index] == object_id] = 0
    image_of_object, object_ids = torch.tensor(pairs).T
    return ClipBatch(frames.float() / 255.0, labels, image_of_object, object_ids)


def draw_batches(mixture: ClipMixture, recipe: Recipe, first_step: int) -> Iterator[ClipBatch]:
    """The batches of a run from ``first_step`` on; each step has its own random numbers, so a run can be resumed."""
    for step in range(first_step, recipe.num_steps):
        generator = np.random.default_rng((recipe.seed, step))
        progress = step / recipe.num_steps
        yield collate([mixture.draw(generator, recipe, progress) for _ in range(recipe.batch_size)])
