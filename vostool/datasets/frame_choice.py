"""Which frames of a video a clip shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vostool.datasets.augmentation import ClipShape


def choose_frames(
    annotated: Sequence[int], shape: ClipShape, generator: np.random.Generator, *, reverse: bool
) -> list[int]:
    """Frame numbers with random gaps of at most ``max_gap`` frames, or of one mask where these stand further apart.

    A video with fewer masks than frames are asked for shows some of them again.
    """
    number, steps = len(annotated), shape.num_frames - 1
    spacing = max(1, round((annotated[-1] - annotated[0]) / max(1, number - 1)))
    longest = min(max(1, shape.max_gap // spacing), (number - 1) // max(1, steps))
    if longest < 1:
        places = np.sort(generator.integers(0, number, shape.num_frames))
    else:
        gaps = generator.integers(1, longest + 1, steps)
        places = int(generator.integers(0, number - gaps.sum())) + np.concatenate(([0], np.cumsum(gaps)))
    chosen = [annotated[index] for index in places]
    return chosen[::-1] if reverse else chosen
