"""Memory banks: what all have in common, and the one that grows.

Shapes: see entries.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from typing import Any, Literal

import torch
from torch import Tensor

from vostool.memory.entries import MemoryEntry, ObjectGroup, Slots, join, lay_out, widen

Keep = Literal["all", "first-latest"]


class MemoryBank(ABC):
    """Keeps the slots that readers read, and the groups of objects that these slots speak of.

    Objects are only ever added. Those that are added together form a group; slots that were written before are hidden
    from it, since they are no evidence against objects that nobody had pointed out yet.
    """

    counts_usage = False

    def __init__(self) -> None:
        self.groups: list[ObjectGroup] = []

    @property
    @abstractmethod
    def slots(self) -> Slots:
        """All slots that a read sees, the temporary ones included."""

    @abstractmethod
    def write(self, entry: MemoryEntry, tick: int, *, pinned: bool = False) -> None:
        """Keep an entry for as long as the bank's policy allows, and drop the temporary one.

        Args:
            entry: Covers all objects that were added so far.
            tick: Frame number, never lower than before.
            pinned: True for a frame that the user has annotated.
        """

    @abstractmethod
    def set_temporary(self, entry: MemoryEntry, tick: int) -> None:
        """Let reads see an entry until the next call of this method or of ``write``."""

    def add_objects(self, count: int, tick: int) -> None:
        """Announce objects that appear on frame ``tick``; the next entry written must hold their values too."""
        assert count > 0
        self.groups.append(ObjectGroup(tick, self.num_objects, count))

    def count(self, usage: Tensor | None) -> None:
        """Add the usage (R, N) of a read to the index of the slots, before anything else is written."""
        assert usage is None, "this bank does not count"

    @abstractmethod
    def forget(self) -> None:
        """Keep nothing but pinned entries; everything where these do not show all objects, which then have no other."""

    @abstractmethod
    def release(self, objects: Collection[int]) -> None:
        """From now on these objects, in place of those named before, have no share that is kept for them."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything that is needed to go on later: numbers, and copies of the tensors on the CPU."""

    @abstractmethod
    def restore(self, state: dict[str, Any], device: torch.device | str = "cpu") -> None:
        """Go on, on a device, from the state of a bank that was made in the same way; the state stays as it is."""

    @property
    def num_objects(self) -> int:
        """K."""
        return sum(group.num_objects for group in self.groups)

    @property
    def keys(self) -> Tensor:
        """(R, N, C)."""
        return self.slots.keys

    @property
    def values(self) -> Tensor:
        """(R, N, W) with W = K V / R."""
        slots = self.slots
        if len(slots.values) == 1:
            return slots.values[0]
        return torch.cat(slots.values, dim=2 if slots.num_rows == 1 else 0)

    @property
    def births(self) -> Tensor:
        """(R, N) int64."""
        return self.slots.births

    @property
    @abstractmethod
    def num_frames(self) -> float:
        """How many frames' worth of slots a read sees."""

    @property
    @abstractmethod
    def num_bytes(self) -> int:
        """Bytes of everything that is stored."""

    def _shows_all(self, slots: Slots) -> bool:
        """Whether some of the slots were written when all objects were known."""
        return slots.num_slots > 0 and int(slots.generations.max()) == len(self.groups)

    def _group_sizes(self) -> list[list[int]]:
        return [[group.birth, group.num_objects] for group in self.groups]

    def _set_groups(self, sizes: list[list[int]]) -> None:
        self.groups = []
        for birth, count in sizes:
            self.add_objects(count, birth)

    def _lay_out(self, entry: MemoryEntry, tick: int) -> Slots:
        """The slots of an entry; the first one may come without its objects having been announced."""
        if not self.groups:
            self.add_objects(entry.value.shape[0], tick)
        return lay_out(entry, self.groups, tick)


