"""Losses on the aggregated prediction of one frame.

Shapes: B clips, K largest number of objects of a clip, H, W size of the crop.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def hard_pixel_cross_entropy(logits: Tensor, target: Tensor, share: float) -> Tensor:
    """Cross-entropy over the hardest ``share`` of each clip's pixels (STCN: bootstrapped cross-entropy).

    Args:
        logits: (B, K+1, H, W), channel 0 background.
        target: (B, H, W) int64 ids 0..K.
        share: In 0..1; 1 counts all pixels.
    """
    losses = functional.cross_entropy(logits, target, reduction="none").flatten(1)
    if share >= 1.0:
        return losses.mean()
    num_kept = max(1, int(share * losses.shape[1]))
    return losses.topk(num_kept, dim=1, sorted=False).values.mean()


def dice_loss(logits: Tensor, target: Tensor) -> Tensor:
    """1 - Dice of each object that is there or predicted, averaged; shapes as above."""
    probabilities = logits.softmax(dim=1)[:, 1:]
    truth = torch.stack([(target == k + 1) for k in range(probabilities.shape[1])], dim=1).to(probabilities.dtype)
    overlap = (probabilities * truth).sum(dim=(2, 3))
    total = (probabilities + truth).sum(dim=(2, 3))
    is_there = (truth.sum(dim=(2, 3)) > 0).to(probabilities.dtype)
    losses = (1.0 - (2.0 * overlap + 1.0) / (total + 1.0)) * is_there
    return losses.sum() / is_there.sum().clamp(min=1.0)
