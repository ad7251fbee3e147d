"""The two regularisers by hand, and that without them training reads as everything else does."""

from __future__ import annotations

import pytest
import torch
from learning_cases import make_generators
from torch import Tensor

from vostool.memory.bank import GrowingBank
from vostool.memory.entries import MemoryEntry
from vostool.memory.readers import AttentionReader
from vostool.training.recipe import Regularisers
from vostool.training.regularisers import TrainingReader, drop_attention, reallocate, reallocation_factors

# Two clips with one and two objects, two frames of 2x3 positions.
COUNTS, HEIGHT, WIDTH = (1, 2), 2, 3
BOTH = Regularisers(attention_dropout=0.5, reallocation=0.5)


def random_bank(rows: slice = slice(None)) -> tuple[GrowingBank, Tensor]:
    """A bank with keys and values of some of the objects, and a query for each."""
    generator, bank, positions = torch.Generator().manual_seed(0), GrowingBank(), HEIGHT * WIDTH
    for tick in range(2):
        key, value = (torch.randn(sum(COUNTS), size, positions, generator=generator)[rows] for size in (4, 5))
        bank.write(MemoryEntry(key, value), tick)
    return bank, torch.randn(sum(COUNTS), 4, positions, generator=generator)[rows]


def read(regularisers: Regularisers, rows: slice = slice(None), clips: slice = slice(None)) -> Tensor:
    bank, query = random_bank(rows)
    reader = TrainingReader("l2", regularisers, COUNTS[clips], make_generators(2)[clips])
    masks = torch.zeros(sum(COUNTS), 16 * HEIGHT, 16 * WIDTH)
    masks[:, :, 16:] = 1.0
    for _ in range(2):
        reader.note(masks[rows])
    return reader.read(bank, query)


def test_without_them_the_read_is_the_plain_one() -> None:
    bank, query = random_bank()
    assert torch.equal(read(Regularisers()), AttentionReader("l2", top_k=None).read(bank, query).value)


@pytest.mark.parametrize("regularisers", [Regularisers(1e-9), Regularisers(reallocation=0.1)])
def test_next_to_nothing_changes_next_to_nothing(regularisers: Regularisers) -> None:
    """The regularised path reads as the plain one where nothing is dropped, or too few slots are there to draw."""
    torch.testing.assert_close(read(regularisers), read(Regularisers()))


@pytest.mark.parametrize("regularisers", [Regularisers(0.5), Regularisers(reallocation=0.5), BOTH])
def test_they_change_the_read_of_each_clip_by_its_own_luck(regularisers: Regularisers) -> None:
    together = read(regularisers)
    assert (together - read(Regularisers())).abs().amax(dim=(1, 2)).min() > 1e-3
    torch.testing.assert_close(read(regularisers, slice(0, 1), slice(0, 1)), together[:1])
    torch.testing.assert_close(read(regularisers, slice(1, 3), slice(1, 2)), together[1:])


def test_dropped_weights_are_zero_and_the_others_scaled_up() -> None:
    weights = torch.tensor([[[0.1, 0.2, 0.3, 0.4]]])
    draws = torch.tensor([[[0.0, 0.24, 0.25, 0.9]]])
    torch.testing.assert_close(drop_attention(weights, draws, 0.25), torch.tensor([[[0.0, 0.0, 0.4, 0.4 / 0.75]]]))


def test_dropout_keeps_the_read_in_the_mean() -> None:
    weights = torch.rand(1, 3, 4, generator=torch.Generator().manual_seed(1)).expand(20_000, -1, -1)
    draws = torch.rand(weights.shape, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(drop_attention(weights, draws, 0.5).mean(dim=0), weights[0], rtol=0.05, atol=0)


def test_a_slot_is_multiplied_by_its_rank_over_the_mean_rank() -> None:
    """Of the four slots of the object two are drawn; the best attended of them has rank 1."""
    attention = torch.tensor([-1.0, -9.0, -3.0, -0.5, -2.0])
    belongs = torch.tensor([True, True, True, False, True])
    ranks = torch.tensor([1.0, 4.0, 3.0, 0.0, 2.0])
    drawn = torch.randint(4, (2,), generator=torch.Generator().manual_seed(3)) + 1
    expected = torch.where(torch.isin(ranks, drawn), ranks / drawn.float().mean(), torch.ones(5))
    factors = reallocation_factors(attention, belongs, 0.5, torch.Generator().manual_seed(3))
    torch.testing.assert_close(factors, expected)
    assert len(set(drawn.tolist())) == 2
    affinity = torch.full((1, 2, 5), -2.0)
    torch.testing.assert_close(reallocate(affinity, factors[None]), -2.0 * expected.expand(1, 2, 5))


def test_an_object_with_a_single_slot_is_left_alone() -> None:
    belongs = torch.tensor([False, True, False])
    factors = reallocation_factors(torch.randn(3), belongs, 0.5, torch.Generator())
    assert torch.equal(factors, torch.ones(3))


def test_gradients_pass_both() -> None:
    bank, query = random_bank()
    reader = TrainingReader("l2", BOTH, COUNTS, make_generators(2))
    for _ in range(2):
        reader.note(torch.ones(sum(COUNTS), 16 * HEIGHT, 16 * WIDTH))
    query.requires_grad_()
    reader.read(bank, query).square().sum().backward()
    assert query.grad is not None
    assert query.grad.abs().amax(dim=(1, 2)).min() > 0
