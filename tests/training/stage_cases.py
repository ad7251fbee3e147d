"""A tiny trainee that keeps the contract of the real one, its batches, and runs over it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vostool.metrics.report import ObjectScores, Scores, SequenceScores
from vostool.training.batch import ClipBatch
from vostool.training.distributed import ALONE, Processes
from vostool.training.recipe import Optimiser, Recipe
from vostool.training.records import Habits, StepRecord
from vostool.training.schedule import linear
from vostool.training.stage import Stage

CPU = torch.device("cpu")
RECIPE = Recipe(
    "tiny", "stcn", "the tests", num_steps=8, batch_size=4, crop=(8, 8), seed=3,
    optimiser=Optimiser(
        "adamw", 1e-2, 2e-3, weight_decay=1e-2, rate=linear(1.0, 0.1), warmup_steps=2, gradient_clip=0.5,
        average_decay=0.9, frozen=("backbone.0",),
    ),
)  # fmt: skip


class TinyNetwork(nn.Module):
    """Three convolutions, the first of them frozen by the recipe, and one that is only used in some steps."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.backbone = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3))
            self.head = nn.Conv2d(4, 1, 1)
            self.seldom = nn.Parameter(torch.ones(1))
        self.eval()


class TinyTrainee(nn.Module):
    """Its random numbers follow from the step and the clip, its losses are means over clips.

    Args:
        breaks_at: Step, counted from 0, whose loss is not a number where a clip is named ``bad``.
    """

    def __init__(self, network: nn.Module, breaks_at: int = -1) -> None:
        super().__init__()
        self.network = network
        self.breaks_at = breaks_at

    def forward(self, batch: ClipBatch, progress: float, step: int, first_clip: int = 0) -> dict[str, Tensor]:
        losses = torch.stack([self._lose(batch, index, step, first_clip + index) for index in range(len(batch.frames))])
        size = self.network.seldom.square().sum()
        loss = losses.mean() + progress * 0.1 * losses.square().mean()
        if step % 2:
            loss = loss + size
        if step == self.breaks_at and any("bad" in name for name in batch.names):
            loss = loss * math.nan
        return {"loss": loss, "entropy": losses.mean(), "size": size}

    def _lose(self, batch: ClipBatch, index: int, step: int, clip: int) -> Tensor:
        generator = torch.Generator().manual_seed(1000 * step + clip)
        noise = 0.1 * torch.rand(batch.frames[index].shape, generator=generator)
        logits = self.network.head(self.network.backbone(batch.frames[index] + noise))[:, 0]
        truth = (batch.labels[index, :, 1:-1, 1:-1] > 0).float()
        return nn.functional.binary_cross_entropy_with_logits(logits, truth)


def draw(step: int, piece: slice) -> ClipBatch:
    """Some of the clips of a step; clip 2 of each step is named ``bad``."""
    clips = [np.random.default_rng((7, step, index)) for index in range(piece.start, piece.stop)]
    frames = torch.stack([torch.from_numpy(each.random((2, 3, 8, 8), dtype=np.float32)) for each in clips])
    labels = (frames.mean(dim=2) > 0.5).long()
    names = tuple("bad" if index == 2 else f"clip-{index}" for index in range(piece.start, piece.stop))
    return ClipBatch(frames, labels, labels, names)


def weight_score(network: Any) -> Scores:
    """A score that follows from the weights, so that runs with equal weights score the same; it rises and falls."""
    value = 0.5 + 0.5 * math.sin(300.0 * network.head.weight.sum().item())
    return Scores((SequenceScores("a", (ObjectScores(1, (value,), (value,)),)),))


@dataclass
class Run:
    """A stage over the tiny trainee, and what it told."""

    folder: Path
    recipe: Recipe = RECIPE
    seed: int = 0
    stop_after: int = -1
    breaks_at: int = -1
    validate: Callable[[Any], Scores] | None = weight_score
    save_every: int = 2
    processes: Processes = ALONE
    records: list[StepRecord] = field(default_factory=list)
    scored: list[int] = field(default_factory=list)

    def make(self) -> Stage:
        """The stage, before its first step."""
        self.network = TinyNetwork(self.seed)
        habits = Habits(
            self.validate, 3, self.save_every, self.records.append, lambda step, scores: self.scored.append(step),
            lambda: 2 if len(self.records) == self.stop_after else None,
        )  # fmt: skip
        trainee = TinyTrainee(self.network, self.breaks_at)
        return Stage(trainee, self.recipe, draw, self.folder, CPU, habits=habits, processes=self.processes)
