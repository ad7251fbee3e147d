"""Training recipes: functions that return frozen numbers, saved with every checkpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Recipe:
    """All numbers of one training run.

    Attributes:
        num_steps: Optimiser steps; the learning rate follows a half cosine over them, after ``warmup_steps``.
        batch_size: Clips per step.
        num_frames: Frames per clip, the first one annotated.
        side: Side of the square crops in pixels, a multiple of 16.
        learning_rate, backbone_learning_rate: Peak rates of AdamW.
        frozen: Prefixes of parameter names that are not trained.
        max_gap: Largest gap between two frames of a video clip, at the start and at the end of the run.
        zoom: Smallest and largest factor from the pixels of a video to those of a crop.
        video_share, still_share: Shares of clips from real video and from whole stills; the rest are composites.
        second_object: Probability that a clip gets a second object pasted on.
        prior_dropout: Probability that the decoder is not told the previous mask at a step.
        hard_pixels: Share of pixels, hardest first, that the cross-entropy counts, at the start and at the end.
        dice_weight: Weight of the Dice loss beside the cross-entropy.
        ema_decay: Decay of the average of the weights that is saved.
        seed: Of all random numbers.
    """

    num_steps: int
    batch_size: int = 6
    num_frames: int = 3
    side: int = 192
    learning_rate: float = 4e-4
    backbone_learning_rate: float = 4e-5
    weight_decay: float = 1e-4
    warmup_steps: int = 40
    gradient_clip: float = 2.0
    frozen: tuple[str, ...] = ("backbone.conv1", "backbone.layer1", "backbone.layer2")
    max_gap: tuple[int, int] = (4, 20)
    zoom: tuple[float, float] = (0.45, 1.0)
    video_share: float = 0.5
    still_share: float = 0.25
    second_object: float = 0.3
    prior_dropout: float = 0.35
    hard_pixels: tuple[float, float] = (1.0, 0.4)
    dice_weight: float = 0.5
    ema_decay: float = 0.997
    seed: int = 0

    def to_dict(self) -> dict[str, object]:
        """Plain values, for the metadata of a checkpoint."""
        return asdict(self)


def lite_first(num_steps: int = 1500) -> Recipe:
    """From ImageNet features: small crops, early layers frozen."""
    return Recipe(num_steps=num_steps)


def lite_restart(num_steps: int = 500) -> Recipe:
    """A warm restart on larger crops and longer clips, with a lower rate."""
    return Recipe(
        num_steps=num_steps,
        batch_size=4,
        num_frames=4,
        side=256,
        learning_rate=1.5e-4,
        backbone_learning_rate=2e-5,
        frozen=("backbone.conv1", "backbone.layer1"),
        max_gap=(15, 10),
        zoom=(0.55, 1.1),
        video_share=0.6,
        still_share=0.15,
        hard_pixels=(0.5, 0.3),
        seed=1,
    )


RECIPES = {"lite-first": lite_first, "lite-restart": lite_restart}
