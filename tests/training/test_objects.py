"""Clips with different numbers of objects against the aggregation that is used in the end."""

from __future__ import annotations

import pytest
import torch

from vostool.propagation.aggregate import aggregate
from vostool.training.objects import aggregate_clips, masks_of_clips, stack_clips

COUNTS = (1, 3, 2)


def random_probabilities() -> torch.Tensor:
    """(M, H, W), some so low that surplus channels take as much as they do."""
    return torch.rand(sum(COUNTS), 4, 5, generator=torch.Generator().manual_seed(0)) ** 30


@pytest.mark.parametrize("min_channels", [0, 3, 11])
def test_each_clip_is_aggregated_as_in_use(min_channels: int) -> None:
    probabilities = random_probabilities()
    logits = aggregate_clips(probabilities, COUNTS, min_channels)
    expected = [aggregate(own, min_channels=min_channels) for own in probabilities.split(list(COUNTS))]
    torch.testing.assert_close(masks_of_clips(logits, COUNTS), torch.cat([each[1:] for each in expected]))


@pytest.mark.parametrize("min_channels", [0, 3, 11])
def test_objects_that_a_clip_lacks_get_next_to_nothing(min_channels: int) -> None:
    probabilities = random_probabilities()
    stacked = stack_clips(aggregate_clips(probabilities, COUNTS, min_channels), COUNTS)
    assert stacked.shape == (3, 4, 4, 5)
    for clip, own in enumerate(probabilities.split(list(COUNTS))):
        softmax = stacked[clip].softmax(dim=0)
        torch.testing.assert_close(softmax[: 1 + len(own)], aggregate(own), rtol=1e-5, atol=1e-5)
        assert softmax[1 + len(own) :].sum() < 1e-5


def test_objects_that_a_clip_lacks_get_nothing_where_no_surplus_is_asked_for() -> None:
    stacked = stack_clips(aggregate_clips(random_probabilities(), COUNTS), COUNTS)
    assert stacked.softmax(dim=1)[0, 2:].max() == 0.0
