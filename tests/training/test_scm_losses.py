"""SCM's losses against sums by hand, and where they are zero and one."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from vostool.training.scm_losses import scm_losses, soft_iou_loss


def certain_of(target: torch.Tensor, num_channels: int) -> torch.Tensor:
    """Logits whose softmax is the one-hot target, exactly."""
    return 200.0 * functional.one_hot(target, num_channels).permute(0, 3, 1, 2).float()


def test_soft_iou_of_one_object_by_hand() -> None:
    """Probabilities .75 and .25 on the object, .5 and 0 beside it: overlap 1, union 1 + 1 + .5."""
    target = torch.tensor([[[1, 1], [0, 0]]])
    objects = torch.tensor([[0.75, 0.25], [0.5, 0.0]])
    logits = torch.log(torch.stack([1 - objects, objects]))[None]
    assert soft_iou_loss(logits, target).item() == pytest.approx(1 - 1 / 2.5)


def test_soft_iou_is_the_mean_over_the_objects_that_are_there() -> None:
    """Object 1 of the first clip found whole, object 2 half of it, the second clip without objects."""
    target = torch.tensor([[[1, 1, 2, 2]], [[0, 0, 0, 0]]])
    guess = torch.tensor([[[1, 1, 2, 0]], [[1, 0, 0, 0]]])
    assert soft_iou_loss(certain_of(guess, 3), target).item() == pytest.approx((0 + 0.5) / 2)
    assert soft_iou_loss(certain_of(guess, 3)[1:], target[1:]).item() == 0.0


def test_soft_iou_is_zero_for_the_truth_and_one_for_its_opposite() -> None:
    torch.manual_seed(0)
    target = torch.randint(0, 2, (2, 6, 5))
    assert soft_iou_loss(certain_of(target, 2), target).item() == 0.0
    assert soft_iou_loss(certain_of(1 - target, 2), target).item() == 1.0


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_soft_iou_lies_between_zero_and_one(scale: float) -> None:
    torch.manual_seed(1)
    loss = soft_iou_loss(scale * torch.randn(3, 4, 6, 5), torch.randint(0, 4, (3, 6, 5)))
    assert 0.0 < loss.item() < 1.0


def test_the_coarse_logits_have_no_iou_loss() -> None:
    torch.manual_seed(2)
    target = torch.randint(0, 3, (2, 6, 5))
    coarse, refined = torch.randn(2, 3, 6, 5), torch.randn(2, 3, 6, 5)
    losses = scm_losses(coarse, refined, target)
    torch.testing.assert_close(losses.coarse_entropy, functional.cross_entropy(coarse, target))
    torch.testing.assert_close(losses.refined_entropy, functional.cross_entropy(refined, target))
    torch.testing.assert_close(losses.refined_iou, soft_iou_loss(refined, target))
    expected = losses.coarse_entropy + losses.refined_entropy + losses.refined_iou
    torch.testing.assert_close(losses.total, expected)
    assert scm_losses(certain_of(target, 3), certain_of(target, 3), target).total.item() == 0.0
