"""Random numbers of a step, which follow from what the step is and not from what went before it."""

from __future__ import annotations

import numpy as np
import torch

# Keeps the network's random numbers apart from those that the clips are drawn with.
NETWORK_STREAM = 1


def clip_generators(seed: int, step: int, first_clip: int, num_clips: int) -> list[torch.Generator]:
    """One generator on the CPU for each of the clips ``first_clip`` ... of a step, whichever process trains on it."""
    words = (np.random.SeedSequence((seed, step, first_clip + index, NETWORK_STREAM)) for index in range(num_clips))
    seeds = (int(word.generate_state(1, np.uint64)[0] >> np.uint64(1)) for word in words)
    return [torch.Generator().manual_seed(each) for each in seeds]
