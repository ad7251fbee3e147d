"""What is trained: a network that sees a batch of clips and says its losses.

The module that DistributedDataParallel wraps: its only parameters are the network's, and one call of it is one pass
over the clips of this process.
"""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor, nn

from vostool.systems import System
from vostool.training.batch import ClipBatch, FramePrediction
from vostool.training.chance import clip_generators
from vostool.training.losses import frame_losses, mean_of_frames, total_loss
from vostool.training.recipe import Recipe
from vostool.training.recurrence import unroll_reference
from vostool.training.unroll import unroll


class Trainee(nn.Module):
    """A network with the recipe that it is trained by.

    Args:
        system: Says how the memory is read and what is done around the network.
        network: One of that system; on the device of the batches.
        recipe: Which of its parameters are trained is the caller's part.
    """

    def __init__(self, system: System, network: Any, recipe: Recipe) -> None:
        super().__init__()
        # Convolutions are about a tenth faster so; the values are the same but for rounding.
        self.network = network.to(memory_format=torch.channels_last)
        self._system = system
        self._recipe = recipe
        self.train()

    def train(self, mode: bool = True) -> Self:
        """Stays in evaluation mode, whichever is asked for: batch norm never uses the statistics of a batch."""
        del mode
        return super().train(False)

    def forward(self, batch: ClipBatch, progress: float, step: int, first_clip: int = 0) -> dict[str, Tensor]:
        """The losses of a batch: ``loss``, which is to be minimised, and each of its terms before it is weighted.

        Args:
            batch: Clips of this process.
            progress: Share of the run that is done, 0..1, for the recipe's schedules.
            step: Together with the recipe's seed and the number of a clip it makes all random numbers.
            first_clip: Number of the batch's first clip in the global batch, where several processes share one.

        Returns:
            Scalars, means over the clips: averaged over processes of equal shares they are those of one process.
        """
        predictions = self.predict(batch, progress, step, first_clip)
        losses = self._recipe.losses
        terms = mean_of_frames(
            [
                frame_losses(prediction, batch.labels[:, index], batch, losses, progress)
                for index, prediction in enumerate(predictions, start=1)
            ]
        )
        return {"loss": total_loss(terms, losses), **terms}

    def predict(self, batch: ClipBatch, progress: float, step: int, first_clip: int = 0) -> list[FramePrediction]:
        """What the network says of all frames but the first; arguments as those of ``forward``."""
        if self._system.defaults is None:
            return unroll_reference(self.network, batch, self._recipe, progress)
        generators = clip_generators(self._recipe.seed, step, first_clip, len(batch.frames))
        return unroll(self.network, self._system, batch, self._recipe, progress, generators)
