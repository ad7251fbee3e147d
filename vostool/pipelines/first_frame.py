"""Fine-tuning on the first frame as a part of ``vostool segment``: whether it is asked for, and what is said of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vostool.errors import UsageError
from vostool.pipelines.report import StepProgress
from vostool.propagation.device import resolve_device
from vostool.systems import System
from vostool.training.online import finetune_on_frame
from vostool.training.papers import first_frame


@dataclass
class FirstFrameTuner:
    """Fine-tunes every network that is handed to it.

    Attributes:
        image: (H, W, 3) uint8 RGB, frame 0.
        labels: (H, W) uint8, its objects.
        device: As in ``build_segmenter``.
        short_side: Of the picture that the network will see.
        num_steps: For each network.
        on_step: Told of each step.
        on_note: Told what was done, one line a network.
        seconds: Spent so far.
    """

    image: np.ndarray
    labels: np.ndarray
    device: str
    short_side: int
    num_steps: int
    on_step: Callable[[StepProgress], None]
    on_note: Callable[[str], None]
    seconds: float = 0.0

    def __call__(self, system: System, network: Any) -> Any:
        """A copy of the network that knows the objects better; see ``finetune_on_frame``."""
        started, losses = time.monotonic(), []

        def tell(num_done: int, loss: float) -> None:
            losses.append(loss)
            self.on_step(StepProgress(num_done, self.num_steps, time.monotonic() - started, loss))

        device = resolve_device(self.device)
        recipe = replace(first_frame(), num_steps=self.num_steps)
        tuned = finetune_on_frame(
            system, network, self.image, self.labels, device, recipe, tell, short_side=self.short_side
        )
        seconds = time.monotonic() - started
        self.seconds += seconds
        steps = "1 step" if self.num_steps == 1 else f"{self.num_steps} steps"
        self.on_note(
            f"fine-tuned a copy of {system.name} on frame 0: {steps} in {seconds:.1f} s, "
            f"loss {losses[0]:.3f} to {losses[-1]:.3f}; the weights file stays as it is"
        )
        return tuned


def plan_steps(finetune_first_frame: bool, finetune_steps: int | None) -> int:
    """Steps to take; 0 if there is nothing to fine-tune.

    Raises:
        UsageError: Steps that make no sense, or without fine-tuning.
    """
    if finetune_steps is None:
        return first_frame().num_steps if finetune_first_frame else 0
    if not finetune_first_frame:
        raise UsageError(
            f"--finetune-steps is {finetune_steps}, but nothing is fine-tuned", "add --finetune-first-frame"
        )
    if finetune_steps < 1:
        raise UsageError(f"--finetune-steps is {finetune_steps}", "give 1 or more")
    return finetune_steps
