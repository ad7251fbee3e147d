"""The objects of a batch clip by clip: aggregating them, and laying clips side by side that have different numbers.

Shapes: B clips, M objects over all clips, in the order of the clips and of their ids; K largest number of a clip.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from vostool.propagation.aggregate import aggregate_logits

# Of an object that a clip lacks: its share in a softmax is zero exactly, so that a clip is the same in any batch.
ABSENT_LOGIT = -1e4


def aggregate_clips(probabilities: Tensor, counts: Sequence[int], min_channels: int = 0) -> list[Tensor]:
    """Logits of each clip, (channels, H, W), by the same rule as in use (see ``propagation.aggregate.aggregate``).

    Args:
        probabilities: (M, H, W) in 0..1, each object's own.
        counts: Number of objects of each clip.
        min_channels: See ``aggregate_logits``.
    """
    return [aggregate_logits(own, min_channels=min_channels) for own in probabilities.split(list(counts))]


def stack_clips(logits: Sequence[Tensor], counts: Sequence[int]) -> Tensor:
    """Logits of each clip (channels, H, W) to (B, K+1, H, W)."""
    num_channels = max(counts) + 1
    fitting = [each[:num_channels] for each in logits]
    padded = [functional.pad(each, (0, 0, 0, 0, 0, num_channels - len(each)), value=ABSENT_LOGIT) for each in fitting]
    return torch.stack(padded)


def masks_of_clips(logits: Sequence[Tensor], counts: Sequence[int]) -> Tensor:
    """Logits of each clip to the (M, H, W) probabilities of all objects."""
    return torch.cat([each.softmax(dim=0)[1 : 1 + count] for each, count in zip(logits, counts, strict=True)])
