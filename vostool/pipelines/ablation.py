"""Runs one system with one memory after another over annotated sequences, scored and timed, and baselines, scored.

Every frame goes through all memories before the next one, so that all share alike what else the machine does; their
banks are held at the same time. Baselines go before them, one by one.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vostool.datasets.layout import DavisSequence, find_sequences
from vostool.errors import InputError, Interrupted, UsageError
from vostool.metrics.report import ObjectScores, SequenceScores, score_frames
from vostool.pipelines.ablation_report import AblationReport, MemoryRun
from vostool.pipelines.ablation_variants import VARIANTS, Variant
from vostool.pipelines.benchmark_clock import StageClock, TimedSegmenter, network_seconds, timed_segmenter
from vostool.pipelines.benchmark_machine import describe_machine
from vostool.pipelines.compare import CompareOptions, pairs_from
from vostool.pipelines.exhaustion import memory_errors
from vostool.pipelines.followers import Answers, Follower, build_follower, segmenter_follower
from vostool.pipelines.ground_truth import SequenceTruth, check_year, read_truth, recognise_year
from vostool.pipelines.signals import StopRequest, catch_stop_signals
from vostool.propagation.baselines import BASELINES
from vostool.propagation.device import resolve_device, resolve_precision
from vostool.systems import SYSTEMS, System, load_network
from vostool.weights.store import find_weights

# Of each run the first frames after the mask, which find new shapes and cold caches, do not count in its time.
NUM_WARM_UP = 2
OUT_OF_MEMORY = "choose a smaller --size"


@dataclass(frozen=True)
class RunProgress:
    """One memory or baseline has been through one sequence.

    Attributes:
        name: Of the memory or the baseline.
        scores: J and F on that sequence.
        frames_per_second: Of the network; None for a baseline.
        num_done: Runs so far.
        num_runs: Runs in all.
    """

    name: str
    scores: SequenceScores
    frames_per_second: float | None
    num_done: int
    num_runs: int


@dataclass
class _Subject:
    """What all runs have in common."""

    system: System
    network: Any
    device: torch.device
    precision: torch.dtype
    short_side: int | None
    stop: StopRequest
    baselines: Mapping[str, Follower]


class _Watch:
    """A follower that takes the figures of every frame, and ends at a signal."""

    def __init__(self, segmenter: TimedSegmenter, clock: StageClock, subject: _Subject) -> None:
        self.frames: list[dict[str, float]] = []
        self.num_stored: list[float] = []
        self._follow = segmenter_follower(segmenter, subject.short_side)
        self._tally = segmenter.tally
        self._clock = clock
        self._stop = subject.stop

    def __call__(self, folder: Path, first: str, labels: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        for answer in self._follow(folder, first, labels):
            self.frames.append(self._clock.take())
            self.num_stored.append(self._tally.num_read)
            self._tally.clear()
            _end_at_signal(self._stop)
            yield answer


def _end_at_signal(stop: StopRequest) -> None:
    if (number := stop.signal_number) is not None:
        name = signal.Signals(number).name
        raise Interrupted(f"stopped by {name}", "the figures are of the sequences that were done", signal_number=number)


def ablate_memory(
    options: CompareOptions,
    on_run: Callable[[RunProgress], None] = lambda progress: None,
    variants: Sequence[Variant] = VARIANTS,
) -> AblationReport:
    """The thesis's memory study on annotated sequences.

    Args:
        options: One system that has a memory, and any baselines to hold it against; ``protocol`` is that of DAVIS.
        on_run: Called after each run.
        variants: The memories to compare.

    Returns:
        What was done. If a run failed, or a signal came, ``error`` says so, and the rest is there; a memory or baseline
        that failed is not tried again.

    Raises:
        UsageError: If not one system has a memory, or the year or a sequence does not exist.
        WeightsError: If weights or the backbone are missing or do not fit.
        InputError: If the data are laid out otherwise.
    """
    system, names = split_systems(options.systems)
    check_year(options.year)
    sequences = find_sequences(options.data, options.sequences)
    year = options.year or recognise_year(sequence.mask_files[0] for sequence in sequences)
    pairs = [(each, read_truth(each.name, each.mask_files, year)) for each in sequences]
    baselines = {name: build_follower(name, backbone=options.backbone) for name in names}
    weights, device = find_weights(system.name, options.weights), resolve_device(options.device)
    network = load_network(system, weights).to(device)
    machine = describe_machine(device)
    report = AblationReport(system.name, str(weights), options.size, str(device), machine, variants, names)
    with catch_stop_signals() as stop:
        subject = _Subject(system, network, device, resolve_precision("auto", device), options.size, stop, baselines)
        _run_all(report, subject, pairs, on_run)
    return report


def split_systems(names: Sequence[str]) -> tuple[System, tuple[str, ...]]:
    """The one system among them, which must have a memory bank, and the baselines.

    Raises:
        UsageError: There is no system or there are several, or it has no memory bank.
    """
    able = [system.name for system in SYSTEMS.values() if system.defaults is not None]
    baselines = tuple(name for name in dict.fromkeys(names) if name in BASELINES)
    systems = [name for name in dict.fromkeys(names) if name not in BASELINES]
    if not systems:
        found = ", ".join(baselines)
        raise UsageError(f"there is no system with a memory to study among {found}", f"add one of {', '.join(able)}")
    if unable := [name for name in systems if name not in able]:
        hint = f"name one of {', '.join(able)}; baselines beside it are {', '.join(BASELINES)}"
        raise UsageError(f"'{unable[0]}' is no system with a memory to study", hint)
    if len(systems) > 1:
        found = ", ".join(systems)
        raise UsageError(f"the memory study takes one system, not {found}", f"choose one of {', '.join(able)}")
    return SYSTEMS[systems[0]], baselines


def _run_all(
    report: AblationReport,
    subject: _Subject,
    pairs: Sequence[tuple[DavisSequence, SequenceTruth]],
    on_run: Callable[[RunProgress], None],
) -> None:
    """Fills the report as far as it goes."""
    num_done, num_runs = 0, len(pairs) * (len(report.baselines) + len(report.variants))
    for sequence, truth in pairs:
        courses = {
            variant.name: _Course(subject, variant.memory, sequence, truth)
            for variant in report.variants
            if variant.name not in report.failures
        }
        try:
            scores = _score_baselines(subject, sequence, truth, report)
            _run_in_turn(courses, report)
        except (InputError, Interrupted) as error:
            report.error = error
            return
        runs = {name: course.finish() for name, course in courses.items()}
        if scores or runs:
            report.runs[sequence.name], report.baseline_scores[sequence.name] = runs, scores
        done = [(name, each, None) for name, each in scores.items()]
        for each in (*done, *((name, run.scores, run.frames_per_second) for name, run in runs.items())):
            num_done += 1
            on_run(RunProgress(*each, num_done, num_runs))


def _score_baselines(
    subject: _Subject, sequence: DavisSequence, truth: SequenceTruth, report: AblationReport
) -> dict[str, SequenceScores]:
    """All that have not failed, one after the other."""
    scores = {}
    for name, follower in subject.baselines.items():
        if name not in report.failures:
            with _costs_only(name, report):
                pairs = pairs_from(_ending_at_signal(follower, subject.stop), sequence, truth)
                scores[name] = score_frames(sequence.name, pairs)
    return scores


def _ending_at_signal(follower: Follower, stop: StopRequest) -> Follower:
    def follow(folder: Path, first: str, labels: np.ndarray) -> Answers:
        for answer in follower(folder, first, labels):
            _end_at_signal(stop)
            yield answer

    return follow


def _run_in_turn(courses: dict[str, _Course], report: AblationReport) -> None:
    """All to the end of the sequence, each frame by all before the next one; takes out those that fail."""
    is_over = False
    while courses and not is_over:
        for name, course in list(courses.items()):
            with _costs_only(name, report):
                is_over = not course.step()
            if name in report.failures:
                del courses[name]


@contextmanager
def _costs_only(name: str, report: AblationReport) -> Iterator[None]:
    """The failure of one memory or baseline must not cost what the others have measured."""
    try:
        yield
    except (InputError, Interrupted):
        raise
    except Exception as error:
        report.fail(name, error)


class _Course:
    """One memory on its way through one sequence."""

    def __init__(
        self, subject: _Subject, memory: Mapping[str, Any], sequence: DavisSequence, truth: SequenceTruth
    ) -> None:
        clock, device = StageClock(subject.device, is_fine=False), subject.device
        self._segmenter = timed_segmenter(subject.system, subject.network, clock, device, subject.precision, **memory)
        self._watch = _Watch(self._segmenter, clock, subject)
        self._pairs = pairs_from(self._watch, sequence, truth)
        self._name = sequence.name
        self._parts: list[SequenceScores] = []

    def step(self) -> bool:
        """Goes on to the next frame that counts and scores it; False at the end."""
        with memory_errors(OUT_OF_MEMORY):
            pair = next(self._pairs, None)
        if pair is not None:
            self._parts.append(score_frames(self._name, [pair]))
        return pair is not None

    def finish(self) -> MemoryRun:
        """What it came to."""
        seconds = network_seconds(self._watch.frames)
        timed = tuple(seconds[NUM_WARM_UP:] or seconds)
        scores, num_bytes = _join(self._name, self._parts), self._segmenter.num_memory_bytes
        return MemoryRun(scores, timed, tuple(self._watch.num_stored), num_bytes)


def _join(name: str, parts: Sequence[SequenceScores]) -> SequenceScores:
    """Scores of frames, each with the same objects, one after the other."""
    objects = []
    for same in zip(*(part.objects for part in parts), strict=True):
        regions, boundaries, frames = (
            tuple(chain.from_iterable(series))
            for series in zip(*((each.regions, each.boundaries, each.frames) for each in same), strict=True)
        )
        objects.append(ObjectScores(same[0].object_id, regions, boundaries, frames))
    return SequenceScores(name, tuple(objects))
