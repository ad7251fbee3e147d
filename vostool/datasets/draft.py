"""A training clip in the making.

Shapes: T frames of H, W.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from vostool.datasets.subjects import Subject


@dataclass(frozen=True)
class Draft:
    """A clip whose ids may be missing from its first frame, and whose colours are those of its sources.

    Attributes:
        frames: (T, 3, H, W) float32 RGB in 0..1.
        labels, priors: (T, H, W) uint8.
        num_objects: Highest id given so far.
        name: Where it came from.
        subject: Its first object, as it lies in the library.
    """

    frames: Tensor
    labels: Tensor
    priors: Tensor
    num_objects: int
    name: str
    subject: Subject
