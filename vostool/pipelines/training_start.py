"""The network that a run begins with, trainable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from vostool.errors import UsageError, WeightsError
from vostool.pipelines.recipe_choice import is_random
from vostool.pipelines.training_options import RANDOM_START
from vostool.systems import System, make_network
from vostool.weights.backbone import apply_backbone
from vostool.weights.load import apply_weights, load_weights
from vostool.weights.store import find_weights


def make_start(system: System, start: Path | None, backbones: Sequence[Path], seed: int) -> tuple[Any, str]:
    """A network in evaluation mode, its parameters as its class makes them, and where its weights came from.

    Args:
        start: Weights to go on from, ``random``, or None for the system's own.
        backbones: ImageNet weights for the encoders of a network that is random otherwise.
        seed: Of random weights.

    Raises:
        UsageError: Weights and a backbone are given.
        WeightsError: A file is missing or does not fit.
    """
    if backbones and start is not None and not is_random(start):
        raise UsageError("both --from and --backbone are given", "a backbone is for a start from random weights")
    if not backbones and not is_random(start):
        return _load(system, _find(system, start))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = system.make_network({}).eval()
    filled = [f"{path} in {', '.join(apply_backbone(network, path))}" for path in backbones]
    return network, "; ".join([RANDOM_START, *filled])


def load_run_weights(system: System, path: Path) -> Any:
    """The network of a file that a run wrote, trainable."""
    return _load(system, path)[0]


def _find(system: System, start: Path | None) -> Path:
    try:
        return find_weights(system.name, start, "--from")
    except WeightsError as error:
        if start is not None:
            raise
        hint = "name a file with --from, ImageNet weights with --backbone, or train anew with --from random"
        raise WeightsError(error.message, hint, code=error.code) from None


def _load(system: System, path: Path) -> tuple[Any, str]:
    """Not by ``load_network``, after which nobody knows what the class itself would not train (RGMP's batch norms)."""
    loaded = load_weights(path, system.name)
    network = make_network(system, loaded)
    apply_weights(network, replace(loaded, tensors=dict(system.adapt(loaded.tensors))))
    return network.eval(), str(path)
