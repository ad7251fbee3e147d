"""What the tests of the memory share: random entries, and a bank of given contents."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from vostool.memory.bank import MemoryBank
from vostool.memory.entries import MemoryEntry, ObjectGroup, Slots


def random_entry(
    num_rows: int, num_objects: int, *, positions: int = 6, key_channels: int = 4, value_channels: int = 3
) -> MemoryEntry:
    """Keys and values from a normal distribution, any owners."""
    return MemoryEntry(
        key=torch.randn(num_rows, key_channels, positions),
        value=torch.randn(num_objects, value_channels, positions),
        owner=torch.randint(-1, num_objects, (num_rows, positions)),
    )


def entry_of(num_rows: int, num_objects: int, **sizes: int) -> MemoryEntry:
    """As ``random_entry``, for shared keys (R = 1) or keys of their own (R = K)."""
    return random_entry(1 if num_rows == 1 else num_objects, num_objects, **sizes)


def write_five(bank: MemoryBank, num_rows: int) -> None:
    """Frames 0 to 4: 0 and 2 are pinned, 2 brings a second object, 4 is temporary."""
    bank.write(entry_of(num_rows, 1), 0, pinned=True)
    bank.write(entry_of(num_rows, 1), 1)
    bank.add_objects(1, 2)
    bank.write(entry_of(num_rows, 2), 2, pinned=True)
    bank.write(entry_of(num_rows, 2), 3)
    bank.set_temporary(entry_of(num_rows, 2), 4)


@dataclass
class FixedBank:
    """A bank whose contents are given, as far as a reader looks at it."""

    slots: Slots
    groups: list[ObjectGroup] = field(default_factory=list)
    counts_usage: bool = True


def slots_of(keys: Tensor, values: list[Tensor], generations: Tensor | None = None) -> Slots:
    """Slots (R, N) with nothing but keys, values and generations to tell them apart."""
    births = torch.zeros(keys.shape[:2], dtype=torch.int64)
    generations = torch.full_like(births, len(values)) if generations is None else generations
    return Slots(keys, values, births, generations, torch.full_like(births, -1), torch.zeros(births.shape))
