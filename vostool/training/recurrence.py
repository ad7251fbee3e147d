"""One clip through a network with a reference frame, with gradients: RGMP, section 3.2, back-propagation through time.

The mask that guides a frame is what the network said of the frame before, soft, so that errors that add up over time
are trained against. Objects are treated as in use: where a clip has several, all of them together are one more, whose
complement is the background (RGMP:run.py).

Shapes: B clips, T frames, M objects over all clips, R rows: the objects, then one for each clip that has several.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vostool.models.rgmp import ChannelLogits, ReferenceNetwork
from vostool.propagation.aggregate import aggregate_logits
from vostool.training.batch import ClipBatch, FramePrediction
from vostool.training.objects import masks_of_clips, stack_clips
from vostool.training.recipe import Recipe


def unroll_reference(
    network: ReferenceNetwork, batch: ClipBatch, recipe: Recipe, progress: float
) -> list[FramePrediction]:
    """Segments frames 1..T-1 of each clip; frame 0 with its true masks is the reference.

    Frame 1 is guided by the labels of the frame before it, and so are all while the recipe tells the truth. A network
    of this kind cannot go without, so that the recipe's dropout is not used.
    """
    rows = _Rows.of(batch)
    reference = network.encode(batch.frames[:, 0], rows.extend(batch.masks(batch.labels[:, 0])), rows.clips).s32
    predictions: list[FramePrediction] = []
    masks = torch.empty(0)
    for index in range(1, batch.frames.shape[1]):
        is_true = index == 1 or progress < recipe.previous.truth
        guidance = batch.masks(batch.priors[:, index]) if is_true else masks
        features = network.encode(batch.frames[:, index], rows.extend(guidance), rows.clips)
        channels = network.decode(features, reference)
        logits = rows.aggregate(channels)
        masks = masks_of_clips(logits, rows.counts)
        heads = tuple(head[: len(masks)] for head in channels.heads[1:])
        predictions.append(FramePrediction(stack_clips(logits, rows.counts), heads=heads))
    return predictions


@dataclass(frozen=True)
class _Rows:
    """What a batch is propagated as.

    Attributes:
        counts: Number of objects of each clip.
        several: Clips that have more than one, (several,) int64.
        clips: (R,) int64, the clip that each row lies in.
    """

    counts: Sequence[int]
    several: Tensor
    clips: Tensor

    @classmethod
    def of(cls, batch: ClipBatch) -> _Rows:
        several = (batch.num_objects > 1).nonzero()[:, 0]
        return cls(batch.num_objects.tolist(), several, torch.cat([batch.image_of_object, several]))

    def extend(self, masks: Tensor) -> Tensor:
        """(M, H, W) to (R, H, W)."""
        totals = masks.new_zeros((len(self.counts), *masks.shape[1:])).index_add(0, self.clips[: len(masks)], masks)
        return torch.cat([masks, totals[self.several]])

    def aggregate(self, channels: ChannelLogits) -> list[Tensor]:
        """Logits of each clip, (its objects + 1, H, W)."""
        num_objects = sum(self.counts)
        probabilities = channels.objects.float().sigmoid()
        together = iter(probabilities[num_objects:])
        full = channels.full[:num_objects].float().split(list(self.counts))
        objects = probabilities[:num_objects].split(list(self.counts))
        return [
            own[0] if len(own) == 1 else aggregate_logits(each, 1.0 - next(together))
            for own, each in zip(full, objects, strict=True)
        ]
