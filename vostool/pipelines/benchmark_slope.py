"""Whether a figure grows over a long clip: the slope of block medians, with a confidence interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Of the frames, while caches, threads and the memory fill; and the blocks that the rest is cut into at most.
WARM_UP_SHARE, NUM_BLOCKS = 0.1, 200
# Below, an interval says nothing.
MIN_BLOCKS = 5
# 97.5 % of the normal distribution.
NORMAL_QUANTILE = 1.959964


@dataclass(frozen=True)
class Slope:
    """Growth of a figure.

    Attributes:
        level: Median over all blocks.
        per_thousand: Growth in 1000 frames, in the figure's own unit.
        low, high: Ends of its 95 % confidence interval.
    """

    level: float
    per_thousand: float
    low: float
    high: float


class BlockSeries:
    """Takes a figure for each frame and keeps the medians of blocks, so that measuring takes no memory to speak of.

    Attributes:
        points: (number of the middle frame, median) of each full block.
    """

    def __init__(self, block_length: int) -> None:
        self.points: list[tuple[float, float]] = []
        self._length = max(1, block_length)
        self._block: list[float] = []
        self._num_taken = 0

    def add(self, value: float) -> None:
        """The next frame's."""
        self._block.append(value)
        self._num_taken += 1
        if len(self._block) == self._length:
            self.points.append((self._num_taken - (self._length + 1) / 2, float(np.median(self._block))))
            self._block.clear()


def fit_slope(points: Sequence[tuple[float, float]], num_warm_up: int) -> Slope | None:
    """Least squares through block medians; None with too few of them.

    Args:
        points: (frame, value).
        num_warm_up: Frames at the start that are left out.
    """
    kept = np.array([point for point in points if point[0] >= num_warm_up])
    if len(kept) < MIN_BLOCKS:
        return None
    frames, values = kept[:, 0] - kept[:, 0].mean(), kept[:, 1]
    spread = float((frames**2).sum())
    slope = float((frames * values).sum()) / spread
    residuals = values - values.mean() - slope * frames
    freedom = len(kept) - 2
    half = student_quantile(freedom) * math.sqrt(float((residuals**2).sum()) / freedom / spread)
    level = float(np.median(values))
    return Slope(level, slope * 1000, (slope - half) * 1000, (slope + half) * 1000)


def student_quantile(freedom: int) -> float:
    """97.5 % of Student's t distribution, by the expansion about the normal one (Abramowitz and Stegun, 26.7.5)."""
    z = NORMAL_QUANTILE
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, start=1))
