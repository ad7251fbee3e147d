"""A small ``lite`` network and its weights file, so that tests run in a moment and need no shipped checkpoint."""

from __future__ import annotations

from pathlib import Path

import torch

from vostool.models.lite import LiteConfig, LiteNetwork
from vostool.weights.save import save_weights

TINY = LiteConfig(key_channels=16, learned_channels=8, decoder_channels=(16, 8, 8))


def tiny_network(seed: int = 0) -> LiteNetwork:
    """Random but always the same weights, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LiteNetwork(TINY).eval().requires_grad_(False)


def save_tiny_weights(path: Path, seed: int = 0) -> Path:
    """Writes them as a checkpoint."""
    save_weights(path, "lite", tiny_network(seed).state_dict(), TINY, {"made": "at random"})
    return path
