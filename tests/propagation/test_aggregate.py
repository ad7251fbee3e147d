"""Soft aggregation against the formula written out, and its invariants."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vostool.propagation.aggregate import Prediction, aggregate, aggregate_logits


@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=5))
def test_equals_the_formula(probabilities: list[float]) -> None:
    """softmax of logits is p/(1-p) over its sum: STM, equation 3."""
    background = math.prod(1 - p for p in probabilities)
    odds = [p / (1 - p) for p in [min(max(background, 1e-7), 1 - 1e-7), *probabilities]]
    expected = torch.tensor([value / sum(odds) for value in odds])
    result = aggregate(torch.tensor(probabilities).view(-1, 1, 1)).flatten()
    torch.testing.assert_close(result, expected, rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("num_objects", [1, 2, 7])
def test_sums_to_one_and_keeps_the_winner(num_objects: int) -> None:
    probabilities = torch.rand(num_objects, 6, 9)
    result = aggregate(probabilities)
    assert result.shape == (num_objects + 1, 6, 9)
    torch.testing.assert_close(result.sum(dim=0), torch.ones(6, 9))
    assert torch.equal(result[1:].argmax(dim=0), probabilities.argmax(dim=0))


def test_extremes_are_finite() -> None:
    """In float32 the logits lie in -16.118..15.942 as in the published code."""
    logits = aggregate_logits(torch.tensor([0.0, 1.0]).view(1, 1, 2))
    assert torch.isfinite(logits).all()
    assert logits.min().item() == pytest.approx(-16.118, abs=1e-3)
    assert logits.max().item() == pytest.approx(15.942, abs=1e-3)


def test_half_precision_input_is_aggregated_in_float32() -> None:
    result = aggregate(torch.ones(1, 2, 2, dtype=torch.float16))
    assert result.dtype == torch.float32
    assert torch.isfinite(result).all()


def test_batches_are_independent() -> None:
    probabilities = torch.rand(3, 2, 4, 4)
    torch.testing.assert_close(aggregate(probabilities)[1], aggregate(probabilities[1]))


def test_background_of_its_own() -> None:
    objects, background = torch.rand(2, 3, 4), torch.rand(3, 4)
    claims = torch.cat([background[None], objects]).clamp(1e-7, 1 - 1e-7)
    odds = claims / (1 - claims)
    torch.testing.assert_close(aggregate(objects, background), odds / odds.sum(dim=0))
    torch.testing.assert_close(aggregate(objects[:1], background), torch.cat([background[None], objects[:1]]))


def test_absent_channels_take_their_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the published margin they are lost in rounding; a wide one shows them."""
    monkeypatch.setattr("vostool.propagation.aggregate.PROBABILITY_MARGIN", 0.01)
    objects = torch.full((2, 1, 1), 0.5)
    odds = torch.tensor([1 / 3, 1.0, 1.0])
    torch.testing.assert_close(aggregate(objects, min_channels=11).flatten(), odds / (odds.sum() + 8 / 99))


def test_mean_of_predictions() -> None:
    first, second = Prediction(torch.rand(2, 3, 4), torch.rand(3, 4)), Prediction(torch.rand(2, 3, 4))
    assert torch.equal(Prediction.mean([first]).objects, first.objects)
    both = Prediction.mean([first, second])
    torch.testing.assert_close(both.objects, (first.objects + second.objects) / 2)
    assert both.background is None
    assert Prediction.mean([first, first]).background is not None
