"""One training run over one recipe: the loop, what it records, and when it saves and validates.

All random numbers follow from the recipe's seed and the step, so a run that goes on from its ``state.pt`` is, on a
CPU, the run that was not stopped, bit by bit.
"""

from __future__ import annotations

import copy
import signal
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from vostool.errors import Interrupted, UsageError
from vostool.metrics.report import Scores
from vostool.propagation.device import computing
from vostool.training.average import WeightAverage
from vostool.training.batch import ClipBatch
from vostool.training.checkpoint import RunFolder, network_config
from vostool.training.distributed import ALONE, Processes
from vostool.training.optimiser import build_optimiser, set_rate
from vostool.training.recipe import Recipe
from vostool.training.records import DEFAULT_HABITS, Best, Habits, StepRecord, TrainingError
from vostool.video.reading.prefetch import prefetch
from vostool.weights.save import save_weights

# Batches that are drawn ahead of the one in training.
PREFETCH_DEPTH = 3
STATE_FORMAT = 1
INFINITE = float("inf")


class Stage:
    """A network in training.

    Args:
        trainee: Holds ``network`` and gives the losses of a batch: ``Trainee``. On the device.
        recipe: All numbers.
        draw: Gives some of the clips of the global batch of a step, counted from 0; called ahead, from a thread.
        folder: Of the run; only the first process writes there.
        device: Where ``draw`` puts its batches, too.
        precision: bfloat16 for automatic mixed precision.
        habits: When it saves and validates, and whom it tells.
        processes: Of a run over several, within ``join_processes``.

    Attributes:
        step: How many steps have been taken.
        best: The best validation, if there was any.
        folder: With the files of the run.

    Raises:
        UsageError: The batch cannot be parted evenly between the processes.
    """

    def __init__(
        self,
        trainee: nn.Module,
        recipe: Recipe,
        draw: Callable[[int, slice], ClipBatch],
        folder: Path,
        device: torch.device,
        precision: torch.dtype = torch.float32,
        *,
        habits: Habits = DEFAULT_HABITS,
        processes: Processes = ALONE,
    ) -> None:
        self.recipe = recipe
        self.folder = RunFolder(folder)
        self.step = 0
        self.best: Best | None = None
        self._draw = draw
        self._device = device
        self._precision = precision
        self._habits = habits
        self._processes = processes
        self._piece = processes.piece(recipe.batch_size)
        self._network: nn.Module = trainee.network  # type: ignore[assignment]
        self._optimiser = build_optimiser(self._network, recipe.optimiser, device)
        self._trainee = self._learner = trainee
        self._average = WeightAverage(self._network, recipe.optimiser.average_decay)
        self._needs_scores = habits.validate is not None
        self._saved_step = -1

    def resume(self) -> None:
        """Goes on from ``state.pt`` in the run's folder.

        Raises:
            UsageError: There is none, or it is of a run by another recipe.
            WeightsError: It is damaged.
        """
        state = self.folder.read_state()
        _require_same(state["recipe"], self.recipe.to_dict(), self.folder.path)
        self._network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._average.load_state_dict(state["average"])
        self.step = state["step"]
        self.best = Best(**state["best"]) if state["best"] else None
        self._needs_scores = state["needs_scores"] and self._habits.validate is not None

    def run(self) -> None:
        """Trains until the recipe's last step.

        Raises:
            Interrupted: Asked to stop; all was saved.
            TrainingError: A loss or a gradient is not finite; what was saved last is still there.
            OutputError: Something cannot be written.
        """
        self._begin()
        self._learner = self._processes.wrap(self._trainee)
        try:
            with closing(prefetch(self._batches(), PREFETCH_DEPTH)) as batches:
                self._take_steps(batches)
        finally:
            # What ties processes together must not outlive their group: its threads would meet a closing interpreter.
            self._learner = self._trainee

    def save(self) -> None:
        """Writes the state to go on from, and the averaged weights."""
        if self._processes.is_first:
            self._write_weights(self.folder.last)
            self.folder.write_state(
                {
                    "format": STATE_FORMAT,
                    "recipe": self.recipe.to_dict(),
                    "step": self.step,
                    "needs_scores": self._needs_scores,
                    "best": asdict(self.best) if self.best else None,
                    "network": self._network.state_dict(),
                    "optimiser": self._optimiser.state_dict(),
                    "average": self._average.state_dict(),
                }
            )
        self._saved_step = self.step
        self._processes.wait()

    def _begin(self) -> None:
        """Leaves of the metrics what belongs to the steps that were taken."""
        if self._processes.is_first:
            self.folder.create()
            last_scored = self.step - 1 if self._needs_scores else self.step
            self.folder.keep_lines(lambda line: line["step"] <= (self.step if "loss" in line else last_scored))

    def _batches(self) -> Iterator[ClipBatch]:
        """This process's part of each batch that is left, ready to be used."""
        if self._device.type != "cuda":
            yield from (self._draw(step, self._piece) for step in range(self.step, self.recipe.num_steps))
            return
        # Drawn beside the training, on a stream of its own; the wait for it makes the loop's own wait tell the truth.
        stream = torch.cuda.Stream(self._device)
        for step in range(self.step, self.recipe.num_steps):
            with torch.cuda.stream(stream):
                batch = self._draw(step, self._piece)
            stream.synchronize()
            yield batch

    def _take_steps(self, batches: Generator[ClipBatch, None, None]) -> None:
        self._score_if_due()
        while self.step < self.recipe.num_steps:
            self._take_step(batches)
            if self._needs_scores or self._is_at(self._habits.save_every):
                self.save()
            self._stop_if_asked()
            self._score_if_due()

    def _take_step(self, batches: Generator[ClipBatch, None, None]) -> None:
        started = time.perf_counter()
        batch = next(batches)
        waited = time.perf_counter() - started
        terms, gradient, rate = self._learn(batch)
        self.step += 1
        self._needs_scores = self._habits.validate is not None and self._is_at(self._habits.validate_every)
        seconds = time.perf_counter() - started
        speed, waiting = self.recipe.batch_size / seconds, waited / seconds
        record = StepRecord(self.step, terms, gradient, rate, seconds, speed, waiting)
        if self._processes.is_first:
            self.folder.append(record.to_dict())
            self._habits.on_step(record)

    def _learn(self, batch: ClipBatch) -> tuple[dict[str, float], float, float]:
        """One step of the optimiser: the terms of the loss, the norm of the gradient, the rate."""
        recipe = self.recipe.optimiser
        rate = set_rate(self._optimiser, recipe, self.step, self.recipe.num_steps)
        self._optimiser.zero_grad(set_to_none=True)
        with computing(self._device, self._precision):
            losses = self._learner(batch, self.step / self.recipe.num_steps, self.step, self._piece.start)
        losses["loss"].backward()
        trained = [each for group in self._optimiser.param_groups for each in group["params"]]
        limit = INFINITE if recipe.gradient_clip is None else recipe.gradient_clip
        norm = nn.utils.clip_grad_norm_(trained, limit)
        # The one place in a step that waits for the device.
        shared = torch.stack([*(each.detach().float() for each in losses.values()), norm.float()])
        *values, gradient = self._processes.mean(shared).tolist()
        terms = dict(zip(losses, values, strict=True))
        self._require_finite(terms["loss"], gradient, losses["loss"], batch)
        self._optimiser.step()
        self._average.update()
        return terms, gradient, rate

    def _require_finite(self, loss: float, gradient: float, own_loss: Tensor, batch: ClipBatch) -> None:
        """The same answer in all processes, for sums keep what is not finite."""
        if abs(loss) < INFINITE and abs(gradient) < INFINITE:
            return
        is_own = abs(loss) < INFINITE or not torch.isfinite(own_loss)
        names = self._processes.gather(batch.names if is_own else ())
        what, value = ("gradient", gradient) if abs(loss) < INFINITE else ("loss", loss)
        raise TrainingError(
            f"the {what} is {value} at step {self.step + 1}, on the clips {', '.join(names)}",
            f"look at these clips or lower the learning rate; {self.folder.path} keeps what was saved last",
        )

    def _is_at(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.recipe.num_steps

    def _stop_if_asked(self) -> None:
        number = self._processes.largest(self._habits.stop() or 0, self._device)
        if not number:
            return
        if self._saved_step != self.step:
            self.save()
        raise Interrupted(
            f"stopped by {signal.Signals(number).name} after step {self.step} of {self.recipe.num_steps}",
            "--resume goes on from there",
            signal_number=number,
        )

    def _score_if_due(self) -> None:
        """Validates the averaged weights, and keeps them where they are the best so far."""
        if not self._needs_scores:
            return
        assert self._habits.validate is not None
        self._needs_scores = False
        if self._processes.is_first:
            network = copy.deepcopy(self._network).requires_grad_(False)
            network.load_state_dict(self._average.weights)
            self._note(self._habits.validate(network.eval()))
        self.save()
        self._stop_if_asked()

    def _note(self, scores: Scores) -> None:
        figures = {"J": scores.region.mean, "F": scores.boundary.mean, "J&F": scores.region_and_boundary}
        if self.best is None or scores.region_and_boundary > self.best.score:
            self.best = Best(scores.region_and_boundary, self.step)
            self._write_weights(self.folder.best, figures)
        self.folder.append({"step": self.step, **figures})
        self._habits.on_scores(self.step, scores)

    def _write_weights(self, file: Path, figures: Mapping[str, float] = MappingProxyType({})) -> None:
        history = {"recipe": self.recipe.to_dict(), "steps": self.step, **figures}
        save_weights(file, self.recipe.system, self._average.weights, network_config(self._network), history)


def _require_same(saved: Mapping[str, Any], asked: Mapping[str, Any], folder: Path) -> None:
    """Raises a UsageError that names the first number that differs."""
    for name, value in asked.items():
        if isinstance(value, dict) and isinstance(saved.get(name), dict):
            _require_same(saved[name], value, folder)
        elif saved.get(name) != value:
            raise UsageError(
                f"the run in {folder} has {name} {saved.get(name)}, not {value}",
                "resume it with the options that it was started with, or start another with --overwrite",
            )
