from __future__ import annotations

from itertools import count

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lfu_reference import ReferenceRow, Slot
from memory_cases import entry_of, random_entry

from vostool.memory.entries import MemoryEntry
from vostool.memory.lfu import LfuBank
from vostool.memory.readers import AttentionReader

POSITIONS = 4


class Pair:
    """A bank and its references, one per row, that are told the same; each position's key is its name."""

    def __init__(self, num_rows: int, num_objects: int, **options) -> None:
        self.num_objects = num_objects
        self.is_shared = num_rows == 1
        self.bank = LfuBank(**options)
        self.capacity = int(options["capacity_frames"] * POSITIONS)
        self.quota = options["pinned_frames"]
        self.floor = options["floor"]
        self.rows: list[ReferenceRow] = []
        self.names = count(1)

    def entry(self, tick: int, generator: np.random.Generator) -> tuple[MemoryEntry, list[list[Slot]]]:
        num_rows = 1 if self.is_shared else self.num_objects
        # Few owners and many ties, so that order and floors matter.
        owners = generator.integers(-1, self.num_objects, (num_rows, POSITIONS))
        slots = [
            [Slot(next(self.names), tick, self.owner_in_row(row, owner)) for owner in owners[row]]
            for row in range(num_rows)
        ]
        names = torch.tensor([[slot.name for slot in row] for row in slots], dtype=torch.float32)
        values = names.expand(self.num_objects, -1) * torch.arange(1, self.num_objects + 1).unsqueeze(1)
        return MemoryEntry(names.unsqueeze(1), values.unsqueeze(1), torch.from_numpy(owners)), slots

    def owner_in_row(self, row: int, owner: int) -> int:
        if self.is_shared:
            return int(owner)
        return 0 if owner == row else -1

    def fit_rows(self, num_rows: int) -> None:
        """A row that comes later has slots that were never written wherever the others have some."""
        for _ in range(num_rows - len(self.rows)):
            row = ReferenceRow(self.capacity, self.quota)
            if self.rows:
                row.pinned = [[Slot(0, -1, -1) for _ in frame] for frame in self.rows[0].pinned]
                row.lfu = [Slot(0, -1, -1) for _ in self.rows[0].lfu]
            self.rows.append(row)

    def write(self, tick: int, generator: np.random.Generator, *, pinned: bool) -> None:
        entry, slots = self.entry(tick, generator)
        self.bank.write(entry, tick, pinned=pinned)
        self.fit_rows(len(slots))
        floor = int(self.floor * self.capacity / (self.num_objects if self.is_shared else 1))
        for row, new in zip(self.rows, slots, strict=True):
            row.write(new, tick, pinned=pinned, floor=floor)

    def set_temporary(self, tick: int, generator: np.random.Generator) -> None:
        entry, slots = self.entry(tick, generator)
        self.bank.set_temporary(entry, tick)
        self.fit_rows(len(slots))
        for row, new in zip(self.rows, slots, strict=True):
            row.temporary = new

    def add_object(self, tick: int) -> None:
        self.bank.add_objects(1, tick)
        self.num_objects += 1

    def count(self, generator: np.random.Generator) -> None:
        """Usage that depends on the name of a slot only; reads never use a slot that was not written."""
        by_name = generator.integers(0, 3, 10_000)
        by_name[0] = 0
        names = self.bank.keys[..., 0].long()
        self.bank.count(torch.from_numpy(by_name)[names].float())
        for row in self.rows:
            for slot in row.seen:
                slot.index = np.float32(slot.index + by_name[slot.name])

    def check(self) -> None:
        slots = self.bank.slots
        assert slots.num_slots == len(self.rows[0].seen)
        assert slots.num_slots <= self.capacity + (self.quota + 1) * POSITIONS
        assert len(self.rows[0].lfu) <= self.capacity
        for number, row in enumerate(self.rows):
            fields = (slots.keys[..., 0], slots.births, slots.owners, slots.index)
            found = sorted(zip(*(field[number].tolist() for field in fields), strict=True))
            assert found == sorted((slot.name, slot.birth, slot.owner, float(slot.index)) for slot in row.seen)
        self.check_values()

    def check_values(self) -> None:
        """Object o has o + 1 times the name of the slot as its value, and 0 where the slot did not know it."""
        slots = self.bank.slots
        for number, group in enumerate(self.bank.groups):
            rows = slots.rows_of(group)
            factors = torch.arange(group.first + 1, group.first + group.num_objects + 1)
            factors = factors if self.is_shared else factors.unsqueeze(1).unsqueeze(2)
            expected = slots.keys[rows, :, :1] * factors * (slots.generations[rows] > number).unsqueeze(2)
            torch.testing.assert_close(slots.values[number], expected)


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["write", "write", "write", "pin", "count", "count", "count", "temporary", "object"]),
        st.integers(0, 2),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(
    operations=OPERATIONS,
    num_rows=st.sampled_from([1, 2]),
    capacity_frames=st.sampled_from([1, 1.5, 2.3, 4]),
    pinned_frames=st.integers(0, 3),
    floor=st.sampled_from([0, 0.25, 1]),
    seed=st.integers(0, 1000),
)
def test_does_what_the_plain_version_does(
    operations: list[tuple[str, int]],
    num_rows: int,
    capacity_frames: float,
    pinned_frames: int,
    floor: float,
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    sizes = {"capacity_frames": capacity_frames, "pinned_frames": pinned_frames, "floor": floor}
    pair = Pair(num_rows, 2, has_temporary=True, **sizes)
    tick = 0
    pair.write(tick, generator, pinned=True)
    for operation, step in operations:
        tick += step
        if operation == "object":
            pair.add_object(tick)
        if operation == "count":
            pair.count(generator)
        elif operation == "temporary":
            pair.set_temporary(tick, generator)
        else:
            pair.write(tick, generator, pinned=operation in ("pin", "object"))
        pair.check()


def fill(bank: LfuBank, num_writes: int, **sizes: int) -> None:
    for tick in range(num_writes):
        bank.write(entry_of(1, 2, **sizes), tick)


def used_keys(bank: LfuBank) -> set[float]:
    return set(bank.keys[0, :, 0].tolist())


def named_entry(name: float, owner: int = -1) -> MemoryEntry:
    """A frame of two positions whose keys are ``name`` and ``name + 0.5``."""
    names = torch.tensor([[[name, name + 0.5]]])
    return MemoryEntry(names, torch.ones(2, 1, 2), torch.full((1, 2), owner))


def test_scores_are_index_over_age() -> None:
    bank = LfuBank(2, pinned_frames=0, floor=0)
    bank.write(named_entry(1), 0)
    bank.write(named_entry(2), 6)
    # Frame 0 at tick 8: 8/8 and 24/8; frame 6: 4/2 and 1/2.
    bank.count(torch.tensor([[8.0, 24.0, 4.0, 1.0]]))
    bank.write(named_entry(3), 8)
    assert used_keys(bank) == {1.5, 2.0, 3.0, 3.5}


def test_among_equals_the_oldest_goes_first() -> None:
    bank = LfuBank(2, pinned_frames=0, floor=0)
    for tick in range(4):
        bank.write(named_entry(tick), tick)
        assert used_keys(bank) == {name for t in range(max(0, tick - 1), tick + 1) for name in (t, t + 0.5)}


def test_a_frame_that_was_just_written_is_there_whatever_the_others_were_used_for() -> None:
    bank = LfuBank(1, pinned_frames=0, floor=0)
    bank.write(named_entry(1), 0)
    bank.count(torch.tensor([[1e6, 1e6]]))
    bank.write(named_entry(2), 1)
    assert used_keys(bank) == {2.0, 2.5}


def test_exactly_as_many_slots_go_as_are_needed() -> None:
    bank = LfuBank(1.75, pinned_frames=0, floor=0)
    fill(bank, 1, positions=8)
    for tick in range(1, 6):
        before = used_keys(bank)
        bank.write(entry_of(1, 2, positions=8), tick)
        assert bank.slots.num_slots == 14
        assert len(before & used_keys(bank)) == 6


@pytest.mark.parametrize(("floor", "survivors"), [(0, 0), (0.5, 1), (1, 2)])
def test_an_object_keeps_its_floor(floor: float, survivors: int) -> None:
    """Four slots and two objects: half of the capacity is one slot for each."""
    bank = LfuBank(2, pinned_frames=0, floor=floor)
    bank.write(named_entry(1, owner=1), 0)
    for tick in range(1, 5):
        bank.write(named_entry(10 + tick, owner=-1), tick)
        assert bank.slots.num_slots == 2 * min(tick + 1, 2)
    assert len(used_keys(bank) & {1.0, 1.5}) == survivors


def test_floors_do_not_keep_a_frame_from_being_written() -> None:
    bank = LfuBank(1, pinned_frames=0, floor=1)
    bank.write(named_entry(1, owner=0), 0)
    bank.write(named_entry(2, owner=1), 1)
    assert used_keys(bank) == {2.0, 2.5}


def test_pinned_frames_are_the_first_and_the_newest() -> None:
    bank = LfuBank(1, pinned_frames=3, floor=0)
    for tick in range(1, 7):
        bank.write(named_entry(tick), tick, pinned=True)
    # Frame 4 was the last to leave the quota, and pushed 3 out of the single LFU frame.
    assert sorted(used_keys(bank)) == [1, 1.5, 4, 4.5, 5, 5.5, 6, 6.5]
    assert bank.num_frames == 4


def test_a_frame_that_leaves_the_quota_brings_its_index_and_age() -> None:
    bank = LfuBank(2, pinned_frames=2, floor=0)
    bank.write(named_entry(1), 0, pinned=True)
    bank.write(named_entry(2), 2, pinned=True)
    bank.count(torch.full((1, 4), 6.0))
    bank.write(named_entry(3), 5, pinned=True)
    slots = bank.slots
    place = slots.keys[0, :, 0].tolist().index(2.0)
    assert (slots.births[0, place], slots.index[0, place]) == (2, 6)


@pytest.mark.parametrize("num_rows", [1, 2])
def test_buffers_stay_where_they_are_for_500_writes(num_rows: int) -> None:
    bank = LfuBank(2.5, has_temporary=True)
    addresses, sizes, shapes = set(), set(), set()
    reader = AttentionReader(top_k=3)
    for tick in range(500):
        entry = entry_of(num_rows, 2)
        if tick % 3 == 2:
            bank.set_temporary(entry, tick)
        else:
            bank.write(entry, tick, pinned=tick % 50 == 0)
        read = reader.read(bank, torch.randn(1, 4, 5))
        bank.count(read.usage)
        addresses.add(tuple(tensor.data_ptr() for tensor in bank._written.tensors()))
        sizes.add(bank.num_bytes)
        if tick > 300 and tick % 3 != 2:
            shapes.add((bank.slots.num_slots, bank.slots.keys.data_ptr()))
    assert len(addresses) == len(sizes) == len(shapes) == 1


def test_reads_see_a_view_of_the_buffers() -> None:
    bank = LfuBank(2)
    fill(bank, 4)
    buffers = {tensor.untyped_storage().data_ptr() for tensor in bank._written.tensors()}
    assert {tensor.untyped_storage().data_ptr() for tensor in bank.slots.tensors()} == buffers


def test_holds_no_graph_and_shares_nothing_with_the_entries() -> None:
    bank = LfuBank(2)
    key, value = torch.randn(1, 4, 6, requires_grad=True), torch.randn(2, 3, 6, requires_grad=True)
    bank.write(MemoryEntry(key * 1, value * 1), 0)
    bank.write(MemoryEntry(key * 2, value * 2), 1)
    assert not any(tensor.requires_grad for tensor in bank.slots.tensors())
    assert not AttentionReader().read(bank, torch.randn(1, 4, 5)).value.requires_grad


@pytest.mark.parametrize("is_first_in_inference_mode", [False, True])
def test_may_be_written_in_and_out_of_inference_mode(is_first_in_inference_mode: bool) -> None:
    bank = LfuBank(1)
    for tick, is_inference in enumerate([is_first_in_inference_mode, not is_first_in_inference_mode] * 2):
        with torch.inference_mode(is_inference):
            if tick == 2:
                bank.add_objects(1, tick)
            bank.write(entry_of(1, 2 if tick < 2 else 3), tick)
            bank.count(AttentionReader().read(bank, torch.randn(1, 4, 5)).usage)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("top_k", [None, 3])
def test_stores_half_floats(dtype: torch.dtype, top_k: int | None) -> None:
    bank, exact = LfuBank(1), LfuBank(1)
    for tick in range(3):
        entry = random_entry(1, 2)
        bank.write(MemoryEntry(entry.key.to(dtype), entry.value.to(dtype), entry.owner), tick)
        rounded = MemoryEntry(entry.key.to(dtype).float(), entry.value.to(dtype).float(), entry.owner)
        exact.write(rounded, tick)
    query = torch.randn(1, 4, 5).to(dtype)
    reader = AttentionReader(top_k=top_k)
    found, expected = reader.read(bank, query), reader.read(exact, query.float())
    assert bank.keys.dtype == bank.values.dtype == found.value.dtype == dtype
    torch.testing.assert_close(found.value.float(), expected.value, atol=0.05, rtol=0)
    torch.testing.assert_close(found.usage, expected.usage)


def test_goes_on_from_its_state() -> None:
    bank, again = (LfuBank(1.5, pinned_frames=2, has_temporary=True) for _ in range(2))
    reader = AttentionReader(top_k=3)
    for tick in range(6):
        bank.write(entry_of(1, 2), tick, pinned=tick % 2 == 0)
        bank.count(reader.read(bank, torch.randn(1, 4, 9)).usage)
    bank.set_temporary(entry_of(1, 2), 6)
    again.restore(bank.state())
    for each in (bank, again):
        torch.manual_seed(5)
        for tick in range(7, 12):
            each.count(reader.read(each, torch.randn(1, 4, 9)).usage)
            each.write(entry_of(1, 2), tick, pinned=tick == 9)
    for found, expected in zip(again.slots.tensors(), bank.slots.tensors(), strict=True):
        assert torch.equal(found, expected)


def test_refuses_the_state_of_another_size() -> None:
    bank = LfuBank(2)
    fill(bank, 1)
    with pytest.raises(ValueError, match="another size"):
        LfuBank(3).restore(bank.state())
