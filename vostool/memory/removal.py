"""In which order the slots of a memory of fixed size make room.

Shapes: see entries.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vostool.memory.entries import Slots


def lfu_scores(slots: Slots, tick: int) -> Tensor:
    """Index over age (R, N), the age at least 1. Slots that only fill a row have index 0 and come before all others."""
    return slots.index / (tick - slots.births).clamp(min=1)


def removal_order(scores: Tensor, slots: Slots, num_owners: int, num_kept: int) -> Tensor:
    """In which order slots make room: the lowest score first, among equals the oldest, then the lowest place.

    Args:
        scores: (R, N).
        slots: Of which births and owners count.
        num_owners: How many objects a row has.
        num_kept: The best so many slots of each owner come after all that are not protected in this way.

    Returns:
        (R, N) int64, places in ``slots``.
    """
    order = slots.births.argsort(dim=1, stable=True)
    order = order.gather(1, scores.gather(1, order).argsort(dim=1, stable=True))
    if num_kept == 0:
        return order
    is_kept = _are_last(slots.owners.gather(1, order), num_owners, num_kept)
    return order.gather(1, is_kept.byte().argsort(dim=1, stable=True))


def _are_last(owners: Tensor, num_owners: int, count: int) -> Tensor:
    """Which entries of (R, N) are among the last ``count`` of their owner."""
    numbers = torch.arange(num_owners, device=owners.device)
    is_owner = (owners.unsqueeze(2) == numbers).flip(1)
    places_from_end = is_owner.cumsum(dim=1)
    return (is_owner & (places_from_end <= count)).any(dim=2).flip(1)
