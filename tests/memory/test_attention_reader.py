from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from memory_cases import FixedBank, slots_of

from vostool.memory import attention
from vostool.memory.bank import GrowingBank
from vostool.memory.entries import MemoryEntry, MemoryRead, ObjectGroup
from vostool.memory.readers import SIMILARITIES, AttentionReader

SLOTS, QUERIES, CHANNELS, VALUE_CHANNELS = 30, 6, 4, 3
GROUPS = [ObjectGroup(0, 0, 2), ObjectGroup(3, 2, 1), ObjectGroup(5, 3, 2)]
NUM_OBJECTS = 5


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(11)


def bank_of_groups(num_rows: int) -> FixedBank:
    """Three groups, and slots of which the first ten know one, the next ten two, the last ten all of them."""
    generations = torch.arange(1, 4).repeat_interleave(SLOTS // 3).expand(num_rows, -1).clone()
    if num_rows > 1:
        groups_of_rows = torch.tensor([0, 0, 1, 2, 2]).unsqueeze(1)
        generations[generations <= groups_of_rows] = 0
    keys = torch.randn(num_rows, SLOTS, CHANNELS)
    values = [
        torch.randn(1, SLOTS, group.num_objects * VALUE_CHANNELS)
        if num_rows == 1
        else torch.randn(group.num_objects, SLOTS, VALUE_CHANNELS)
        for group in GROUPS
    ]
    return FixedBank(slots_of(keys, values, generations), GROUPS)


def value_of(bank: FixedBank, target: int, slot: int) -> torch.Tensor:
    """The value of one object in one slot."""
    number, group = next((n, g) for n, g in enumerate(GROUPS) if g.first <= target < g.first + g.num_objects)
    stored, place = bank.slots.values[number], target - group.first
    if bank.slots.num_rows == 1:
        return stored[0, slot, place * VALUE_CHANNELS : (place + 1) * VALUE_CHANNELS]
    return stored[place, slot]


def slow_weights(
    bank: FixedBank, reader: AttentionReader, queries: torch.Tensor, target: int
) -> list[dict[int, float]]:
    """For one object, what each query's slots weigh, over the slots that know the object."""
    row = 0 if bank.slots.num_rows == 1 else target
    number = next(n for n, group in enumerate(GROUPS) if group.first <= target < group.first + group.num_objects)
    affinity = SIMILARITIES[reader.similarity](bank.slots.keys, queries)[row].tolist()
    visible = [slot for slot in range(SLOTS) if bank.slots.generations[row, slot] > number]
    weights = []
    for line in affinity:
        nearest = sorted(visible, key=lambda slot: -line[slot])[: reader.top_k]
        total = sum(math.exp(line[slot]) for slot in nearest)
        weights.append({slot: math.exp(line[slot]) / total for slot in nearest})
    return weights


def slow_usage(bank: FixedBank, reader: AttentionReader, queries: torch.Tensor) -> torch.Tensor:
    """Row by row, how many queries took a slot for any of the row's objects, or the most weight that they gave it."""
    usage = torch.zeros(bank.slots.num_rows, SLOTS)
    for row in range(bank.slots.num_rows):
        targets = range(NUM_OBJECTS) if bank.slots.num_rows == 1 else [row]
        by_target = [slow_weights(bank, reader, queries, target) for target in targets]
        for query in range(queries.shape[1]):
            most: Counter[int] = Counter()
            for weights in by_target:
                most |= Counter(weights[query])
            for slot, weight in most.items():
                usage[row, slot] += weight if reader.counting == "softmax" else 1
    return torch.where(usage > 0, usage.log(), 0) if reader.counting == "log-top-k" else usage


@pytest.mark.parametrize("num_rows", [1, NUM_OBJECTS])
@pytest.mark.parametrize("query_rows", [1, NUM_OBJECTS])
@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("top_k", [None, 1, 4, 15])
def test_each_object_reads_the_slots_that_know_it(
    num_rows: int, query_rows: int, similarity: str, top_k: int | None
) -> None:
    bank, reader = bank_of_groups(num_rows), AttentionReader(similarity, top_k)
    query_key = torch.randn(min(num_rows, query_rows), CHANNELS, QUERIES)
    found = reader.read(bank, query_key).value
    assert found.shape == (NUM_OBJECTS, VALUE_CHANNELS, QUERIES)
    for target in range(NUM_OBJECTS):
        for query, weights in enumerate(slow_weights(bank, reader, query_key.transpose(1, 2), target)):
            expected = sum(weight * value_of(bank, target, slot) for slot, weight in weights.items())
            torch.testing.assert_close(found[target, :, query], expected)


@pytest.mark.parametrize("num_rows", [1, NUM_OBJECTS])
@pytest.mark.parametrize("counting", ["top-k", "softmax", "log-top-k"])
def test_usage_is_that_of_the_queries_whatever_group_they_read_for(num_rows: int, counting: str) -> None:
    bank, reader = bank_of_groups(num_rows), AttentionReader(top_k=4, counting=counting)
    query_key = torch.randn(1, CHANNELS, 40)
    usage = reader.read(bank, query_key).usage
    torch.testing.assert_close(usage, slow_usage(bank, reader, query_key.transpose(1, 2)))


@pytest.mark.parametrize(("counting", "counting_k"), [("top-k", 20), ("log-top-k", 20), ("softmax", None)])
def test_dense_readers_count_the_twenty_nearest_or_all_weights(counting: str, counting_k: int | None) -> None:
    bank, query_key = bank_of_groups(1), torch.randn(1, CHANNELS, QUERIES)
    usage = AttentionReader(top_k=None, counting=counting).read(bank, query_key).usage
    same = AttentionReader(top_k=counting_k or SLOTS, counting=counting)
    torch.testing.assert_close(usage, slow_usage(bank, same, query_key.transpose(1, 2)))


@pytest.mark.parametrize("top_k", [None, 4])
@pytest.mark.parametrize("counting", ["top-k", "softmax", "log-top-k"])
@pytest.mark.parametrize("num_rows", [1, NUM_OBJECTS])
def test_chunks_of_queries_change_nothing(
    monkeypatch: pytest.MonkeyPatch, num_rows: int, top_k: int | None, counting: str
) -> None:
    bank, reader = bank_of_groups(num_rows), AttentionReader(top_k=top_k, counting=counting)
    query_key = torch.randn(1, CHANNELS, 40)
    whole = reader.read(bank, query_key)
    sizes = []
    compare = SIMILARITIES["l2"]

    def noting(*keys: torch.Tensor) -> torch.Tensor:
        affinity = compare(*keys)
        sizes.append(affinity.numel())
        return affinity

    monkeypatch.setitem(SIMILARITIES, "l2", noting)
    monkeypatch.setattr(attention, "MAX_AFFINITY_ELEMENTS", 7 * SLOTS * num_rows)
    chunked = reader.read(bank, query_key)
    assert max(sizes) <= attention.MAX_AFFINITY_ELEMENTS < sum(sizes)
    torch.testing.assert_close(chunked.value, whole.value)
    torch.testing.assert_close(chunked.usage, whole.usage)


def read_of_growing(top_k: int | None, tensors: list[torch.Tensor]) -> MemoryRead:
    bank = GrowingBank()
    for tick in range(2):
        bank.write(MemoryEntry(tensors[2 * tick], tensors[2 * tick + 1]), tick)
    return AttentionReader(top_k=top_k).read(bank, tensors[4])


@pytest.mark.parametrize("num_rows", [1, 3])
@pytest.mark.parametrize("top_k", [None, 4])
def test_a_read_of_a_growing_bank_is_differentiable(num_rows: int, top_k: int | None) -> None:
    shapes = [(num_rows, CHANNELS, 5), (3, VALUE_CHANNELS, 5)] * 2 + [(1, CHANNELS, QUERIES)]
    tensors = [torch.randn(shape, requires_grad=True) for shape in shapes]
    read_of_growing(top_k, tensors).value.square().sum().backward()
    step = 1e-2
    for tensor in tensors:
        assert tensor.grad is not None
        # The derivative along the gradient is its length.
        direction = tensor.grad / tensor.grad.norm()
        losses = []
        for sign in (1, -1):
            moved = [t.detach() + sign * step * direction if t is tensor else t.detach() for t in tensors]
            losses.append(read_of_growing(top_k, moved).value.double().square().sum())
        torch.testing.assert_close((losses[0] - losses[1]) / (2 * step), tensor.grad.norm().double(), rtol=0.05, atol=0)


def test_clips_of_a_batch_are_rows_of_their_own() -> None:
    """Two clips of two objects each: R = 2 rows, K = 4 objects, row by row."""
    keys, values, queries = torch.randn(2, CHANNELS, 5), torch.randn(4, VALUE_CHANNELS, 5), torch.randn(2, CHANNELS, 6)
    together, reader = GrowingBank(), AttentionReader(top_k=None)
    together.write(MemoryEntry(keys, values), 0)
    found = reader.read(together, queries).value
    for clip in range(2):
        alone = GrowingBank()
        alone.write(MemoryEntry(keys[clip : clip + 1], values[2 * clip : 2 * clip + 2]), 0)
        expected = reader.read(alone, queries[clip : clip + 1]).value
        torch.testing.assert_close(found[2 * clip : 2 * clip + 2], expected)
