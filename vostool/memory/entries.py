"""The records of the memory: what is written, how it lies in a bank, what a read gives.

Shapes: R key rows (1 where all objects share their keys, K where each has its own), K objects, N slots,
P positions of one frame at stride 16, Q queries, C key channels, V value channels of one object;
a group g of K_g objects has R_g rows of W_g = K_g * V / R_g value columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

NEVER_WRITTEN = -1
NO_OWNER = -1


@dataclass(frozen=True)
class MemoryEntry:
    """One frame, as a network encodes it for the memory.

    Attributes:
        key: (R, C, P).
        value: (K, V, P), the objects in the order in which they came.
        owner: (R, P) or (1, P) integers: the object that most of a position belongs to, -1 for the background;
            None if it is not known.
    """

    key: Tensor
    value: Tensor
    owner: Tensor | None = None


@dataclass(frozen=True)
class MemoryRead:
    """What a read gives back.

    Attributes:
        value: (K, V, Q).
        usage: (R, N) float32, what the read adds to the index of each slot; None if the bank does not count.
    """

    value: Tensor
    usage: Tensor | None = None


@dataclass(frozen=True)
class ObjectGroup:
    """Objects ``first .. first + num_objects - 1``, which were all born on frame ``birth``."""

    birth: int
    first: int
    num_objects: int

    @property
    def objects(self) -> slice:
        """Where the group's objects are among all objects."""
        return slice(self.first, self.first + self.num_objects)


@dataclass
class Slots:
    """Memory slots in the order in which a read wants them: one slot after the other, channels innermost.

    Attributes:
        keys: (R, N, C).
        values: For each group (R_g, N, W_g); the columns of one row are the group's objects, one after the other.
        births: (R, N) int64, the frame on which a slot was written; -1 for a slot that only fills a row.
        generations: (R, N) int64, how many groups there were when the slot was written. A slot says something
            about group g only if g < generation: before, the group's objects were unknown, not absent.
        owners: (R, N) int64, which of its row's objects a slot belongs to, -1 for none of them.
        index: (R, N) float32, how much a slot has been used.
    """

    keys: Tensor
    values: list[Tensor]
    births: Tensor
    generations: Tensor
    owners: Tensor
    index: Tensor

    @property
    def num_rows(self) -> int:
        """R."""
        return self.keys.shape[0]

    @property
    def num_slots(self) -> int:
        """N."""
        return self.keys.shape[1]

    @property
    def num_bytes(self) -> int:
        """Bytes of all tensors."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.tensors())

    def tensors(self) -> list[Tensor]:
        """All tensors, each with the slots along its second axis; the values come last."""
        return [self.keys, self.births, self.generations, self.owners, self.index, *self.values]

    @classmethod
    def of(cls, tensors: list[Tensor]) -> Slots:
        """The way back from ``tensors``."""
        keys, births, generations, owners, index, *values = tensors
        return cls(keys, values, births, generations, owners, index)

    def part(self, piece: slice) -> Slots:
        """A view of some of the slots."""
        return Slots.of([tensor[:, piece] for tensor in self.tensors()])

    def clone(self) -> Slots:
        """A copy in memory of its own."""
        return Slots.of([tensor.clone() for tensor in self.tensors()])

    def copy(self, device: torch.device | str) -> Slots:
        """A copy in memory of its own on a device, laid out alike."""
        return Slots.of([tensor.detach().to(device, copy=True) for tensor in self.tensors()])

    def chosen(self, is_chosen: Tensor) -> Slots:
        """A copy of the slots that a mask (N,) is true for."""
        return Slots.of([tensor[:, is_chosen] for tensor in self.tensors()])

    def put(self, new: Slots, start: int) -> None:
        """Write ``new`` in place, from slot ``start`` on."""
        for tensor, source in zip(self.tensors(), new.tensors(), strict=True):
            tensor[:, start : start + source.shape[1]] = source

    def scatter(self, new: Slots, places: Tensor, groups: list[ObjectGroup]) -> None:
        """Write ``new`` in place, each row to its own slots ``places`` (R, N of new)."""
        group_rows = [self.rows_of(group) for group in groups]
        num_shared = len(self.tensors()) - len(self.values)
        all_rows = [slice(0, self.num_rows)] * num_shared + group_rows
        for tensor, source, rows in zip(self.tensors(), new.tensors(), all_rows, strict=True):
            row_numbers = torch.arange(tensor.shape[0], device=tensor.device).unsqueeze(1)
            tensor[row_numbers, places[rows]] = source.to(tensor.dtype)

    def rows_of(self, group: ObjectGroup) -> slice:
        """The key rows that a group's objects are read with."""
        if len(self.values) == 1 or self.num_rows == 1:
            return slice(0, self.num_rows)
        return group.objects


