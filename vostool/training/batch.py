"""What passes between the data and the networks in training.

Shapes: B clips, T frames, H, W crop, M objects over all clips, K largest number of objects of a clip.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ClipBatch:
    """One batch on one device. Objects of a clip have the ids 1, 2, ... without gaps, all seen in its first frame.

    Attributes:
        frames: (B, T, 3, H, W) float32 RGB in 0..1.
        labels: (B, T, H, W) int64, 0 background.
        priors: (B, T, H, W) int64, labels of the frame just before each one, in the same crop, for networks that are
            told the true mask before; of a still, its mask moved a little.
        names: (B,) where each clip came from, for messages.
    """

    frames: Tensor
    labels: Tensor
    priors: Tensor
    names: tuple[str, ...] = ()

    @property
    def num_objects(self) -> Tensor:
        """(B,) int64."""
        return self.labels[:, 0].flatten(1).amax(dim=1)

    @property
    def image_of_object(self) -> Tensor:
        """(M,) int64, the clip that each object lies in, in rising order."""
        return torch.repeat_interleave(torch.arange(len(self.labels), device=self.labels.device), self.num_objects)

    @property
    def object_ids(self) -> Tensor:
        """(M,) int64, its id there."""
        rows = self.image_of_object
        starts = torch.cumsum(self.num_objects, dim=0) - self.num_objects
        return torch.arange(len(rows), device=rows.device) - starts[rows] + 1

    def masks(self, labels: Tensor) -> Tensor:
        """(B, H, W) labels as (M, H, W) float32 masks of the objects."""
        return (labels[self.image_of_object] == self.object_ids[:, None, None]).float()

    def part(self, piece: slice) -> ClipBatch:
        """Some of the clips."""
        return ClipBatch(self.frames[piece], self.labels[piece], self.priors[piece], self.names[piece])


@dataclass(frozen=True)
class FramePrediction:
    """What a network says of one frame of a batch in training.

    Attributes:
        logits: (B, K+1, H, W) aggregated, channel 0 background; objects that a clip lacks have the lowest logit.
        coarse: The same before a refinement, where there is one (SCM).
        heads: (M, 2, h, w) background and object of each deep head, where there are any (RGMP).
    """

    logits: Tensor
    coarse: Tensor | None = None
    heads: tuple[Tensor, ...] = ()
