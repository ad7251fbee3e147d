"""From a recipe's optimiser to torch's, and the rate of each step."""

from __future__ import annotations

import torch
from torch import nn

from vostool.training.recipe import Optimiser


def build_optimiser(network: nn.Module, recipe: Optimiser, device: torch.device) -> torch.optim.Adam:
    """Adam over what is to be trained, the backbone and the rest with rates of their own.

    Args:
        network: As its class makes it, on the device. What needs no gradient stays as it is; of a network that was
            loaded for inference that is everything.
        recipe: What it freezes needs no gradient from here on.
    """
    backbone: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(parameter.requires_grad and not name.startswith(recipe.frozen))
        if parameter.requires_grad:
            (backbone if name.startswith(recipe.backbone) else rest).append(parameter)
    assert backbone or rest, "no parameter of the network needs a gradient"
    backbone_rate = recipe.learning_rate if recipe.backbone_rate is None else recipe.backbone_rate
    rates = ((rest, recipe.learning_rate), (backbone, backbone_rate))
    groups = [{"params": each, "lr": rate, "initial_lr": rate} for each, rate in rates if each]
    kind = torch.optim.AdamW if recipe.name == "adamw" else torch.optim.Adam
    return kind(groups, weight_decay=recipe.weight_decay, fused=True if device.type == "cuda" else None)


def set_rate(optimiser: torch.optim.Optimizer, recipe: Optimiser, step: int, num_steps: int) -> float:
    """Sets the rates of a step, counted from 0, and gives that of what is not the backbone."""
    factor = rate_factor(recipe, step, num_steps)
    for group in optimiser.param_groups:
        group["lr"] = group["initial_lr"] * factor
    return recipe.learning_rate * factor


def rate_factor(recipe: Optimiser, step: int, num_steps: int) -> float:
    """Share of the peak rates: a linear warm-up times the schedule."""
    warmup = min(1.0, (step + 1) / recipe.warmup_steps) if recipe.warmup_steps else 1.0
    return warmup * recipe.rate.at(step / num_steps)
