"""Losses of SCM (section 2.2): cross-entropy on the coarse prediction, cross-entropy and IoU on the refined one.

Shapes: B clips, K largest number of objects of a clip, H, W size of the crop.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class ScmLosses(NamedTuple):
    """The terms of one frame, each a scalar."""

    coarse_entropy: Tensor
    refined_entropy: Tensor
    refined_iou: Tensor

    @property
    def total(self) -> Tensor:
        """Their plain sum: the paper names no weights, and BASNet (section 3.4) has all its terms at one."""
        return self.coarse_entropy + self.refined_entropy + self.refined_iou


def scm_losses(coarse: Tensor, refined: Tensor, target: Tensor) -> ScmLosses:
    """The three terms of one frame.

    Args:
        coarse, refined: (B, K+1, H, W) aggregated logits, channel 0 background.
        target: (B, H, W) int64 ids 0..K.
    """
    return ScmLosses(
        functional.cross_entropy(coarse, target),
        functional.cross_entropy(refined, target),
        soft_iou_loss(refined, target),
    )


def soft_iou_loss(logits: Tensor, target: Tensor) -> Tensor:
    """1 - IoU of soft masks (BASNet, section 3.4), averaged over the objects that are there; in 0..1, zero for none.

    Args:
        logits: (B, K+1, H, W), channel 0 background.
        target: (B, H, W) int64 ids 0..K.
    """
    probabilities = logits.softmax(dim=1)[:, 1:]
    truth = torch.stack([target == k + 1 for k in range(probabilities.shape[1])], dim=1).to(probabilities.dtype)
    overlap = (probabilities * truth).sum(dim=(2, 3))
    union = (probabilities + truth - probabilities * truth).sum(dim=(2, 3))
    is_there = (truth.sum(dim=(2, 3)) > 0).to(probabilities.dtype)
    losses = (1.0 - overlap / union.clamp(min=1.0)) * is_there
    return losses.sum() / is_there.sum().clamp(min=1.0)
