"""Losses against plain sums, and where they are zero."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from vostool.training.losses import dice_loss, hard_pixel_cross_entropy


def _case() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(2, 3, 5, 7), torch.randint(0, 3, (2, 5, 7))


def test_all_pixels_are_plain_cross_entropy() -> None:
    logits, target = _case()
    torch.testing.assert_close(hard_pixel_cross_entropy(logits, target, 1.0), functional.cross_entropy(logits, target))


def test_hard_pixels_are_the_hardest_of_each_clip() -> None:
    logits, target = _case()
    losses = functional.cross_entropy(logits, target, reduction="none").flatten(1)
    expected = torch.stack([torch.sort(row, descending=True).values[:14].mean() for row in losses]).mean()
    torch.testing.assert_close(hard_pixel_cross_entropy(logits, target, 0.4), expected)


def test_dice_is_zero_for_the_truth_and_near_one_for_its_opposite() -> None:
    target = torch.zeros(1, 8, 8, dtype=torch.int64)
    target[0, 2:6, 2:6] = 1
    certain = 40.0 * functional.one_hot(target, 2).permute(0, 3, 1, 2).float()
    assert dice_loss(certain, target).item() == pytest.approx(0, abs=1e-5)
    assert dice_loss(certain.flip(1), target).item() > 0.9


def test_dice_leaves_out_objects_that_are_not_there() -> None:
    target = torch.zeros(1, 8, 8, dtype=torch.int64)
    target[0, 2:6, 2:6] = 1
    logits = torch.zeros(1, 3, 8, 8)
    logits[0, 1, 2:6, 2:6], logits[0, 0] = 40.0, 20.0
    assert dice_loss(logits, target).item() == pytest.approx(0, abs=1e-4)
