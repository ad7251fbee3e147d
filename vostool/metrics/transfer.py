"""Transfer error, JumpCut's measure: how wrong a mask is some frames after the key frame that it was carried on from.

S004 (RGMP, CVPR 2018), Table 4: key frames 0, 16, ..., 96; the ratio of the wrongly classified area to the area of the
object, at the end of each transfer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

DISTANCES = (8, 16, 32)
KEY_FRAMES = tuple(range(0, 97, 16))


def transfer_error(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Wrongly classified pixels per pixel of the object.

    Args:
        prediction: HxW bool.
        truth: HxW bool, of the same shape, not empty.

    Returns:
        0 for equal masks, 1 for an empty prediction; may be more than 1.
    """
    assert prediction.shape == truth.shape
    assert prediction.dtype == truth.dtype == np.bool_
    return int(np.count_nonzero(prediction ^ truth)) / int(np.count_nonzero(truth))


@dataclass(frozen=True, slots=True)
class SequenceTransfer:
    """Errors of one sequence.

    Attributes:
        name: Of the sequence.
        errors: By distance in frames, one for each key frame whose transfer ends within the sequence.
        num_missing: Transfers without a prediction, which count as empty.
    """

    name: str
    errors: Mapping[int, tuple[float, ...]]
    num_missing: int = 0

    def mean(self, distance: int) -> float | None:
        """Mean over the key frames; None if the sequence is too short."""
        errors = self.errors[distance]
        return float(np.mean(errors)) if errors else None

    def to_dict(self) -> dict[str, object]:
        """Means by distance."""
        return {**{f"d={each}": self.mean(each) for each in DISTANCES}, "missing_frames": self.num_missing}


@dataclass(frozen=True, slots=True)
class TransferScores:
    """Errors of several sequences; the figures over all are means over the sequences."""

    sequences: tuple[SequenceTransfer, ...]

    def mean(self, distance: int) -> float | None:
        """Mean over the sequences that are long enough; None if none is."""
        means = [mean for each in self.sequences if (mean := each.mean(distance)) is not None]
        return float(np.mean(means)) if means else None

    def to_dict(self) -> dict[str, object]:
        """Means by distance over all, and of each sequence, at full precision."""
        sequences = {each.name: each.to_dict() for each in self.sequences}
        return {**{f"d={each}": self.mean(each) for each in DISTANCES}, "sequences": sequences}
