"""Fine-tuning a network on the first frame of the clip that it is about to segment.

On clips imagined from that frame (``frame_clips.py``), for a copy of the network: by it RGMP, section 4.3, gains 0.9
points of J on DAVIS-2016, and SCM (DAVIS 2020) counts it among its tricks.

Shapes: H, W source size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from vostool.datasets.augmentation import ClipShape
from vostool.datasets.library import Still
from vostool.errors import VostoolError
from vostool.propagation.device import computing
from vostool.propagation.preprocess import Canvas, plan_geometry, preprocess_image, preprocess_masks
from vostool.systems import System
from vostool.training.frame_clips import FrameClips
from vostool.training.optimiser import build_optimiser, set_rate
from vostool.training.papers import first_frame
from vostool.training.recipe import Recipe
from vostool.training.trainee import Trainee


def finetune_on_frame(
    system: System,
    network: Any,
    image: np.ndarray,
    labels: np.ndarray,
    device: torch.device,
    recipe: Recipe | None = None,
    on_step: Callable[[int, float], None] | None = None,
    *,
    short_side: int | None = None,
) -> Any:
    """A copy of a network that knows the objects of a frame better.

    Args:
        system: That the network is of.
        network: On the device; it stays as it is.
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8, 0 background, otherwise any ids.
        recipe: None for ``papers.first_frame()``. Its crop is made smaller where the frame is.
        on_step: Called after each step with the number of steps done and the loss.
        short_side: Of the picture that the network will see, in pixels; the frame is never scaled up.

    Returns:
        The copy, in evaluation mode, without gradients.

    Raises:
        MaskError: The objects are too small to see them on any crop.
        VostoolError: The loss is no longer finite.
    """
    recipe = replace(recipe or first_frame(), system=system.name)
    clips = _make_clips(system, image, labels, device, recipe, short_side)
    tuned = _trainable_copy(network)
    trainee = Trainee(system, tuned, recipe)
    optimiser = build_optimiser(tuned, recipe.optimiser, device)
    for step in range(recipe.num_steps):
        loss = _take_step(trainee, clips, optimiser, recipe, step, device)
        if on_step is not None:
            on_step(step + 1, loss)
    return tuned.eval().requires_grad_(False)


def _trainable_copy(network: Any) -> Any:
    """Batch norm stays as it is, as in the papers' own training."""
    tuned = deepcopy(network).float().requires_grad_(True)
    for module in tuned.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.requires_grad_(False)
    return tuned


def _make_clips(
    system: System, image: np.ndarray, labels: np.ndarray, device: torch.device, recipe: Recipe, short_side: int | None
) -> FrameClips:
    still = _scale(image, labels, device, short_side)
    canvas = Canvas(system.conventions.canvas.stride)
    height, width = (
        min(most, canvas.padded(there)) for most, there in zip(recipe.crop, still.labels.shape, strict=True)
    )
    shape = ClipShape(recipe.num_frames, height, width, recipe.max_objects)
    return FrameClips(still, recipe.augmentation, shape)


def _scale(image: np.ndarray, labels: np.ndarray, device: torch.device, short_side: int | None) -> Still:
    """The frame as the network will see it, but for the padding; its ids are 1..k."""
    geometry = plan_geometry((labels.shape[0], labels.shape[1]), short_side, Canvas(stride=1))
    pixels = preprocess_image(image, geometry, device)[0].mul(255.0).round().clamp(0.0, 255.0).to(torch.uint8)
    masks = preprocess_masks(labels, np.unique(labels[labels > 0]).tolist(), geometry, device)
    beside = torch.full_like(masks[:1], 0.5)
    return Still("the first frame", pixels, torch.cat([beside, masks]).argmax(dim=0).to(torch.uint8))


def _take_step(
    trainee: Trainee,
    clips: FrameClips,
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
    step: int,
    device: torch.device,
) -> float:
    """One step on clips of the step's own; returns the loss."""
    set_rate(optimiser, recipe.optimiser, step, recipe.num_steps)
    batch = clips.draw_batch([np.random.default_rng((recipe.seed, step, clip)) for clip in range(recipe.batch_size)])
    precision = torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32
    with computing(device, precision):
        loss = trainee(batch, step / recipe.num_steps, step)["loss"]
    if not math.isfinite(loss.item()):
        raise VostoolError(
            f"fine-tuning on the first frame failed at step {step + 1}: the loss is {loss.item()}",
            "leave out --finetune-first-frame",
        )
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    if recipe.optimiser.gradient_clip is not None:
        torch.nn.utils.clip_grad_norm_(trainee.parameters(), recipe.optimiser.gradient_clip)
    optimiser.step()
    return float(loss.item())
