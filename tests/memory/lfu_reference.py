"""The LFU bank in plain Python, one row at a time: slow, and as close to its description as can be."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Slot:
    """One slot; ``name`` tells it from all others."""

    name: int
    birth: int
    owner: int
    index: np.float32 = field(default_factory=np.float32)

    def score(self, tick: int) -> np.float32:
        return self.index / np.float32(max(1, tick - self.birth))


class ReferenceRow:
    """One row of a bank: what is pinned, the LFU part, and what is there for one frame only."""

    def __init__(self, capacity: int, quota: int) -> None:
        self.capacity = capacity
        self.quota = quota
        self.pinned: list[list[Slot]] = []
        self.lfu: list[Slot] = []
        self.temporary: list[Slot] = []

    @property
    def seen(self) -> list[Slot]:
        """What a read sees, in no particular order."""
        return [slot for frame in self.pinned for slot in frame] + self.lfu + self.temporary

    def write(self, new: list[Slot], tick: int, *, pinned: bool, floor: int) -> None:
        self.temporary = []
        if not pinned or self.quota == 0 or len(self.pinned) == self.quota == 1:
            self._store(new, tick, floor)
        else:
            if len(self.pinned) == self.quota:
                self._store(self.pinned.pop(1), tick, floor)
            self.pinned.append(new)

    def _store(self, new: list[Slot], tick: int, floor: int) -> None:
        num_free = min(len(new), self.capacity - len(self.lfu))
        waiting = list(range(len(self.lfu)))
        places = []
        for _ in range(len(new) - num_free):
            place = self._next_to_go(waiting, tick, floor)
            waiting.remove(place)
            places.append(place)
        for place, slot in zip(places, new[num_free:], strict=True):
            self.lfu[place] = slot
        self.lfu += new[:num_free]

    def _next_to_go(self, waiting: list[int], tick: int, floor: int) -> int:
        owners = [self.lfu[place].owner for place in waiting]

        def rank(place: int) -> tuple:
            slot = self.lfu[place]
            is_protected = slot.owner >= 0 and owners.count(slot.owner) <= floor
            return is_protected, slot.score(tick), slot.birth, place

        return min(waiting, key=rank)
