"""Tiny clips and networks for the tests of what is learned from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from vostool.systems import SYSTEMS
from vostool.training.batch import ClipBatch
from vostool.training.recipe import Losses, Previous, Recipe

SIDE = 64
# Sizes with which the systems stay themselves and are quick to make; the published ones where there is no choice.
CONFIGS: dict[str, dict[str, Any]] = {
    "lite": {"key_channels": 16, "learned_channels": 8, "decoder_channels": (16, 8, 8)},
    "scm": {"num_blocks": (1, 1, 1), "embedding_channels": 32, "refinement_channels": 8},
}
RECIPE = Recipe("tiny", "", "tests", num_steps=10, batch_size=2)


def make_network(name: str, seed: int = 0) -> Any:
    """A system's network, its initial weights larger so that its masks and its memory matter."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        network: nn.Module = SYSTEMS[name].make_network(CONFIGS.get(name, {}))
        for weight in (parameter for parameter in network.parameters() if parameter.ndim > 1):
            # What starts at zero, as refinements do, hides what is before it.
            weight.copy_(1.6 * weight if weight.any() else 0.05 * torch.randn_like(weight))
    return network.eval()


def make_batch(*num_objects: int, num_frames: int = 3, side: int = SIDE) -> ClipBatch:
    """Clips of noise with so many bright rectangles each, which move; priors are the labels of the frame before."""
    generator = torch.Generator().manual_seed(0)
    frames = 0.4 * torch.rand(len(num_objects), num_frames, 3, side, side, generator=generator)
    labels = torch.zeros(len(num_objects), num_frames, side, side, dtype=torch.int64)
    for clip, count in enumerate(num_objects):
        for number in range(1, count + 1):
            for index in range(num_frames):
                place = _place(number, index, clip)
                frames[(clip, index, slice(None), *place)] += torch.tensor([0.5, 0.1, 0.3]).roll(number)[:, None, None]
                labels[(clip, index, *place)] = number
    priors = labels.roll(1, dims=1)
    priors[:, 0] = labels[:, 0]
    return ClipBatch(frames.clamp(max=1.0), labels, priors, tuple(f"clip{clip}" for clip in range(len(num_objects))))


def _place(number: int, index: int, clip: int) -> tuple[slice, slice]:
    """Objects in a row below each other, those of later clips further right."""
    top, left = 20 * number - 18, 4 + 6 * index + 8 * clip
    return slice(top, top + 16), slice(left, left + 20)


def make_recipe(losses: Losses | None = None, **previous: float) -> Recipe:
    return replace(RECIPE, losses=losses or Losses(), previous=Previous(**previous))


def make_generators(count: int, first: int = 0) -> list[torch.Generator]:
    """One of its own for each clip, by its number."""
    return [torch.Generator().manual_seed(100 + first + index) for index in range(count)]
