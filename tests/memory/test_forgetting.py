"""What the bank of fixed capacity keeps at a cut, and what it keeps for objects that are no longer followed."""

from __future__ import annotations

import pytest
import torch
from memory_cases import entry_of, write_five

from vostool.memory.entries import MemoryEntry
from vostool.memory.lfu import LfuBank
from vostool.memory.readers import AttentionReader

POSITIONS = 6


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(4)


def ticks_of(bank: LfuBank, row: int = 0) -> list[int]:
    """The frames that a read sees, each once, in rising order."""
    return sorted(set(bank.births[row].tolist()))


def owned_entry(*owners: int) -> MemoryEntry:
    """Two objects with shared keys, of which each position belongs to the one that is named."""
    entry = entry_of(1, 2, positions=len(owners))
    return MemoryEntry(entry.key, entry.value, torch.tensor([owners]))


@pytest.mark.parametrize("num_rows", [1, 2])
def test_forgets_all_but_pinned_frames(num_rows: int) -> None:
    bank = LfuBank(2, pinned_frames=2, has_temporary=True)
    write_five(bank, num_rows)
    num_bytes = bank.num_bytes
    bank.forget()
    assert ticks_of(bank) == [0, 2]
    assert bank.num_frames == 2
    assert bank.num_bytes == num_bytes
    assert AttentionReader().read(bank, torch.randn(1, 4, 5)).value.isfinite().all()


def test_goes_on_after_forgetting_as_a_bank_that_saw_nothing_else() -> None:
    """Indices of the pinned frame included, which the reads before have filled."""
    reader, first, later = AttentionReader(top_k=3), entry_of(1, 2), [entry_of(1, 2) for _ in range(4)]
    bank, fresh = LfuBank(1.5), LfuBank(1.5)
    for each in (bank, fresh):
        each.write(first, 0, pinned=True)
    for tick in range(1, 4):
        bank.write(entry_of(1, 2), tick)
    bank.forget()
    for tick, entry in enumerate(later, start=4):
        query = torch.randn(1, 4, 9)
        for each in (bank, fresh):
            each.count(reader.read(each, query).usage)
            each.write(entry, tick)
    for found, expected in zip(bank.slots.tensors(), fresh.slots.tensors(), strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("pinned_frames", [0, 1])
def test_forgets_nothing_where_pinned_frames_do_not_show_all_objects(pinned_frames: int) -> None:
    bank = LfuBank(3, pinned_frames=pinned_frames)
    bank.write(entry_of(1, 1), 0, pinned=True)
    bank.add_objects(1, 2)
    bank.write(entry_of(1, 2), 2, pinned=True)
    bank.forget()
    assert ticks_of(bank) == [0, 2]


@pytest.mark.parametrize(("released", "num_left"), [((), 2), ((1,), 0), ((0,), 4)])
def test_the_floor_is_for_those_who_are_followed(released: tuple[int, ...], num_left: int) -> None:
    """Eight slots, half of them for the floor: two for each of two objects, or four for one.

    The slots of object 1 are never used, those of the background are; two frames of four slots must make room.
    """
    bank = LfuBank(2, pinned_frames=0, floor=0.5)
    bank.write(owned_entry(1, 1, 1, 1), 0)
    bank.write(owned_entry(-1, -1, -1, -1), 0)
    bank.count(torch.tensor([[0.0] * 4 + [9.0] * 4]))
    bank.release(released)
    bank.write(owned_entry(-1, -1, -1, -1), 1)
    assert (bank.slots.owners == 1).sum() == num_left


def test_objects_that_come_back_have_a_floor_again() -> None:
    bank = LfuBank(2, pinned_frames=0, floor=0.5)
    bank.write(owned_entry(1, 1, 1, 1), 0)
    bank.write(owned_entry(-1, -1, -1, -1), 0)
    bank.count(torch.tensor([[0.0] * 4 + [9.0] * 4]))
    bank.release((1,))
    bank.release(())
    bank.write(owned_entry(-1, -1, -1, -1), 1)
    assert (bank.slots.owners == 1).sum() == 2


def test_the_state_knows_who_is_released() -> None:
    bank, again = LfuBank(2, pinned_frames=0, floor=0.5), LfuBank(2, pinned_frames=0, floor=0.5)
    bank.write(owned_entry(1, 1, 1, 1), 0)
    bank.write(owned_entry(-1, -1, -1, -1), 0)
    bank.count(torch.tensor([[0.0] * 4 + [9.0] * 4]))
    bank.release((1,))
    again.restore(bank.state())
    again.write(owned_entry(-1, -1, -1, -1), 1)
    assert (again.slots.owners == 1).sum() == 0


def test_an_empty_bank_has_a_state() -> None:
    bank = LfuBank(2)
    bank.restore(LfuBank(2).state())
    assert bank.num_bytes == 0
    bank.write(entry_of(1, 2), 0, pinned=True)
    assert ticks_of(bank) == [0]
