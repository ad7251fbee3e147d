"""The thesis's two regularisers of the memory read (section 4.1), and the reader that applies them in training.

They act while a network is trained and never when it is used: networks trained with them are evaluated by the plain
read. The dropout's code drops in evaluation too (AMM_VOS:model/network.py), which the thesis does not describe.

Where text and code of the reallocation differ this follows the last code: its text reweights all positions of an object
by their ranks, the code a random part of them. Its masks of the second object are indexed wrongly there; here every
object has its own.

Shapes: R rows, one for each object of a batch; Q queries, N slots, P positions of one frame, V value channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor
from torch.nn import functional

from vostool.memory.bank import MemoryBank
from vostool.memory.readers import SIMILARITIES, AttentionReader, Similarity
from vostool.training.recipe import Regularisers

POSITION_STRIDE = 16


def drop_attention(weights: Tensor, draws: Tensor, probability: float) -> Tensor:
    """Drops each weight with a probability below 1 and scales the others up, which then sum to 1 in the mean only.

    Args:
        weights: (R, Q, N) after the softmax.
        draws: Uniform in 0..1, of the same shape.
    """
    return weights * (draws >= probability) / (1.0 - probability)


def reallocate(affinity: Tensor, factors: Tensor) -> Tensor:
    """(R, Q, N) before the softmax, each slot multiplied by its factor (R, N)."""
    return affinity * factors.unsqueeze(1)


def reallocation_factors(attention: Tensor, belongs: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """What one row's slots are multiplied by: the drawn ranks over their mean, and 1 where nothing was drawn.

    The slots of the object are ranked from 1, for the most attended, on; ranks are drawn with replacement, as many as
    ``share`` of them. Affinities by distance are negative, so that a late rank weakens a slot further, against the
    intention of the text; the code does so.

    Args:
        attention: (N,) mean affinity over the queries.
        belongs: (N,) bool, the slots of the object.
        generator: On the CPU.
    """
    slots = belongs.nonzero()[:, 0]
    factors = torch.ones_like(attention)
    num_drawn = int(share * len(slots))
    if num_drawn == 0:
        return factors
    places = torch.randint(len(slots), (num_drawn,), generator=generator).to(slots.device)
    ranked = slots[attention[slots].argsort(descending=True, stable=True)]
    ranks = (places + 1).to(attention.dtype)
    factors[ranked[places]] = ranks / ranks.mean()
    return factors


class TrainingReader:
    """Reads the slots of a bank, with the regularisers that a recipe asks for.

    Args:
        top_k: How many slots a position reads; None for all of them. The regularisers act on reads of all slots.
        counts: Number of objects of each clip; the bank has a row for each of them, in that order.
        generators: One for each clip, on the CPU.
    """

    def __init__(
        self,
        similarity: Similarity,
        regularisers: Regularisers,
        counts: Sequence[int],
        generators: Sequence[torch.Generator],
        top_k: int | None = None,
    ) -> None:
        assert top_k is None or regularisers == Regularisers(), "regularisers act on reads of all slots"
        self._similarity = similarity
        self._plain = AttentionReader(similarity, top_k)
        self._dropout = regularisers.attention_dropout
        self._reallocation = regularisers.reallocation
        pairs = zip(generators, counts, strict=True)
        self._of_rows = list(chain.from_iterable([generator] * count for generator, count in pairs))
        self._belongs: list[Tensor] = []

    def note(self, masks: Tensor) -> None:
        """Which slots of the entry written last belong to their object: masks (R, H, W), one half and more."""
        if self._reallocation > 0:
            size = [length // POSITION_STRIDE for length in masks.shape[-2:]]
            shrunk = functional.interpolate(masks.detach()[None], size, mode="bilinear", align_corners=False)[0]
            self._belongs.append(shrunk.flatten(1) > 0.5)

    def read(self, bank: MemoryBank, query_key: Tensor) -> Tensor:
        """(R, V, Q) of queries (R, C, Q)."""
        if self._dropout <= 0 and self._reallocation <= 0:
            return self._plain.read(bank, query_key).value
        slots = bank.slots
        affinity = SIMILARITIES[self._similarity](slots.keys, query_key.transpose(1, 2))
        if self._reallocation > 0:
            affinity = reallocate(affinity, self._draw_factors(affinity.detach().mean(dim=1)))
        weights = affinity.softmax(dim=2)
        if self._dropout > 0:
            weights = drop_attention(weights, self._draw_uniform(weights), self._dropout)
        return torch.bmm(weights.to(slots.values[0].dtype), slots.values[0]).transpose(1, 2)

    def _draw_factors(self, attention: Tensor) -> Tensor:
        rows = zip(attention, torch.cat(self._belongs, dim=1), self._of_rows, strict=True)
        return torch.stack([reallocation_factors(*row[:2], self._reallocation, row[2]) for row in rows])

    def _draw_uniform(self, weights: Tensor) -> Tensor:
        draws = [torch.rand(weights.shape[1:], generator=generator) for generator in self._of_rows]
        return torch.stack(draws).to(weights.device)
