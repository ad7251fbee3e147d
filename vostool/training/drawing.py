"""The clips of a run: which source each comes from, and the batches made of them.

Shapes: B clips.
"""

from __future__ import annotations

import numpy as np
import torch

from vostool.datasets.augmentation import ClipShape
from vostool.datasets.clip import TrainingClip
from vostool.datasets.library import Library
from vostool.datasets.objects import ObjectIndex
from vostool.datasets.sources import ClipSource, CompositeSource, StillSource, VideoSource, VideoStillSource
from vostool.errors import InputError
from vostool.training.batch import ClipBatch
from vostool.training.recipe import Recipe

SOURCES: dict[str, type[ClipSource]] = {
    "video": VideoSource, "still": StillSource, "composite": CompositeSource, "video_still": VideoStillSource,
}  # fmt: skip


class ClipMixture:
    """Clips in the shares of a recipe; those of sources that the library lacks fall to the others.

    Each clip has random numbers of its own, so that a run can go on from any step and be split over processes.

    Args:
        library: Pictures and masks; clips come on its device.
        recipe: Gives shapes, shares, gaps and the seed.

    Raises:
        InputError: The library has nothing for any of the recipe's sources.
    """

    def __init__(self, library: Library, recipe: Recipe) -> None:
        shares = {name: getattr(recipe.sources, name) for name in SOURCES}
        used = {name: share for name, share in shares.items() if share > 0 and SOURCES[name].fits(library)}
        if not used:
            wanted = ", ".join(name.replace("_", " ") for name, share in shares.items() if share > 0)
            raise InputError(f"there is nothing to draw from for recipe {recipe.name}, which asks for: {wanted}",
                             "give such data, or another recipe")  # fmt: skip
        index = ObjectIndex()
        self._recipe = recipe
        self._sources = [SOURCES[name](library, index) for name in used]
        self._shares = np.array(list(used.values())) / sum(used.values())

    def draw_clip(self, step: int, index: int) -> TrainingClip:
        """Clip ``index`` of the whole batch of a step."""
        recipe = self._recipe
        generator = np.random.default_rng((recipe.seed, step, index))
        source = self._sources[int(generator.choice(len(self._sources), p=self._shares))]
        return source.draw(generator, self.shape_at(step), recipe.augmentation)

    def draw_batch(self, step: int, piece: slice = slice(None)) -> ClipBatch:
        """The clips ``piece`` of a step's batch."""
        clips = [self.draw_clip(step, index) for index in range(self._recipe.batch_size)[piece]]
        return ClipBatch(
            torch.stack([clip.frames for clip in clips]),
            torch.stack([clip.labels for clip in clips]),
            torch.stack([clip.priors for clip in clips]),
            tuple(clip.name for clip in clips),
        )

    def shape_at(self, step: int) -> ClipShape:
        """What is asked of the clips of a step."""
        recipe = self._recipe
        gap = round(recipe.max_gap.at(step / recipe.num_steps))
        return ClipShape(recipe.num_frames, *recipe.crop, max_objects=recipe.max_objects, max_gap=gap)
