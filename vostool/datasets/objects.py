"""Which objects a mask holds, how large they are and where: found once for each mask and kept.

Shapes: H, W size of a mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from vostool.datasets.clip import MAX_IDS

# An object of a still covers this share of it at least and at most; beyond, the other side is the better object.
STILL_SHARES = (0.01, 0.8)
Item = TypeVar("Item")


@dataclass(frozen=True)
class ObjectBox:
    """One object of a mask.

    Attributes:
        object_id: Its id there.
        share: Share of the pixels of the mask that it covers.
        centre: Mean of its pixels' positions, (x, y).
        low, high: Corners of the box around it, (x, y).
    """

    object_id: int
    share: float
    centre: tuple[float, float]
    low: tuple[float, float]
    high: tuple[float, float]

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height of the box in pixels."""
        return self.high[0] - self.low[0], self.high[1] - self.low[1]


def union_of(boxes: Sequence[ObjectBox]) -> ObjectBox:
    """The box around several objects; its centre is the middle of the box."""
    low = (min(box.low[0] for box in boxes), min(box.low[1] for box in boxes))
    high = (max(box.high[0] for box in boxes), max(box.high[1] for box in boxes))
    middle = ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2)
    return ObjectBox(0, sum(box.share for box in boxes), middle, low, high)


class ObjectIndex:
    """The objects of masks, looked up once: on a GPU each look costs a wait."""

    def __init__(self) -> None:
        # The masks are kept, so that their identities stay theirs.
        self._found: dict[int, tuple[Tensor, tuple[ObjectBox, ...]]] = {}

    def find(self, labels: Tensor) -> tuple[ObjectBox, ...]:
        """The objects of a (H, W) uint8 mask, by rising id."""
        known = self._found.get(id(labels))
        if known is None:
            known = self._found[id(labels)] = (labels, find_objects(labels.cpu().numpy()))
        return known[1]


def find_objects(labels: np.ndarray) -> tuple[ObjectBox, ...]:
    """The objects of a (H, W) uint8 mask, by rising id."""
    counts = np.bincount(labels.ravel(), minlength=MAX_IDS)
    return tuple(_find_object(labels == index, index) for index in range(1, MAX_IDS) if counts[index])


def choose_objects(
    boxes: Sequence[ObjectBox], max_objects: int, generator: np.random.Generator, shares: tuple[float, float]
) -> tuple[ObjectBox, ...]:
    """Some of the objects whose share of the mask lies in ``shares``, in random order."""
    usable = [box for box in boxes if shares[0] <= box.share <= shares[1]]
    return tuple(usable[index] for index in generator.permutation(len(usable))[:max_objects])


def renumber(labels: Tensor, boxes: Sequence[ObjectBox]) -> Tensor:
    """Labels, uint8, in which the objects of the boxes are 1, 2, ... and all else is background."""
    masks = ((labels == box.object_id).to(torch.uint8) * new_id for new_id, box in enumerate(boxes, start=1))
    return torch.stack(tuple(masks)).sum(dim=0, dtype=torch.uint8) if len(boxes) > 1 else next(masks)


def pick(items: Sequence[Item], generator: np.random.Generator) -> Item:
    """One of them, each as likely."""
    return items[int(generator.integers(len(items)))]


def _find_object(mask: np.ndarray, object_id: int) -> ObjectBox:
    columns, rows = mask.sum(axis=0), mask.sum(axis=1)
    spans = [np.flatnonzero(counts)[[0, -1]] for counts in (columns, rows)]
    centre = [float(np.average(np.arange(len(counts)) + 0.5, weights=counts)) for counts in (columns, rows)]
    return ObjectBox(
        object_id,
        float(rows.sum()) / mask.size,
        (centre[0], centre[1]),
        (float(spans[0][0]), float(spans[1][0])),
        (float(spans[0][1]) + 1.0, float(spans[1][1]) + 1.0),
    )
