"""Readers: what differs between systems in how a query finds its values in a bank.

Shapes: see entries.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from vostool.memory import attention
from vostool.memory.bank import MemoryBank
from vostool.memory.entries import MemoryRead, ObjectGroup, Slots, objects_first

Similarity = Literal["l2", "dot"]
Counting = Literal["top-k", "softmax", "log-top-k"]
COUNTINGS: tuple[str, ...] = get_args(Counting)

SIMILARITIES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l2": attention.l2_similarity,
    "dot": attention.dot_similarity,
}
# Dense readers have no k of their own to count with; 20 is STCN's.
DENSE_COUNTING_K = 20


@dataclass(frozen=True)
class AttentionReader:
    """Attention from every position of a frame to every slot of a bank.

    Attributes:
        similarity: "l2" (STCN) or "dot" (STM).
        top_k: How many slots a query reads; None for all of them.
        counting: What a read adds to the index of a slot: "top-k" the number of queries that took it, "softmax" the
            weight that they gave it, "log-top-k" the natural logarithm of the number (0 if there is none).
    """

    similarity: Similarity = "l2"
    top_k: int | None = 20
    counting: Counting = "top-k"

    def read(self, bank: MemoryBank, query_key: Tensor) -> MemoryRead:
        """Read the values of all objects; the bank is left as it was, see ``MemoryBank.count``.

        Args:
            bank: It holds at least one entry.
            query_key: (R or 1, C, Q).
        """
        slots = bank.slots
        reads = [_GroupRead(group, slots, index, bank.counts_usage) for index, group in enumerate(bank.groups)]
        chunk = attention.queries_per_chunk(slots.num_rows, slots.num_slots)
        for queries in query_key.transpose(1, 2).split(chunk, dim=1):
            affinity = SIMILARITIES[self.similarity](slots.keys, queries)
            for read in reads:
                read.add(self, affinity)
        value = torch.cat([read.value() for read in reads])
        return MemoryRead(value, self._usage(reads, slots) if bank.counts_usage else None)

    def attend(self, affinity: Tensor, values: Tensor, is_counted: bool) -> tuple[Tensor, Tensor | None]:
        """Read one group: (R_g, Q, N), (R_g, N, W_g) -> (R_g, Q, W_g) and the hits or weights (R_g, N) of its slots."""
        if self.top_k is None:
            readout = attention.dense_read(affinity, values)
            return readout, self._count_dense(affinity.detach()) if is_counted else None
        weights, indices = attention.top_k_softmax(affinity, self.top_k)
        readout = attention.sparse_read(weights, indices, values)
        return readout, self._count(weights.detach(), indices, affinity.shape[2]) if is_counted else None

    def _count_dense(self, affinity: Tensor) -> Tensor:
        if self.counting == "softmax":
            return affinity.softmax(dim=2).sum(dim=1)
        weights, indices = attention.top_k_softmax(affinity, DENSE_COUNTING_K)
        return self._count(weights, indices, affinity.shape[2])

    def _count(self, weights: Tensor, indices: Tensor, num_slots: int) -> Tensor:
        if self.counting == "softmax":
            return attention.sum_weights(weights, indices, num_slots)
        return attention.count_hits(indices, num_slots)

    def _usage(self, reads: list[_GroupRead], slots: Slots) -> Tensor:
        """One figure per slot of what the groups counted.

        Each later group sees a subset of what the one before it sees, so whatever an earlier group took is among what
        a later one took, if it sees it at all: the last group that sees a slot has counted the queries of all of them.
        """
        usage = torch.zeros_like(slots.births, dtype=torch.float32)
        for read in reads:
            assert read.counts is not None
            usage[read.rows] = torch.where(read.hidden, usage[read.rows], read.counts)
        return usage.clamp(min=1).log() if self.counting == "log-top-k" else usage


class _GroupRead:
    """What has been read for one group of objects so far, chunk of queries by chunk."""

    def __init__(self, group: ObjectGroup, slots: Slots, index: int, is_counted: bool) -> None:
        self.group = group
        self.rows = slots.rows_of(group)
        self.hidden = slots.generations[self.rows] <= index
        self.counts: Tensor | None = None
        self._values = slots.values[index]
        # No slot is older than the first group.
        self._has_hidden = index > 0
        self._is_counted = is_counted
        self._parts: list[Tensor] = []

    def add(self, reader: AttentionReader, affinity: Tensor) -> None:
        """Read for the queries of one chunk."""
        affinity = affinity[self.rows]
        visible = attention.hide(affinity, self.hidden) if self._has_hidden else affinity
        readout, counts = reader.attend(visible, self._values, self._is_counted)
        self._parts.append(readout)
        if counts is not None:
            self.counts = counts if self.counts is None else self.counts + counts

    def value(self) -> Tensor:
        """(K_g, V, Q)."""
        readout = self._parts[0] if len(self._parts) == 1 else torch.cat(self._parts, dim=1)
        return objects_first(readout, self.group)
