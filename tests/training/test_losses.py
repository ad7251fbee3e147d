"""Losses against plain sums, where they are zero, and that clips weigh the same however they are shared out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import pytest
import torch
from learning_cases import make_batch
from torch import Tensor
from torch.nn import functional

from vostool.training.batch import ClipBatch, FramePrediction
from vostool.training.losses import (
    dice_loss,
    frame_losses,
    hard_pixel_cross_entropy,
    head_cross_entropy,
    mean_by_clip,
    mean_of_frames,
    soft_iou_loss,
    total_loss,
)
from vostool.training.recipe import Losses
from vostool.training.schedule import constant, linear

ALL_TERMS = Losses(hard_pixels=constant(0.4), dice=0.5, iou=2.0, coarse=0.25, heads=3.0)


def random_case() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, 5, 7, generator=generator), torch.randint(0, 3, (2, 5, 7), generator=generator)


def certain_of(target: Tensor, num_channels: int) -> Tensor:
    """Logits whose softmax is the one-hot target, exactly."""
    return 200.0 * functional.one_hot(target, num_channels).permute(0, 3, 1, 2).float()


def square() -> Tensor:
    target = torch.zeros(1, 8, 8, dtype=torch.int64)
    target[0, 2:6, 2:6] = 1
    return target


def test_all_pixels_are_plain_cross_entropy() -> None:
    logits, target = random_case()
    expected = torch.stack([functional.cross_entropy(logits[[i]], target[[i]]) for i in range(2)])
    torch.testing.assert_close(hard_pixel_cross_entropy(logits, target, 1.0), expected)


def test_hard_pixels_are_the_hardest_of_each_clip() -> None:
    logits, target = random_case()
    losses = functional.cross_entropy(logits, target, reduction="none").flatten(1)
    expected = torch.stack([torch.sort(row, descending=True).values[:14].mean() for row in losses])
    torch.testing.assert_close(hard_pixel_cross_entropy(logits, target, 0.4), expected)


def test_dice_is_zero_for_the_truth_and_near_one_for_its_opposite() -> None:
    certain = certain_of(square(), 2)
    assert dice_loss(certain, square()).item() == pytest.approx(0, abs=1e-5)
    assert dice_loss(certain.flip(1), square()).item() > 0.9


def test_dice_by_hand() -> None:
    """Sure of half of 16 pixels and of 4 wrong ones: overlap 8, sum 12 + 16, and one pixel on both sides."""
    guess = torch.zeros_like(square())
    guess[0, 2:6, 4:7] = 1
    assert dice_loss(certain_of(guess, 2), square()).item() == pytest.approx(1 - 17 / 29)


@pytest.mark.parametrize("loss", [dice_loss, soft_iou_loss])
def test_objects_that_are_not_there_are_left_out(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    """The object that is there has all the weight; a clip without objects has no loss."""
    logits = torch.randn(1, 2, 8, 8, generator=torch.Generator().manual_seed(3))
    with_absent = torch.cat([logits, torch.full((1, 1, 8, 8), -1e4)], dim=1)
    torch.testing.assert_close(loss(with_absent, square()), loss(logits, square()))
    assert loss(logits, square()).item() > 0.1
    assert loss(logits, torch.zeros_like(square())).item() == 0.0


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
    assert soft_iou_loss(certain_of(guess, 3), target).tolist() == pytest.approx([(0 + 0.5) / 2, 0.0])


def test_soft_iou_is_zero_for_the_truth_and_one_for_its_opposite() -> None:
    target = random_case()[1].clamp(max=1)
    assert soft_iou_loss(certain_of(target, 2), target).tolist() == [0.0, 0.0]
    assert soft_iou_loss(certain_of(1 - target, 2), target).tolist() == [1.0, 1.0]


def test_a_head_is_measured_by_the_share_of_its_cells_that_is_covered() -> None:
    masks = torch.zeros(1, 4, 4)
    masks[0, :2, :2], masks[0, :2, 2] = 1.0, 1.0
    head = torch.randn(1, 2, 2, 2, generator=torch.Generator().manual_seed(1))
    logs = head.log_softmax(dim=1)[0]
    expected = -(logs[1, 0, 0] + 0.5 * (logs[0, 0, 1] + logs[1, 0, 1]) + logs[0, 1, 0] + logs[0, 1, 1]) / 4
    torch.testing.assert_close(head_cross_entropy(head, masks), expected[None])


def test_mean_by_clip() -> None:
    rows = torch.tensor([0, 2, 2])
    assert mean_by_clip(torch.tensor([1.0, 2.0, 4.0]), rows, 3).tolist() == [1.0, 0.0, 3.0]


def random_prediction(batch: ClipBatch) -> FramePrediction:
    """Of all kinds that there are."""
    generator, side = torch.Generator().manual_seed(2), batch.labels.shape[-1]
    num_clips, num_channels = len(batch.labels), int(batch.num_objects.max()) + 1
    logits, coarse = torch.randn(2, num_clips, num_channels, side, side, generator=generator)
    num_objects = len(batch.object_ids)
    heads = tuple(torch.randn(num_objects, 2, side // s, side // s, generator=generator) for s in (8, 16, 32))
    return FramePrediction(logits, coarse, heads)


def part_of(prediction: FramePrediction, batch: ClipBatch, piece: slice) -> FramePrediction:
    assert prediction.coarse is not None
    clips = torch.arange(len(batch.labels))[piece]
    is_part = torch.isin(batch.image_of_object, clips)
    heads = tuple(head[is_part] for head in prediction.heads)
    return FramePrediction(prediction.logits[piece], prediction.coarse[piece], heads)


def test_two_halves_weigh_as_much_as_the_whole() -> None:
    """Clips with few objects, with many, and with one that has left the picture."""
    batch = make_batch(1, 3, 2, 3)
    batch.labels[1, 1][batch.labels[1, 1] == 2] = 0
    batch.labels[2, 1] = 0
    prediction, truth = random_prediction(batch), batch.labels[:, 1]
    whole = frame_losses(prediction, truth, batch, ALL_TERMS, 0.0)
    halves = [
        frame_losses(part_of(prediction, batch, piece), truth[piece], batch.part(piece), ALL_TERMS, 0.0)
        for piece in (slice(0, 2), slice(2, 4))
    ]
    assert whole.keys() == {"entropy", "dice", "iou", "coarse", "heads"}
    torch.testing.assert_close(mean_of_frames(halves), whole)


def test_terms_without_a_weight_are_not_made() -> None:
    batch = make_batch(1, 2)
    terms = frame_losses(random_prediction(batch), batch.labels[:, 1], batch, Losses(), 0.0)
    assert terms.keys() == {"entropy"}


def test_terms_that_a_network_does_not_say_are_not_made() -> None:
    batch = make_batch(1, 2)
    prediction = FramePrediction(random_prediction(batch).logits)
    assert frame_losses(prediction, batch.labels[:, 1], batch, ALL_TERMS, 0.0).keys() == {"entropy", "dice", "iou"}


def test_the_share_of_hard_pixels_follows_the_progress() -> None:
    batch = make_batch(1)
    prediction, truth = random_prediction(batch), batch.labels[:, 1]
    terms = frame_losses(prediction, truth, batch, Losses(hard_pixels=linear(1.0, 0.2)), 0.75)
    torch.testing.assert_close(terms["entropy"], hard_pixel_cross_entropy(prediction.logits, truth, 0.4).mean())


def test_the_total_weighs_each_term() -> None:
    terms = {
        name: torch.tensor(10.0**place) for place, name in enumerate(("entropy", "dice", "iou", "coarse", "heads"))
    }
    assert total_loss(terms, ALL_TERMS).item() == pytest.approx(1 + 0.5 * 10 + 2 * 100 + 0.25 * 1000 + 3 * 10000)
    assert {field.name for field in fields(Losses)} - {"hard_pixels"} == terms.keys() - {"entropy"}