class GrowingBank(MemoryBank):
    """Keeps entries as they come, differentiably: for training, and for the policies every-k and first-and-latest.

    Args:
        keep: "all" entries, or "first-latest": the pinned ones within their quota and the latest other one.
        pinned_frames: Quota of "first-latest": the first entry and the newest ``pinned_frames - 1`` pinned ones stay.
    """

    def __init__(self, keep: Keep = "all", pinned_frames: int = 4) -> None:
        super().__init__()
        self._keep = keep
        self._quota = max(1, pinned_frames)
        self._kept: list[Slots] = []
        self._latest: list[Slots] = []
        self._temporary: list[Slots] = []
        self._joined: Slots | None = None
        self._num_positions = 1
        self._pinned_ticks: list[int] = []

    @property
    def slots(self) -> Slots:
        """See MemoryBank."""
        if self._joined is None:
            assert self._kept, "nothing was written yet"
            if self._keep == "all":
                # Replaces the parts, so that nothing is held twice.
                self._kept = [join(self._kept)]
            self._joined = join([*self._kept, *self._latest, *self._temporary])
        return self._joined

    def write(self, entry: MemoryEntry, tick: int, *, pinned: bool = False) -> None:
        """See MemoryBank."""
        new = self._take(entry, tick)
        self._temporary = []
        if pinned:
            self._pinned_ticks.append(tick)
        if self._keep == "all":
            self._kept.append(new)
        elif self._kept and not (pinned and self._quota > 1):
            self._latest = [new]
        else:
            self._latest = []
            pinned_parts = [*self._kept, new]
            self._kept = [pinned_parts[0], *pinned_parts[1:][1 - self._quota :]]

    def set_temporary(self, entry: MemoryEntry, tick: int) -> None:
        """See MemoryBank."""
        self._temporary = [self._take(entry, tick)]

    def forget(self) -> None:
        """See MemoryBank."""
        self._temporary = []
        self._joined = None
        pinned = [self._pinned_part(part) for part in self._kept] if self._keep == "all" else self._kept
        if any(self._shows_all(part) for part in pinned):
            self._kept, self._latest = pinned, []

    def release(self, objects: Collection[int]) -> None:
        """See MemoryBank; nothing is kept for any object."""

    def _pinned_part(self, slots: Slots) -> Slots:
        # The first row is as old as the bank, others may begin with slots that were never written.
        return slots.chosen(torch.isin(slots.births[0], slots.births.new_tensor(self._pinned_ticks)))

    def _take(self, entry: MemoryEntry, tick: int) -> Slots:
        """The slots of an entry, and room for its objects in everything that is held."""
        new = self._lay_out(entry, tick)
        self._num_positions = new.num_slots
        self._map_parts(lambda part: widen(part, self.groups, new.num_rows))
        return new

    def _map_parts(self, function: Callable[[Slots], Slots]) -> None:
        self._joined = None
        self._kept, self._latest, self._temporary = (
            [function(part) for part in parts] for parts in (self._kept, self._latest, self._temporary)
        )

    @property
    def num_frames(self) -> float:
        """See MemoryBank."""
        return self.slots.num_slots / self._num_positions if self._kept else 0.0

    @property
    def num_bytes(self) -> int:
        """See MemoryBank."""
        held = [*self._kept, *self._latest, *self._temporary]
        if self._joined is not None and all(self._joined is not part for part in held):
            held.append(self._joined)
        return sum(part.num_bytes for part in held)

    def state(self) -> dict[str, Any]:
        """See MemoryBank."""
        parts = {"kept": self._kept, "latest": self._latest, "temporary": self._temporary}
        tensors = {name: [part.copy("cpu").tensors() for part in slots] for name, slots in parts.items()}
        return {
            **tensors,
            "groups": self._group_sizes(),
            "num_positions": self._num_positions,
            "pinned_ticks": list(self._pinned_ticks),
        }

    def restore(self, state: dict[str, Any], device: torch.device | str = "cpu") -> None:
        """See MemoryBank."""
        self._set_groups(state["groups"])
        self._num_positions = state["num_positions"]
        self._pinned_ticks = list(state["pinned_ticks"])
        self._kept, self._latest, self._temporary = (
            [Slots.of(tensors).copy(device) for tensors in state[name]] for name in ("kept", "latest", "temporary")
        )
        self._joined = None
