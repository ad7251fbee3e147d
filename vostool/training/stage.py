"""One training run over one recipe: the loop, its optimiser and schedule, and its checkpoints.

A run can be stopped at any time: every few steps all that it needs to go on is written to ``state.pt``, and the
averaged weights to ``weights.safetensors``, which ``vostool segment --weights`` takes.
"""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from vostool.models.lite import LiteNetwork
from vostool.training.average import WeightAverage
from vostool.training.batches import ClipBatch, ClipMixture, draw_batches
from vostool.training.losses import dice_loss, hard_pixel_cross_entropy
from vostool.training.recipes import Recipe
from vostool.training.unroll import unroll
from vostool.video.prefetch import prefetch
from vostool.weights.save import save_weights

logger = logging.getLogger(__name__)


class Stage:
    """A network in training."""

    def __init__(self, network: LiteNetwork, recipe: Recipe, folder: Path) -> None:
        self.network = network
        self.recipe = recipe
        self.folder = folder
        self.step = 0
        self._average = WeightAverage(network, recipe.ema_decay)
        self._generator = torch.Generator().manual_seed(recipe.seed)
        self._optimiser = torch.optim.AdamW(self._parameter_groups(), weight_decay=recipe.weight_decay)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimiser, self._rate)
        folder.mkdir(parents=True, exist_ok=True)

    def _parameter_groups(self) -> list[dict[str, object]]:
        """Backbone and the rest with their own rates; what is frozen takes no gradient."""
        backbone: list[nn.Parameter] = []
        rest: list[nn.Parameter] = []
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(not name.startswith(self.recipe.frozen))
            if parameter.requires_grad:
                (backbone if name.startswith("backbone.") else rest).append(parameter)
        return [
            {"params": rest, "lr": self.recipe.learning_rate},
            {"params": backbone, "lr": self.recipe.backbone_learning_rate},
        ]

    def _rate(self, step: int) -> float:
        """Share of the peak rate: linear warm-up, then a half cosine down to 2 %."""
        if step < self.recipe.warmup_steps:
            return (step + 1) / self.recipe.warmup_steps
        done = (step - self.recipe.warmup_steps) / max(1, self.recipe.num_steps - self.recipe.warmup_steps)
        return 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))

    def run(self, mixture: ClipMixture, *, save_every: int = 100) -> None:
        """Trains until the recipe's last step."""
        batches: Iterator[ClipBatch] = prefetch(draw_batches(mixture, self.recipe, self.step), depth=3)
        started = time.monotonic()
        for batch in batches:
            record = self.train_on(batch)
            self.step += 1
            self._log(record | {"seconds": round(time.monotonic() - started, 1)})
            if self.step % save_every == 0 or self.step == self.recipe.num_steps:
                self.save()

    def train_on(self, batch: ClipBatch) -> dict[str, float]:
        """One optimiser step; gives the losses and the norm of the gradient before clipping.

        Raises:
            FloatingPointError: The loss is not a number; the step is named.
        """
        recipe, progress = self.recipe, self.step / self.recipe.num_steps
        share = recipe.hard_pixels[0] + (recipe.hard_pixels[1] - recipe.hard_pixels[0]) * progress
        predictions = unroll(self.network, batch, prior_dropout=recipe.prior_dropout, generator=self._generator)
        truths = [batch.labels[:, index] for index in range(1, len(predictions) + 1)]
        pairs = list(zip(predictions, truths, strict=True))
        entropy = torch.stack([hard_pixel_cross_entropy(logits, truth, share) for logits, truth in pairs]).mean()
        dice = torch.stack([dice_loss(logits, truth) for logits, truth in pairs]).mean()
        loss = entropy + recipe.dice_weight * dice
        if not torch.isfinite(loss):
            raise FloatingPointError(f"loss is {loss.item()} at step {self.step}")
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), recipe.gradient_clip)
        self._optimiser.step()
        self._schedule.step()
        self._average.update(self.network)
        return {"entropy": entropy.item(), "dice": dice.item(), "gradient": float(norm)}

    def _log(self, record: dict[str, float]) -> None:
        record = {"step": self.step, **record}
        with (self.folder / "metrics.jsonl").open("a") as lines:
            lines.write(json.dumps(record) + "\n")
        if self.step % 20 == 0 or self.step < 5:
            logger.info("%s", record)

    def save(self) -> None:
        """Writes the state to go on from and the averaged weights, each by rename."""
        state = {
            "step": self.step,
            "network": self.network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
            "average": self._average.state_dict(),
            "generator": self._generator.get_state(),
        }
        temporary = self.folder / "state.pt.tmp"
        torch.save(state, temporary)
        os.replace(temporary, self.folder / "state.pt")
        history = {"recipe": self.recipe.to_dict(), "steps": self.step}
        save_weights(self.folder / "weights.safetensors", "lite", self._average.weights, self.network.config, history)

    def resume(self) -> None:
        """Goes on from ``state.pt`` in the run's folder."""
        state = torch.load(self.folder / "state.pt", weights_only=True)
        self.network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])
        self._average.load_state_dict(state["average"])
        self._generator.set_state(state["generator"])
        self.step = state["step"]
