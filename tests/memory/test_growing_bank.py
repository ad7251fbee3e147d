from __future__ import annotations

import pytest
import torch
from memory_cases import entry_of, write_five

from vostool.memory.bank import GrowingBank, Keep
from vostool.memory.readers import AttentionReader

POSITIONS = 6


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(3)


def ticks_of(bank: GrowingBank) -> list[int]:
    """The frames that a read sees, in the order in which they lie."""
    return bank.births[0, ::POSITIONS].tolist()


@pytest.mark.parametrize("num_rows", [1, 2])
def test_keeps_all_entries_as_they_were_written(num_rows: int) -> None:
    bank = GrowingBank()
    entries = [entry_of(num_rows, 2) for _ in range(3)]
    for tick, entry in enumerate(entries):
        bank.write(entry, tick)
    torch.testing.assert_close(bank.keys, torch.cat([entry.key for entry in entries], dim=2).transpose(1, 2))
    values = torch.cat([entry.value for entry in entries], dim=2)
    for target in range(2):
        stored = bank.values[0, :, 3 * target : 3 * target + 3] if num_rows == 1 else bank.values[target]
        torch.testing.assert_close(stored, values[target].T)
    assert ticks_of(bank) == [0, 1, 2]
    assert bank.num_frames == 3


@pytest.mark.parametrize(
    ("pinned_frames", "pinned_ticks", "seen"),
    [
        (4, {0}, [0, 9]),
        (4, {0, 3, 9}, [0, 3, 9]),
        (4, {0, 2, 4, 6, 8}, [0, 4, 6, 8, 9]),
        (2, {0, 2, 4}, [0, 4, 9]),
        (1, {0, 2, 9}, [0, 9]),
        (0, {0, 2, 4}, [0, 9]),
        (4, set(), [0, 9]),
    ],
)
def test_first_latest_keeps_annotated_frames_and_the_latest(
    pinned_frames: int, pinned_ticks: set[int], seen: list[int]
) -> None:
    bank = GrowingBank("first-latest", pinned_frames)
    for tick in range(10):
        bank.write(entry_of(1, 2), tick, pinned=tick in pinned_ticks)
        assert bank.num_frames <= max(1, pinned_frames) + 1
    assert ticks_of(bank) == seen


@pytest.mark.parametrize("keep", ["all", "first-latest"])
def test_a_temporary_entry_lasts_until_the_next_entry(keep: str) -> None:
    bank = GrowingBank(keep)
    bank.write(entry_of(1, 2), 0, pinned=True)
    for tick in (1, 2):
        bank.set_temporary(entry_of(1, 2), tick)
        assert ticks_of(bank) == [0, tick]
    bank.write(entry_of(1, 2), 5)
    assert ticks_of(bank) == [0, 5]


@pytest.mark.parametrize("num_rows", [1, 2])
@pytest.mark.parametrize("keep", ["all", "first-latest"])
def test_objects_that_come_later_do_not_see_what_was_before(num_rows: int, keep: str) -> None:
    bank, reader = GrowingBank(keep), AttentionReader(top_k=None)
    bank.write(entry_of(num_rows, 1 if num_rows == 1 else 2), 0, pinned=True)
    before = bank.num_objects
    bank.set_temporary(entry_of(num_rows, before), 1)
    bank.add_objects(2, 2)
    late = entry_of(num_rows, before + 2)
    bank.write(late, 2, pinned=True)
    alone = GrowingBank()
    alone.write(late, 2)
    query = torch.randn(1, 4, 5)
    found, expected = reader.read(bank, query).value, reader.read(alone, query).value
    torch.testing.assert_close(found[before:], expected[before:])
    assert not torch.allclose(found[:before], expected[:before])


def test_an_object_of_its_own_keys_may_come_to_a_single_one() -> None:
    bank, reader = GrowingBank(), AttentionReader(top_k=None)
    first = entry_of(1, 1)
    bank.write(first, 0)
    bank.add_objects(1, 1)
    both = entry_of(2, 2)
    bank.write(both, 1)
    query = torch.randn(1, 4, 5)
    alone = GrowingBank()
    alone.write(both, 1)
    found = reader.read(bank, query).value
    torch.testing.assert_close(found[1], reader.read(alone, query).value[1])
    assert bank.keys.shape == (2, 2 * POSITIONS, 4)
    assert bank.values.shape == (2, 2 * POSITIONS, 3)


def test_does_not_count() -> None:
    bank = GrowingBank()
    bank.write(entry_of(1, 2), 0)
    read = AttentionReader().read(bank, torch.randn(1, 4, 5))
    assert read.usage is None
    bank.count(read.usage)


def test_nothing_is_held_twice() -> None:
    bank = GrowingBank()
    entry = entry_of(1, 2)
    bank.write(entry, 0)
    once = bank.num_bytes
    for tick in range(1, 4):
        bank.write(entry_of(1, 2), tick)
        assert bank.slots.num_bytes == bank.num_bytes == (tick + 1) * once


@pytest.mark.parametrize("keep", ["all", "first-latest"])
def test_goes_on_from_its_state(keep: str) -> None:
    bank, again = GrowingBank(keep), GrowingBank(keep)
    bank.write(entry_of(1, 1), 0, pinned=True)
    bank.add_objects(1, 3)
    for tick in (3, 4):
        bank.write(entry_of(1, 2), tick)
    bank.set_temporary(entry_of(1, 2), 5)
    again.restore(bank.state())
    for later in (bank, again):
        torch.manual_seed(0)
        later.write(entry_of(1, 2), 6)
    assert ticks_of(bank) == ticks_of(again)
    query = torch.randn(1, 4, 5)
    torch.testing.assert_close(AttentionReader().read(bank, query).value, AttentionReader().read(again, query).value)


@pytest.mark.parametrize("num_rows", [1, 2])
@pytest.mark.parametrize("keep", ["all", "first-latest"])
def test_forgets_all_but_pinned_entries(keep: Keep, num_rows: int) -> None:
    bank = GrowingBank(keep)
    write_five(bank, num_rows)
    pinned = bank.slots.chosen(torch.isin(bank.births[0], torch.tensor([0, 2])))
    bank.forget()
    assert ticks_of(bank) == [0, 2]
    for found, expected in zip(bank.slots.tensors(), pinned.tensors(), strict=True):
        assert torch.equal(found, expected)
    assert keep != "all" or bank.num_bytes == pinned.num_bytes
    bank.write(entry_of(num_rows, 2), 5)
    assert ticks_of(bank) == [0, 2, 5]


def test_forgets_nothing_where_pinned_entries_do_not_show_all_objects() -> None:
    bank = GrowingBank("first-latest", pinned_frames=1)
    bank.write(entry_of(1, 1), 0, pinned=True)
    bank.add_objects(1, 2)
    bank.write(entry_of(1, 2), 2, pinned=True)
    bank.forget()
    assert ticks_of(bank) == [0, 2]
