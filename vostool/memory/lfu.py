"""The bank of fixed capacity that forgets what is least frequently used.

Buffers are allocated at the first write and written in place from then on:

    [ temporary | pinned, filled from its end downwards | LFU part, filled from its start upwards ]
                      `------------- live: always one slice, read as a view -------------'

The temporary frame, if there is one, lies right below the pinned frames.
Shapes: see entries.py; S all slots of the buffers, M those of the LFU part.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from vostool.errors import UsageError
from vostool.memory.bank import MemoryBank
from vostool.memory.entries import NO_OWNER, MemoryEntry, Slots, widen
from vostool.memory.removal import lfu_scores, removal_order

DEFAULT_CAPACITY_FRAMES = 4.0
DEFAULT_PINNED_FRAMES = 4
# Share of a row's LFU part that its objects are sure to keep, split evenly among them.
DEFAULT_FLOOR = 0.25


class LfuBank(MemoryBank):
    """Keeps a fixed number of slots; the least frequently used ones make room for new ones.

    Each slot has an index, to which reads add through ``count``, and an age in frames; index / age is its score. Making
    room removes exactly as many slots as are needed, the lowest score first, among equals the oldest. Where each
    object has its own keys, each row forgets for itself.

    Args:
        capacity_frames: Size of the LFU part in frames' worth of positions, at least 1.
        pinned_frames: How many annotated frames are never forgotten, beyond the capacity: the first and the newest
            ones. The others go to the LFU part with their index and age. 0 treats them like any other frame.
        floor: Share of the capacity that the objects together are sure to keep, each the same number of slots: slots
            whose owner would fall below it are removed last. 0 for none.
        has_temporary: True to reserve room for a temporary entry.
    """

    counts_usage = True

    def __init__(
        self,
        capacity_frames: float = DEFAULT_CAPACITY_FRAMES,
        pinned_frames: int = DEFAULT_PINNED_FRAMES,
        floor: float = DEFAULT_FLOOR,
        has_temporary: bool = False,
    ) -> None:
        super().__init__()
        if capacity_frames < 1:
            raise UsageError(
                f"a memory of {capacity_frames:g} frames cannot hold the frame being written",
                "give it at least 1 frame",
                code="usage.memory_frames",
            )
        self._capacity_frames = capacity_frames
        self._pinned_quota = pinned_frames
        self._floor = floor
        self._num_temporary_blocks = int(has_temporary)
        self._buffers: Slots | None = None
        self._num_positions = 0
        self._num_filled = 0
        self._pinned_blocks: list[int] = []
        self._is_temporary_set = False
        self._released: tuple[int, ...] = ()

    @property
    def capacity(self) -> int:
        """M, the slots of the LFU part; 0 before the first write."""
        return int(self._capacity_frames * self._num_positions)

    @property
    def slots(self) -> Slots:
        """See MemoryBank."""
        return self._written.part(self._live)

    @torch.no_grad()
    def write(self, entry: MemoryEntry, tick: int, *, pinned: bool = False) -> None:
        """See MemoryBank."""
        new = self._take(entry, tick)
        self._is_temporary_set = False
        if not pinned or self._pinned_quota == 0:
            self._store(new, tick)
        elif len(self._pinned_blocks) < self._pinned_quota:
            self._pin(new, self._pinned_quota - 1 - len(self._pinned_blocks))
        elif self._pinned_quota == 1:
            self._store(new, tick)
        else:
            second_oldest = self._pinned_blocks.pop(1)
            start = self._start_of(second_oldest)
            leaving = self._written.part(slice(start, start + self._num_positions)).clone()
            self._store(leaving, tick)
            self._pin(new, second_oldest)

    @torch.no_grad()
    def set_temporary(self, entry: MemoryEntry, tick: int) -> None:
        """See MemoryBank."""
        assert self._num_temporary_blocks, "made without room for a temporary entry"
        new = self._take(entry, tick)
        self._is_temporary_set = True
        self._written.put(new, self._live.start)

    @torch.no_grad()
    def count(self, usage: Tensor | None) -> None:
        """See MemoryBank."""
        if usage is not None:
            self.slots.index.add_(usage)

    def forget(self) -> None:
        """See MemoryBank."""
        self._is_temporary_set = False
        pinned = slice(self._live.start, self._lfu_start)
        if self._pinned_blocks and self._shows_all(self._written.part(pinned)):
            self._num_filled = 0

    def release(self, objects: Collection[int]) -> None:
        """See MemoryBank."""
        self._released = tuple(sorted(objects))

    @property
    def num_frames(self) -> float:
        """See MemoryBank."""
        return self.slots.num_slots / self._num_positions if self._buffers is not None else 0.0

    @property
    def num_bytes(self) -> int:
        """See MemoryBank."""
        return self._buffers.num_bytes if self._buffers is not None else 0

    @property
    def _lfu_start(self) -> int:
        return (self._num_temporary_blocks + self._pinned_quota) * self._num_positions

    @property
    def _live(self) -> slice:
        num_blocks = len(self._pinned_blocks) + int(self._is_temporary_set)
        return slice(self._lfu_start - num_blocks * self._num_positions, self._lfu_start + self._num_filled)

    def _take(self, entry: MemoryEntry, tick: int) -> Slots:
        """The slots of an entry, and room for it in the buffers."""
        new = self._lay_out(entry, tick)
        # Outside of inference mode, so that the buffers may be written in any mode.
        with torch.inference_mode(False):
            if self._buffers is None:
                self._num_positions = new.num_slots
                self._buffers = _allocate(new, self._lfu_start + self.capacity)
            self._buffers = widen(self._buffers, self.groups, new.num_rows)
        assert new.num_slots == self._num_positions, "frames of one bank have one size"
        return new

    def _pin(self, new: Slots, block: int) -> None:
        """Put a frame into a block of the pinned part, as its newest."""
        self._pinned_blocks.append(block)
        self._written.put(new, self._start_of(block))

    def _start_of(self, block: int) -> int:
        return (self._num_temporary_blocks + block) * self._num_positions

    def _store(self, new: Slots, tick: int) -> None:
        """Put a frame into the LFU part: into free slots first, then into those that are used least."""
        num_free = min(self.capacity - self._num_filled, new.num_slots)
        num_removed = new.num_slots - num_free
        if num_removed:
            places = self._lfu_start + self._removal_order(tick)[:, :num_removed]
            self._written.scatter(new.part(slice(num_free, None)), places, self.groups)
        self._written.put(new.part(slice(0, num_free)), self._lfu_start + self._num_filled)
        self._num_filled += num_free

    def _removal_order(self, tick: int) -> Tensor:
        """The filled slots of the LFU part (R, filled), counted from its start, the first to go first."""
        filled = self._written.part(slice(self._lfu_start, self._lfu_start + self._num_filled))
        num_owners = num_followed = 1
        if filled.num_rows == 1:
            num_owners, num_followed = self.num_objects, max(1, self.num_objects - len(self._released))
            filled = replace(filled, owners=self._followed_owners(filled.owners))
        num_kept = int(self._floor * self.capacity / num_followed)
        return removal_order(lfu_scores(filled, tick), filled, num_owners, num_kept)

    def _followed_owners(self, owners: Tensor) -> Tensor:
        return torch.where(torch.isin(owners, owners.new_tensor(self._released)), NO_OWNER, owners)

    @property
    def _written(self) -> Slots:
        assert self._buffers is not None, "nothing was written yet"
        return self._buffers

    def state(self) -> dict[str, Any]:
        """See MemoryBank."""
        return {
            "buffers": self._buffers.copy("cpu").tensors() if self._buffers is not None else None,
            "groups": self._group_sizes(),
            "num_positions": self._num_positions,
            "num_filled": self._num_filled,
            "pinned_blocks": list(self._pinned_blocks),
            "is_temporary_set": self._is_temporary_set,
            "released": list(self._released),
        }

    def restore(self, state: dict[str, Any], device: torch.device | str = "cpu") -> None:
        """See MemoryBank.

        Raises:
            ValueError: The state is that of a memory of another size.
        """
        self._set_groups(state["groups"])
        self._num_positions = state["num_positions"]
        self._num_filled = state["num_filled"]
        self._pinned_blocks = list(state["pinned_blocks"])
        self._is_temporary_set = state["is_temporary_set"]
        self._released = tuple(state["released"])
        self._buffers = None
        if state["buffers"] is not None:
            with torch.inference_mode(False):
                self._buffers = Slots.of(state["buffers"]).copy(device)
            if self._buffers.num_slots != self._lfu_start + self.capacity:
                raise ValueError("the state is that of a memory of another size")


def _allocate(like: Slots, num_slots: int) -> Slots:
    """Buffers of ``num_slots`` slots, each with the rows, channels, type and device of a first entry's."""
    return Slots.of([t.new_zeros((t.shape[0], num_slots, *t.shape[2:])) for t in like.tensors()])
