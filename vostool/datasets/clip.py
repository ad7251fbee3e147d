"""What a source draws: the frames of one training clip with the masks of its objects.

Shapes: T frames of H, W.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# Smaller than this at crops of 192 x 192, an object is not seen.
MIN_OBJECT_SHARE = 48 / 192**2
# Masks are uint8.
MAX_IDS = 256


@dataclass(frozen=True)
class TrainingClip:
    """Frames and masks on one device.

    Attributes:
        frames: (T, 3, H, W) float32 RGB in 0..1.
        labels: (T, H, W) int64, 0 background and objects 1, 2, ... without gaps, all seen in the first frame.
        priors: (T, H, W) int64, the labels of the frame just before each one, as ``ClipBatch`` says.
        name: Where it came from, for messages.
    """

    frames: Tensor
    labels: Tensor
    priors: Tensor
    name: str

    @property
    def num_objects(self) -> int:
        """Highest id in the first frame."""
        return int(self.labels[0].max())


def keep_seen(labels: Tensor, priors: Tensor) -> tuple[Tensor, Tensor, int]:
    """Makes objects that the first frame does not show background, and numbers the rest anew.

    Args:
        labels, priors: (T, H, W) uint8.

    Returns:
        Both as int64, and the number of objects that are left.
    """
    counts = torch.bincount(labels[0].flatten(), minlength=MAX_IDS)
    counts[0] = 0
    is_seen = counts >= max(1.0, MIN_OBJECT_SHARE * labels[0].numel())
    new_ids = torch.cumsum(is_seen, dim=0) * is_seen
    found = (new_ids.index_select(0, each.flatten().int()).view_as(each) for each in (labels, priors))
    return next(found), next(found), int(is_seen.sum())
