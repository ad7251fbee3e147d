"""Training as one job: a folder of clips with masks in, weights, metrics and pictures out."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from statistics import mean, median
from typing import Any

import numpy as np
import torch

from vostool.datasets.library import VideoClip
from vostool.errors import Interrupted
from vostool.metrics.report import Scores
from vostool.pipelines.exhaustion import memory_errors
from vostool.pipelines.signals import StopRequest, catch_stop_signals
from vostool.pipelines.training_folder import CURVES, SHEET, clear_folder, save_picture
from vostool.pipelines.training_options import TrainListeners, TrainOptions, TrainProgress, TrainReport
from vostool.pipelines.training_setup import TrainingSetup, set_up
from vostool.pipelines.training_start import load_run_weights
from vostool.systems import make_segmenter
from vostool.training.device import local_device
from vostool.training.distributed import Processes, join_processes
from vostool.training.pictures import (
    LOSS_KEY,
    MIN_SMOOTHED,
    SCORE_KEY,
    SMOOTHING_SHARE,
    SheetFrame,
    SheetRow,
    draw_curves,
    draw_sheet,
    pick_frames,
    read_metrics,
)
from vostool.training.records import Habits, StepRecord
from vostool.training.stage import Stage
from vostool.training.validation import predict_clip, validate_clips

MEMORY_HINT = "use a smaller --batch-size, --crop or --size"
# Shares of a run from one validation, and one checkpoint, to the next; a checkpoint at least every so many steps.
VALIDATIONS, CHECKPOINTS, MAX_SAVE_EVERY = 5, 10, 100
MAX_SHEET_ROWS = 8
# Steps that the time left is reckoned from.
NUM_RECENT = 50
NOBODY = TrainListeners()


def train(
    options: TrainOptions,
    on_step: Callable[[TrainProgress], None] | None = None,
    listeners: TrainListeners = NOBODY,
) -> TrainReport | None:
    """Trains, or goes on with a run, and draws what came of it.

    Started by ``torchrun``, this is one process of the run: the first one writes, speaks and gives a report.

    Args:
        on_step: Called after each step, in place of ``listeners.on_step``.
        listeners: Told of steps, notes and warnings.

    Raises:
        Interrupted: A signal came; what was learned is saved.
        VostoolError: Or one of its kinds, see ``vostool.errors``.
    """
    if on_step is not None:
        listeners = replace(listeners, on_step=on_step)
    with memory_errors(MEMORY_HINT), join_processes(local_device(options.device)) as processes:
        return _Run(options, listeners if processes.is_first else NOBODY, processes).run()


class _Run:
    """One run in one process; the report is filled on the way."""

    def __init__(self, options: TrainOptions, listeners: TrainListeners, processes: Processes) -> None:
        self._options, self._listeners, self._processes = options, listeners, processes
        self._report = TrainReport(num_processes=processes.count)
        self._scores: dict[int, Scores] = {}
        self._recent: deque[float] = deque(maxlen=NUM_RECENT)

    def run(self) -> TrainReport | None:
        self._setup = setup = set_up(self._options, self._note, self._warn)
        # Nobody writes before everybody has looked.
        self._processes.wait()
        started = time.monotonic()
        with catch_stop_signals() as stop:
            stage = self._make_stage(stop)
            try:
                stage.run()
            except Interrupted:
                self._draw_curves()
                raise
        if not self._processes.is_first:
            return None
        self._report.seconds = time.monotonic() - started
        self._fill_report(stage, setup)
        self._draw_curves()
        self._draw_sheet(stage)
        return self._report

    def _make_stage(self, stop: StopRequest) -> Stage:
        setup, options = self._setup, self._options
        habits = Habits(
            validate=self._validate if setup.has_validation else None,
            validate_every=options.validate_every or max(1, setup.recipe.num_steps // VALIDATIONS),
            save_every=options.save_every or max(1, min(MAX_SAVE_EVERY, setup.recipe.num_steps // CHECKPOINTS)),
            on_step=self._on_step,
            on_scores=self._on_scores,
            stop=lambda: stop.signal_number,
        )
        stage = Stage(
            setup.trainee, setup.recipe, setup.draw, setup.folder.path, setup.device, setup.precision,
            habits=habits, processes=self._processes,
        )  # fmt: skip
        if options.is_resumed:
            stage.resume()
            self._note(f"going on after step {stage.step} of {setup.recipe.num_steps}")
        elif self._processes.is_first:
            clear_folder(setup.folder)
        return stage

    def _validate(self, network: Any) -> Scores:
        setup = self._setup
        return validate_clips(setup.system, network, setup.samples, setup.device, self._options.size, setup.precision)

    def _on_step(self, record: StepRecord) -> None:
        self._recent.append(record.seconds)
        seconds = sum(self._recent) / len(self._recent)
        num_steps, batch_size = self._setup.recipe.num_steps, self._setup.recipe.batch_size
        newest = list(self._scores.values())[-1:]
        self._listeners.on_step(
            TrainProgress(
                record.step, num_steps, record.terms[LOSS_KEY], batch_size / seconds,
                seconds * (num_steps - record.step), newest[0].region_and_boundary if newest else None,
            )
        )  # fmt: skip

    def _on_scores(self, step: int, scores: Scores) -> None:
        self._scores[step] = scores
        self._note(
            f"after {step} steps: J&F {scores.region_and_boundary:.3f} "
            f"(J {scores.region.mean:.3f}, F {scores.boundary.mean:.3f}) on the validation clips"
        )

    def _fill_report(self, stage: Stage, setup: TrainingSetup) -> None:
        report = self._report
        report.folder, report.system, report.recipe = str(setup.folder.path), setup.system.name, setup.recipe.name
        report.device, report.precision = str(setup.device), str(setup.precision).removeprefix("torch.")
        report.started_from, report.num_steps = setup.started_from, stage.step
        report.clips = [clip.name for clip in setup.files.training.clips]
        report.validation_clips = [clip.name for clip in setup.files.validation.clips]
        report.last = str(setup.folder.last)
        report.best = str(setup.folder.best if stage.best else setup.folder.last)
        self._fill_figures()

    def _fill_figures(self) -> None:
        """From the metrics, which hold the steps before a resume, too."""
        report, records = self._report, read_metrics(self._setup.folder.metrics)
        steps = [record for record in records if LOSS_KEY in record]
        seconds = sum(step["seconds"] for step in steps)
        report.loss = mean(step[LOSS_KEY] for step in steps[-max(MIN_SMOOTHED, round(len(steps) * SMOOTHING_SHARE)) :])
        report.samples_per_second = median(step["samples_per_second"] for step in steps)
        report.waiting = sum(step["waiting"] * step["seconds"] for step in steps) / seconds
        scores = [record[SCORE_KEY] for record in records if SCORE_KEY in record]
        if scores:
            report.first_score, report.best_score, report.last_score = scores[0], max(scores), scores[-1]
            self._note(f"J&F on the validation clips: {scores[0]:.3f} before, {max(scores):.3f} at best")
            if max(scores) <= scores[0]:
                self._warn("training has not raised the score: best.safetensors holds the weights that it started from")

    def _draw_curves(self) -> None:
        metrics = self._setup.folder.metrics
        if not self._processes.is_first or not metrics.is_file():
            return
        path = self._setup.folder.path / CURVES
        save_picture(draw_curves(read_metrics(metrics)), path)
        self._report.pictures.append(str(path))

    def _draw_sheet(self, stage: Stage) -> None:
        """What the best weights say of the clips."""
        setup = self._setup
        clips = setup.samples[:MAX_SHEET_ROWS]
        if not clips:
            return
        self._note(f"following {len(clips)} clip{'s' if len(clips) > 1 else ''} to draw {SHEET}")
        network = load_run_weights(setup.system, setup.folder.best if stage.best else setup.folder.last)
        segmenter = make_segmenter(setup.system, network.to(setup.device), setup.device, setup.precision)
        scores = self._scores.get(stage.best.step) if stage.best else None
        figures = {each.name: f"J&F {each.region_and_boundary:.3f}" for each in scores.sequences} if scores else {}
        missing = "validation clip" if setup.has_validation else "trained on"
        with torch.inference_mode():
            rows = [
                SheetRow(f"{clip.name}     {figures.get(clip.name, missing)}",
                         _sheet_frames(clip, predict_clip(segmenter, clip, self._options.size)))
                for clip in clips
            ]  # fmt: skip
        path = setup.folder.path / SHEET
        save_picture(draw_sheet(rows), path)
        self._report.pictures.append(str(path))

    def _note(self, text: str) -> None:
        self._report.notes.append(text)
        self._listeners.on_note(text)

    def _warn(self, text: str) -> None:
        self._report.warnings.append(text)
        self._listeners.on_warning(text)


def _sheet_frames(clip: VideoClip, predictions: Mapping[int, np.ndarray]) -> tuple[SheetFrame, ...]:
    """Some frames with a mask, spread over the clip."""
    annotated = clip.annotated
    frames = []
    for index in (annotated[place] for place in pick_frames(len(annotated))):
        truth = clip.mask(index)
        image = np.ascontiguousarray(clip.images[index].permute(1, 2, 0).cpu().numpy())
        is_given = index == annotated[0]
        frames.append(SheetFrame(index, image, predictions[index], truth.cpu().numpy(), is_given))
    return tuple(frames)
