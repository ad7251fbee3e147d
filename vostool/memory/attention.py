"""Reading a memory by attention, as pure functions: the same ones in training and in use.

Shapes: R key rows, N slots, Q queries, C key channels, W value columns, k slots taken per query.
Affinities lie as (R, Q, N), so that a query's slots are contiguous: top-k and softmax run along memory.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

# Most elements of an affinity that are alive at once: 2**24 float32 are 64 MiB.
MAX_AFFINITY_ELEMENTS = 1 << 24


def l2_similarity(memory_key: Tensor, query_key: Tensor) -> Tensor:
    """Negative squared distance over sqrt(C), less the part that is the same for all slots of a query.

    Args:
        memory_key: (R, N, C).
        query_key: (R or 1, Q, C).

    Returns:
        (R, Q, N) float32: (2 k.q - |k|^2) / sqrt(C). The softmax over N does not see the missing -|q|^2.
    """
    with torch.autocast(memory_key.device.type, enabled=False):
        keys, queries = _matched(memory_key, query_key)
        scale = 1 / math.sqrt(keys.shape[2])
        squares = keys.square().sum(dim=2).unsqueeze(1)
        return torch.baddbmm(squares, queries, keys.transpose(1, 2), beta=-scale, alpha=2 * scale)


def dot_similarity(memory_key: Tensor, query_key: Tensor) -> Tensor:
    """k.q / sqrt(C) as (R, Q, N) float32, of keys (R, N, C) and queries (R or 1, Q, C)."""
    with torch.autocast(memory_key.device.type, enabled=False):
        keys, queries = _matched(memory_key, query_key)
        return torch.bmm(queries / math.sqrt(keys.shape[2]), keys.transpose(1, 2))


def _matched(memory_key: Tensor, query_key: Tensor) -> tuple[Tensor, Tensor]:
    """Both in float32 (half floats cannot hold |k|^2 finely enough), the queries with as many rows as the keys."""
    return memory_key.float(), query_key.float().expand(memory_key.shape[0], -1, -1)


def dense_read(affinity: Tensor, values: Tensor) -> Tensor:
    """Softmax over all slots, then the weighted sum: (R, Q, N), (R, N, W) -> (R, Q, W)."""
    return torch.bmm(affinity.softmax(dim=2).to(values.dtype), values)


def top_k_softmax(affinity: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Softmax over the k nearest slots of each query, as STCN does at inference.

    Returns:
        Weights (R, Q, k) that sum to 1, and the slots (R, Q, k) int64 that they belong to; k is at most N.
    """
    nearest, indices = affinity.topk(min(k, affinity.shape[2]), dim=2)
    return nearest.softmax(dim=2), indices


def sparse_read(weights: Tensor, indices: Tensor, values: Tensor) -> Tensor:
    """The weighted sum of few slots: (R, Q, k), (R, Q, k), (R, N, W) -> (R, Q, W).

    Differentiable in ``weights`` and ``values``.
    """
    read_row = _gather_row if values.device.type == "mps" else _bag_row
    rows = [read_row(*row) for row in zip(weights.to(values.dtype), indices, values, strict=True)]
    return torch.stack(rows)


def _bag_row(weights: Tensor, indices: Tensor, values: Tensor) -> Tensor:
    """One row by embedding_bag, which never builds the (Q, k, W) tensor of what it sums."""
    return F.embedding_bag(indices, values, per_sample_weights=weights, mode="sum")


def _gather_row(weights: Tensor, indices: Tensor, values: Tensor) -> Tensor:
    """One row by plain indexing, for devices whose embedding_bag takes no weights."""
    return torch.einsum("qk,qkw->qw", weights, values[indices])


def count_hits(indices: Tensor, num_slots: int) -> Tensor:
    """How many queries took each slot: (R, Q, k) -> (R, N) float32."""
    return sum_weights(torch.ones_like(indices, dtype=torch.float32), indices, num_slots)


def sum_weights(weights: Tensor, indices: Tensor, num_slots: int) -> Tensor:
    """How much weight all queries together gave each slot: (R, Q, k), (R, Q, k) -> (R, N) float32."""
    totals = weights.new_zeros((weights.shape[0], num_slots), dtype=torch.float32)
    return totals.scatter_add_(1, indices.flatten(1), weights.flatten(1).float())


def hide(affinity: Tensor, hidden: Tensor) -> Tensor:
    """Take the slots of a mask (R, N) out of an affinity (R, Q, N)."""
    return affinity.masked_fill(hidden.unsqueeze(1), -math.inf)


def queries_per_chunk(num_rows: int, num_slots: int) -> int:
    """How many queries may be compared with the memory at once, see MAX_AFFINITY_ELEMENTS."""
    return max(1, MAX_AFFINITY_ELEMENTS // (num_rows * num_slots))