def join(parts: list[Slots]) -> Slots:
    """Concatenate along the slots; all parts know the same groups."""
    if len(parts) == 1:
        return parts[0]
    return Slots.of([torch.cat(same, dim=1) for same in zip(*(part.tensors() for part in parts), strict=True)])


def lay_out(entry: MemoryEntry, groups: list[ObjectGroup], tick: int) -> Slots:
    """Turn an entry into slots, differentiably."""
    num_rows, _, num_positions = entry.key.shape
    num_objects = sum(group.num_objects for group in groups)
    assert entry.value.shape[0] == num_objects, f"{entry.value.shape[0]} values for {num_objects} objects"
    assert num_objects % num_rows == 0
    assert len(groups) == 1 or num_rows in (1, num_objects)
    births = torch.full((num_rows, num_positions), tick, dtype=torch.int64, device=entry.key.device)
    generations = torch.full_like(births, len(groups))
    index = torch.zeros_like(births, dtype=torch.float32)
    slots = Slots(entry.key.transpose(1, 2), [], births, generations, _owners(entry, births), index)
    for group in groups:
        rows = num_rows if len(groups) == 1 or num_rows == 1 else group.num_objects
        slots.values.append(_columns(entry.value[group.objects], rows))
    return slots


def _owners(entry: MemoryEntry, births: Tensor) -> Tensor:
    """Owners as each row counts its objects: a row of its own has one, number 0."""
    if entry.owner is None:
        return torch.full_like(births, NO_OWNER)
    owners = entry.owner.to(births).expand_as(births)
    if births.shape[0] == 1:
        return owners
    own = torch.arange(births.shape[0], device=births.device).unsqueeze(1)
    return torch.where(owners == own, 0, NO_OWNER)


def _columns(value: Tensor, num_rows: int) -> Tensor:
    """(K_g, V, P) -> (R_g, P, W_g)."""
    _, num_channels, num_positions = value.shape
    by_row = value.reshape(num_rows, -1, num_channels, num_positions)
    return by_row.permute(0, 3, 1, 2).reshape(num_rows, num_positions, -1)


def objects_first(readout: Tensor, group: ObjectGroup) -> Tensor:
    """(R_g, Q, W_g) -> (K_g, V, Q), the way back for what was read."""
    num_rows, num_queries, _ = readout.shape
    by_object = readout.reshape(num_rows, num_queries, group.num_objects // num_rows, -1)
    return by_object.permute(0, 2, 3, 1).reshape(group.num_objects, -1, num_queries)


def widen(slots: Slots, groups: list[ObjectGroup], num_rows: int) -> Slots:
    """Make room for the groups that came after the slots were written; where they have rows, these are hidden."""
    if len(slots.values) == len(groups) and slots.num_rows == num_rows:
        return slots
    num_channels = slots.values[0].shape[0] * slots.values[0].shape[2] // groups[0].num_objects
    values = list(slots.values)
    for group in groups[len(slots.values) :]:
        rows = 1 if num_rows == 1 else group.num_objects
        values.append(values[0].new_zeros(rows, slots.num_slots, group.num_objects // rows * num_channels))
    fills = (0, NEVER_WRITTEN, 0, NO_OWNER, 0)
    padded = (_pad_rows(tensor, num_rows, fill) for tensor, fill in zip(slots.tensors(), fills, strict=False))
    return Slots.of([*padded, *values])


def _pad_rows(tensor: Tensor, num_rows: int, fill: int) -> Tensor:
    """Append rows that hold nothing but ``fill``."""
    num_new_rows = num_rows - tensor.shape[0]
    if num_new_rows == 0:
        return tensor
    return torch.cat([tensor, tensor.new_full((num_new_rows, *tensor.shape[1:]), fill)])
