"""All numbers of a training run, as frozen data: printed by ``--show-recipe`` and saved in the checkpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from vostool.datasets.augmentation import Augmentation
from vostool.training.schedule import ALWAYS_ONE, Schedule

DEFAULT_AUGMENTATION = Augmentation()
OptimiserName = Literal["adam", "adamw"]


@dataclass(frozen=True)
class Sources:
    """Shares of the clips of a batch by where they come from; together 1. Sources that the data lack are left out.

    Attributes:
        video: Frames of real video.
        still: Stills moved as a whole (STM, section 3.5; RGMP, strategy 1).
        composite: Objects pasted on backgrounds, each moving on its own (RGMP, section 3.2, strategy 2).
        video_still: Single frames of video moved as stills are (STM-refinements, section 2).
    """

    video: float = 0.0
    still: float = 0.0
    composite: float = 0.0
    video_still: float = 0.0


@dataclass(frozen=True)
class Losses:
    """Terms of the loss of one frame, on aggregated logits.

    Attributes:
        hard_pixels: Share of the pixels, the hardest first, that the cross-entropy counts (bootstrapping, as STCN).
        dice: Weight of the Dice loss.
        iou: Weight of the soft IoU loss (SCM, section 2.2).
        coarse: Weight of the cross-entropy of what a network says before its refinement (SCM).
        heads: Weight of the cross-entropy of each deep head (RGMP has heads at strides 8, 16, 32 beside the last).
    """

    hard_pixels: Schedule = ALWAYS_ONE
    dice: float = 0.0
    iou: float = 0.0
    coarse: float = 0.0
    heads: float = 0.0


@dataclass(frozen=True)
class Previous:
    """What a network is told of the mask of the frame before, where it asks for it.

    Attributes:
        dropout: Probability that a clip is told nothing at a frame.
        truth: Share of the run, from its start, in which it is told the truth: the mask of the video's frame just
            before, and not what it said itself (SCM, section 2.3).
    """

    dropout: float = 0.0
    truth: float = 0.0


@dataclass(frozen=True)
class Regularisers:
    """The thesis's two regularisers of the memory (section 4.1); both hurt in its Tables 5 and 6, and are off.

    Attributes:
        attention_dropout: Probability that an attention weight is dropped after the softmax, the others scaled up.
        reallocation: Share of the object's slots whose attention is reallocated by rank.
    """

    attention_dropout: float = 0.0
    reallocation: float = 0.0


@dataclass(frozen=True)
class Optimiser:
    """How weights are moved.

    Attributes:
        learning_rate: Peak rate.
        backbone_rate: Peak rate of parameters whose names start with one of ``backbone``; None for the same.
        rate: Factor on both over the progress of the run, after a linear warm-up.
        frozen: Beginnings of the names of parameters that are not trained.
        gradient_clip: Largest norm of the gradient; None for any.
        average_decay: Decay of the exponential average of the weights that is saved; 0 saves the weights themselves.
    """

    name: OptimiserName = "adam"
    learning_rate: float = 1e-5
    backbone_rate: float | None = None
    backbone: tuple[str, ...] = ("backbone.",)
    weight_decay: float = 0.0
    rate: Schedule = ALWAYS_ONE
    warmup_steps: int = 0
    frozen: tuple[str, ...] = ()
    gradient_clip: float | None = None
    average_decay: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """One stage of training.

    Attributes:
        name: As in ``--recipe``.
        system: What it trains.
        source: Where its numbers come from.
        num_steps: Optimiser steps.
        batch_size: Clips of a step, over all processes.
        num_frames: Frames of a clip, the first one annotated.
        crop: (height, width) in pixels, multiples of the system's stride.
        max_objects: Most objects of a clip.
        max_gap: Most frames of a video from one frame of a clip to the next; 1 for neighbours.
        top_k: How many slots of the memory a position reads in training; None for all of them.
        seed: Of all random numbers.
    """

    name: str
    system: str
    source: str
    num_steps: int
    batch_size: int
    num_frames: int = 3
    crop: tuple[int, int] = (384, 384)
    max_objects: int = 2
    max_gap: Schedule = ALWAYS_ONE
    top_k: int | None = None
    sources: Sources = Sources(video=1.0)
    augmentation: Augmentation = DEFAULT_AUGMENTATION
    losses: Losses = Losses()
    previous: Previous = Previous()
    regularisers: Regularisers = field(default_factory=Regularisers)
    optimiser: Optimiser = Optimiser()
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for people and for the metadata of a checkpoint."""
        return asdict(self)
