"""Losses of one frame: each clip has its own, and what is minimised is their mean.

Nothing is normalised over a batch, so that the mean over two halves of it is that of the whole: clips weigh the same
however they are shared out over processes.

Shapes: B clips, K largest number of objects of a clip, M objects over all clips, H, W size of the crop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from vostool.training.batch import ClipBatch, FramePrediction
from vostool.training.recipe import Losses


def frame_losses(
    prediction: FramePrediction, truth: Tensor, batch: ClipBatch, losses: Losses, progress: float
) -> dict[str, Tensor]:
    """The terms of one frame that the recipe weighs, before it does.

    Args:
        truth: (B, H, W) int64 ids 0..K; objects of the batch need not be seen there.
        progress: Share of the run that is done, 0..1.

    Returns:
        Scalars, means over the clips: ``entropy``, and where their weights are above zero ``dice`` and ``iou``,
        ``coarse`` (the entropy before a refinement) and ``heads`` (the sum over the deep heads), which need what only
        some networks say.
    """
    share = losses.hard_pixels.at(progress)
    terms = {"entropy": hard_pixel_cross_entropy(prediction.logits, truth, share)}
    if losses.dice > 0:
        terms["dice"] = dice_loss(prediction.logits, truth)
    if losses.iou > 0:
        terms["iou"] = soft_iou_loss(prediction.logits, truth)
    if losses.coarse > 0 and prediction.coarse is not None:
        terms["coarse"] = hard_pixel_cross_entropy(prediction.coarse, truth, share)
    if losses.heads > 0 and prediction.heads:
        masks, rows = batch.masks(truth), batch.image_of_object
        of_heads = [mean_by_clip(head_cross_entropy(head, masks), rows, len(truth)) for head in prediction.heads]
        terms["heads"] = torch.stack(of_heads).sum(dim=0)
    return {name: of_clips.mean() for name, of_clips in terms.items()}


def mean_of_frames(terms: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Each term averaged over the frames of the clips."""
    return {name: torch.stack([frame[name] for frame in terms]).mean() for name in terms[0]}


def total_loss(terms: Mapping[str, Tensor], losses: Losses) -> Tensor:
    """The entropy and the other terms by their weights."""
    weights = {"entropy": 1.0, "dice": losses.dice, "iou": losses.iou, "coarse": losses.coarse, "heads": losses.heads}
    return torch.stack([weights[name] * term for name, term in terms.items()]).sum()


def hard_pixel_cross_entropy(logits: Tensor, target: Tensor, share: float) -> Tensor:
    """(B,) cross-entropy over the hardest ``share`` of each clip's pixels (STCN: bootstrapped cross-entropy).

    Args:
        logits: (B, K+1, H, W), channel 0 background.
        target: (B, H, W) int64 ids 0..K.
        share: In 0..1; 1 counts all pixels.
    """
    losses = functional.cross_entropy(logits, target, reduction="none").flatten(1)
    if share >= 1.0:
        return losses.mean(dim=1)
    num_kept = max(1, int(share * losses.shape[1]))
    return losses.topk(num_kept, dim=1, sorted=False).values.mean(dim=1)


def dice_loss(logits: Tensor, target: Tensor) -> Tensor:
    """(B,) 1 - Dice, averaged over the objects that are there, zero where there are none; shapes as above."""
    probabilities, truth = _objects(logits, target)
    overlap = (probabilities * truth).sum(dim=(2, 3))
    total = (probabilities + truth).sum(dim=(2, 3))
    # One pixel more on both sides of the fraction keeps tiny objects from ruling the gradient.
    return _mean_of_present(1.0 - (2.0 * overlap + 1.0) / (total + 1.0), truth)


def soft_iou_loss(logits: Tensor, target: Tensor) -> Tensor:
    """(B,) 1 - IoU of soft masks (BASNet, section 3.4), averaged as Dice is; in 0..1; shapes as above."""
    probabilities, truth = _objects(logits, target)
    overlap = (probabilities * truth).sum(dim=(2, 3))
    union = (probabilities + truth - probabilities * truth).sum(dim=(2, 3))
    return _mean_of_present(1.0 - overlap / union.clamp(min=1.0), truth)


def head_cross_entropy(head: Tensor, masks: Tensor) -> Tensor:
    """(M,) cross-entropy of a deep head with the share of each of its cells that the object covers.

    Args:
        head: (M, 2, h, w) logits of background and object; h, w divide H, W.
        masks: (M, H, W) true masks, 0 and 1.
    """
    covered = functional.adaptive_avg_pool2d(masks, (head.shape[-2], head.shape[-1]))
    target = torch.stack([1.0 - covered, covered], dim=1)
    return functional.cross_entropy(head.float(), target, reduction="none").flatten(1).mean(dim=1)


def mean_by_clip(values: Tensor, image_of_object: Tensor, num_clips: int) -> Tensor:
    """(M,) values of objects to (B,) means over the objects of each clip; zero for a clip without any."""
    zeros = values.new_zeros(num_clips)
    counts = zeros.index_add(0, image_of_object, torch.ones_like(values))
    return zeros.index_add(0, image_of_object, values) / counts.clamp(min=1.0)


def _objects(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Predicted and true masks of the objects, both (B, K, H, W) float32."""
    ids = torch.arange(1, logits.shape[1], device=target.device)
    return logits.float().softmax(dim=1)[:, 1:], (target[:, None] == ids[:, None, None]).float()


def _mean_of_present(losses: Tensor, truth: Tensor) -> Tensor:
    """(B, K) to (B,): the mean over the objects with a pixel in their mask."""
    is_there = (truth.flatten(2).amax(dim=2) > 0).to(losses.dtype)
    return (losses * is_there).sum(dim=1) / is_there.sum(dim=1).clamp(min=1.0)
