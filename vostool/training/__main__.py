"""``python -m vostool.training --data FOLDER --out FOLDER``: trains ``lite`` by a named recipe."""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from pathlib import Path

import torch

from vostool.errors import VostoolError
from vostool.models.lite import LiteConfig, LiteNetwork
from vostool.propagation.baselines.features import load_backbone
from vostool.training.recipes import RECIPES
from vostool.training.sources import load_mixture
from vostool.training.stage import Stage
from vostool.weights.load import apply_weights, load_weights


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m vostool.training", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with davis2016-train, stills, cutouts, backgrounds"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--recipe", choices=sorted(RECIPES), default="lite-first")
    parser.add_argument("--steps", type=int, help="number of steps instead of the recipe's")
    parser.add_argument("--seed", type=int, help="instead of the recipe's: another run must not draw the same clips")
    start = parser.add_mutually_exclusive_group(required=True)
    start.add_argument("--backbone", type=Path, help="ImageNet ResNet-18 with folded batch norm, safetensors")
    start.add_argument("--from", dest="start", type=Path, help="checkpoint of an earlier run")
    start.add_argument("--resume", action="store_true", help="go on from the state in --out")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads, 0 for torch's choice")
    return parser.parse_args()


def main() -> None:
    """Trains from ImageNet features, from a checkpoint, or from where a run was stopped."""
    options = _parse()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if options.threads:
        torch.set_num_threads(options.threads)
    recipe = RECIPES[options.recipe](**({"num_steps": options.steps} if options.steps else {}))
    if options.seed is not None:
        recipe = replace(recipe, seed=options.seed)
    torch.manual_seed(recipe.seed)
    stage = Stage(_make_network(options), recipe, options.out)
    if options.resume:
        stage.resume()
    stage.run(load_mixture(options.data, recipe.zoom))


def _make_network(options: argparse.Namespace) -> LiteNetwork:
    """With the weights to start from, where any were named."""
    if options.start:
        weights = load_weights(options.start, "lite")
        network = LiteNetwork(LiteConfig.from_dict(weights.config))
        apply_weights(network, weights)
        return network
    network = LiteNetwork()
    if options.backbone:
        network.backbone.load_state_dict(load_backbone(options.backbone).state_dict())
    return network


if __name__ == "__main__":
    try:
        main()
    except VostoolError as error:
        raise SystemExit(f"vostool: error: {error}") from None
