from __future__ import annotations

import math

import pytest
import torch

from vostool.memory import attention
from vostool.memory.attention import (
    count_hits,
    dense_read,
    dot_similarity,
    hide,
    l2_similarity,
    queries_per_chunk,
    sparse_read,
    sum_weights,
    top_k_softmax,
)

ROWS, SLOTS, QUERIES, CHANNELS, COLUMNS = 2, 7, 5, 4, 3


@pytest.fixture
def keys() -> torch.Tensor:
    return torch.randn(ROWS, SLOTS, CHANNELS)


@pytest.fixture
def affinity() -> torch.Tensor:
    return 3 * torch.randn(ROWS, QUERIES, SLOTS)


@pytest.fixture
def values() -> torch.Tensor:
    return torch.randn(ROWS, SLOTS, COLUMNS)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(7)


@pytest.mark.parametrize("query_rows", [1, ROWS])
def test_l2_similarity_is_negative_squared_distance_up_to_a_constant_of_the_query(
    keys: torch.Tensor, query_rows: int
) -> None:
    queries = torch.randn(query_rows, QUERIES, CHANNELS)
    found = l2_similarity(keys, queries)
    assert found.shape == (ROWS, QUERIES, SLOTS)
    for row in range(ROWS):
        for query in range(QUERIES):
            q = queries[min(row, query_rows - 1), query]
            for slot in range(SLOTS):
                expected = (q @ q - (keys[row, slot] - q).square().sum()) / math.sqrt(CHANNELS)
                torch.testing.assert_close(found[row, query, slot], expected)


@pytest.mark.parametrize("query_rows", [1, ROWS])
def test_dot_similarity(keys: torch.Tensor, query_rows: int) -> None:
    queries = torch.randn(query_rows, QUERIES, CHANNELS)
    found = dot_similarity(keys, queries)
    for row in range(ROWS):
        for query in range(QUERIES):
            q = queries[min(row, query_rows - 1), query]
            expected = torch.stack([q @ key for key in keys[row]]) / 2
            torch.testing.assert_close(found[row, query], expected)


@pytest.mark.parametrize("similarity", [l2_similarity, dot_similarity])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_similarity_of_half_floats_is_computed_in_float32(similarity, dtype: torch.dtype) -> None:
    # In float16 the squared norm of these keys would be infinite.
    keys, queries = (100 * torch.randn(1, n, 64, dtype=torch.float32).to(dtype) for n in (SLOTS, QUERIES))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = similarity(keys, queries)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, similarity(keys.double(), queries.double()).float())


def test_dense_read_sums_all_values_by_their_softmax(affinity: torch.Tensor, values: torch.Tensor) -> None:
    found = dense_read(affinity, values)
    for row in range(ROWS):
        for query in range(QUERIES):
            weights = affinity[row, query].exp() / affinity[row, query].exp().sum()
            expected = sum(weight * value for weight, value in zip(weights, values[row], strict=True))
            torch.testing.assert_close(found[row, query], expected)


@pytest.mark.parametrize("k", [1, 3, SLOTS, SLOTS + 5])
def test_sparse_read_sums_the_nearest_values(affinity: torch.Tensor, values: torch.Tensor, k: int) -> None:
    weights, indices = top_k_softmax(affinity, k)
    found = sparse_read(weights, indices, values)
    assert indices.shape == (ROWS, QUERIES, min(k, SLOTS))
    for row in range(ROWS):
        for query in range(QUERIES):
            nearest = sorted(range(SLOTS), key=lambda slot: -affinity[row, query, slot].item())[:k]
            exponentials = {slot: affinity[row, query, slot].exp() for slot in nearest}
            total = sum(exponentials.values())
            expected = sum(exponentials[slot] / total * values[row, slot] for slot in nearest)
            torch.testing.assert_close(found[row, query], expected)


def test_reading_all_slots_sparsely_is_a_dense_read(affinity: torch.Tensor, values: torch.Tensor) -> None:
    torch.testing.assert_close(sparse_read(*top_k_softmax(affinity, SLOTS), values), dense_read(affinity, values))


def test_softmax_of_large_affinities_does_not_overflow() -> None:
    weights, _ = top_k_softmax(torch.tensor([[[1000.0, 999.0, -1000.0]]]), 2)
    torch.testing.assert_close(weights, torch.tensor([[[0.73105858, 0.26894142]]]))


def test_gathering_gives_what_the_bag_gives(affinity: torch.Tensor, values: torch.Tensor) -> None:
    weights, indices = top_k_softmax(affinity, 3)
    for row in zip(weights, indices, values, strict=True):
        torch.testing.assert_close(attention._gather_row(*row), attention._bag_row(*row))


def test_sparse_read_has_right_gradients() -> None:
    affinity = torch.randn(ROWS, QUERIES, SLOTS, dtype=torch.float64, requires_grad=True)
    values = torch.randn(ROWS, SLOTS, COLUMNS, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, v: sparse_read(*top_k_softmax(a, 3), v), (affinity, values))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("k", [None, 3])
def test_values_of_half_floats_give_reads_of_half_floats(
    affinity: torch.Tensor, values: torch.Tensor, dtype: torch.dtype, k: int | None
) -> None:
    def read(stored: torch.Tensor) -> torch.Tensor:
        return dense_read(affinity, stored) if k is None else sparse_read(*top_k_softmax(affinity, k), stored)

    found = read(values.to(dtype))
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), read(values), atol=0.03, rtol=0)


def test_hits_and_weights_are_counted_per_slot(affinity: torch.Tensor) -> None:
    weights, indices = top_k_softmax(affinity, 3)
    hits, totals = torch.zeros(ROWS, SLOTS), torch.zeros(ROWS, SLOTS)
    for row in range(ROWS):
        for weight, slot in zip(weights[row].flatten(), indices[row].flatten(), strict=True):
            hits[row, slot] += 1
            totals[row, slot] += weight
    torch.testing.assert_close(count_hits(indices, SLOTS), hits, rtol=0, atol=0)
    torch.testing.assert_close(sum_weights(weights, indices, SLOTS), totals)


def test_a_hidden_slot_has_no_weight(affinity: torch.Tensor) -> None:
    hidden = torch.zeros(ROWS, SLOTS, dtype=torch.bool)
    hidden[:, 2] = True
    weights, indices = top_k_softmax(hide(affinity, hidden), SLOTS)
    assert (weights[indices == 2] == 0).all()
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(ROWS, QUERIES))


def test_a_chunk_stays_within_the_bound_and_is_never_empty() -> None:
    bound = attention.MAX_AFFINITY_ELEMENTS
    assert queries_per_chunk(3, 8100) * 3 * 8100 <= bound < (queries_per_chunk(3, 8100) + 1) * 3 * 8100
    assert queries_per_chunk(64, bound) == 1
