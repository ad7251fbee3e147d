"""Speed and memory of systems, side by side: the network alone, its stages, and the whole job from file to file."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from vostool.errors import UsageError
from vostool.pipelines.benchmark_clip import Footage, painted_footage, real_footage
from vostool.pipelines.benchmark_clock import STAGES, Tally, network_seconds
from vostool.pipelines.benchmark_limit import compare_with_limit, frame_gmac
from vostool.pipelines.benchmark_machine import Rates, describe_machine, measure_rates
from vostool.pipelines.benchmark_report import BenchReport, Limit, Rate, Series, Spread, SystemResult
from vostool.pipelines.benchmark_systems import Scene, SteppedRun, Subject, WholeRun, find_subject, run_whole
from vostool.pipelines.costs import system_cost
from vostool.pipelines.exhaustion import memory_errors
from vostool.propagation.device import resolve_device
from vostool.propagation.preprocess import plan_geometry
from vostool.propagation.propagator import DEFAULT_SHORT_SIDE
from vostool.systems import override

DEFAULT_FRAMES, DEFAULT_WARM_UP = 60, 10
# A round of the default memory, which writes every fifth frame.
COUNTED_FRAMES = 5
OUT_OF_MEMORY = "use a smaller --size, fewer --objects or fewer --memory-frames"


@dataclass(frozen=True)
class BenchOptions:
    """What to measure.

    Attributes:
        systems: Measured side by side: each takes a frame in turn.
        clip, mask: A video and its first mask; both None for a painted clip.
        num_objects: Each number is measured; empty for all of the mask, or one painted.
        size: Short side of the picture that the network sees.
        num_frames, num_warm_up: Frames measured, and left out before them.
        weights: File; only with one system.
        memory: Fields of ``MemoryOptions``; those that are None keep the system's default.
        is_isolated: Whether the whole job runs in a process of its own, whose memory is that of nothing else.
    """

    systems: tuple[str, ...] = ("lite",)
    clip: Path | None = None
    mask: Path | None = None
    num_objects: tuple[int, ...] = ()
    size: int = DEFAULT_SHORT_SIDE
    num_frames: int = DEFAULT_FRAMES
    num_warm_up: int = DEFAULT_WARM_UP
    weights: Path | None = None
    device: str = "auto"
    precision: str = "auto"
    memory: Mapping[str, Any] = field(default_factory=dict)
    is_isolated: bool = True


@dataclass
class Laps:
    """What stepping through the clip gave for one system, frame by frame, the warm-up included."""

    network: list[float] = field(default_factory=list)
    stages: list[dict[str, float]] = field(default_factory=list)
    bank: list[int] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    num_bytes: float = 0.0


def benchmark(options: BenchOptions, on_note: Callable[[str], None] = lambda text: None) -> BenchReport:
    """Measures every system with every number of objects.

    Raises:
        VostoolError: Or one of its kinds, see ``vostool.errors``.
    """
    notes: list[str] = []
    subjects = find_subjects(options, notes)
    for note in notes:
        on_note(note)
    device = subjects[0].target
    with memory_errors(OUT_OF_MEMORY), TemporaryDirectory() as folder:
        scenes = _make_scenes(options, Path(folder))
        rates = {dtype: measure_rates(device, dtype) for dtype in {each.dtype for each in subjects}}
        results = [each for scene in scenes for each in _measure(options, subjects, scene, rates, on_note)]
    footage = scenes[0].footage
    sizes = options.num_frames, options.num_warm_up
    return BenchReport(footage.name, footage.info.size, *sizes, describe_machine(device), results, notes)


def find_subjects(options: BenchOptions, notes: list[str]) -> list[Subject]:
    """The systems to measure; adds a note for each whose weights are not here.

    Raises:
        UsageError: Options that contradict each other.
    """
    if options.weights is not None and len(options.systems) > 1:
        raise UsageError(f"--weights with {len(options.systems)} systems", "name one system")
    if not options.systems or len(set(options.systems)) < len(options.systems):
        raise UsageError(f"--system is '{','.join(options.systems)}'", "name each system once")
    resolve_device(options.device)
    subjects = []
    for name in options.systems:
        subject, note = find_subject(name, options.weights, options.device, options.precision, options.memory)
        override(subject.system, dict(options.memory))
        subjects.append(subject)
        notes += [note] if note else []
    return subjects


def _make_scenes(options: BenchOptions, folder: Path) -> list[Scene]:
    """One for each number of objects."""
    if (options.clip is None) != (options.mask is None):
        raise UsageError("--clip and --mask go together, and one of them is missing", "give both, or neither")
    if options.clip is not None and options.mask is not None:
        footage = real_footage(options.clip, options.mask)
        counts = options.num_objects or (len(footage.annotation.object_ids),)
        return [Scene(footage, footage.with_objects(count), options.size) for count in counts]
    painted: list[Footage] = [painted_footage(folder, options.size, count) for count in options.num_objects or (1,)]
    return [Scene(footage, footage.annotation, options.size) for footage in painted]


def _measure(
    options: BenchOptions,
    subjects: Sequence[Subject],
    scene: Scene,
    rates: Mapping[torch.dtype, Rates],
    on_note: Callable[[str], None],
) -> list[SystemResult]:
    """All systems with one number of objects; the whole job first, while this process holds no network."""
    whole = []
    for subject in subjects:
        on_note(f"{subject.name}, objects: {len(scene.annotation.object_ids)}: the whole job")
        whole.append(_run_apart(options, subject, scene))
    on_note(f"{', '.join(each.name for each in subjects)}: frame by frame, in turn")
    laps = _step_all(options, subjects, scene)
    triples = zip(subjects, whole, laps, strict=True)
    return [_conclude(options, scene, subject, run, lap, rates[subject.dtype]) for subject, run, lap in triples]


def _run_apart(options: BenchOptions, subject: Subject, scene: Scene) -> WholeRun:
    """In a process of its own, started afresh."""
    arguments = (subject, scene, options.num_frames, options.num_warm_up)
    if not options.is_isolated:
        return run_whole(*arguments)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(run_whole, *arguments).result()


def _step_all(options: BenchOptions, subjects: Sequence[Subject], scene: Scene) -> list[Laps]:
    """Frame by frame, each system in turn: once for the network as a whole, once for its stages.

    Where the device does not run ahead of the host, telling the stages apart costs nothing, and once is enough.
    """
    networks = [subject.load() for subject in subjects]
    laps = [Laps() for _ in subjects]
    passes = (False, True) if subjects[0].target.type != "cpu" else (True,)
    for is_fine in passes:
        with ExitStack() as stack:
            pairs = zip(subjects, networks, strict=True)
            made = [SteppedRun(subject, network, scene, is_fine=is_fine) for subject, network in pairs]
            runs = [stack.enter_context(run) for run in made]
            for index in range(options.num_warm_up + options.num_frames):
                for run, lap in zip(runs, laps, strict=True):
                    if index == options.num_warm_up:
                        run.segmenter.tally.clear()
                    _take_step(run, lap, is_network=is_fine == passes[0])
            for run, lap in zip(runs, laps, strict=True):
                lap.tally = replace(run.segmenter.tally)  # A copy: the frames below are not measured.
                lap.num_bytes = run.count_bytes(COUNTED_FRAMES) if is_fine else 0.0
    return laps


def _take_step(run: SteppedRun, lap: Laps, *, is_network: bool) -> None:
    seconds = run.step()
    if is_network:
        lap.network += network_seconds([seconds])
        lap.bank.append(run.segmenter.num_memory_bytes)
    if run.clock.is_fine:
        lap.stages.append(seconds)


def _conclude(
    options: BenchOptions, scene: Scene, subject: Subject, whole: WholeRun, laps: Laps, rates: Rates
) -> SystemResult:
    first, num_objects = options.num_warm_up, len(scene.annotation.object_ids)
    network, stages = laps.network[first:], laps.stages[first:]
    speed = Rate(len(network) / sum(network), Spread.of(network))
    end_to_end = Rate(options.num_frames / whole.seconds, Spread.of(whole.intervals[first:]))
    by_stage = {name: [each.get(name, 0.0) for each in stages] for name in STAGES}
    series = Series(
        [each * 1e3 for each in laps.network], [each * 1e3 for each in whole.intervals], whole.rss, whole.gpu, laps.bank
    )
    size = plan_geometry(scene.footage.info.size, scene.short_side, subject.system.conventions.canvas).network_size
    return SystemResult(
        subject.name, num_objects, str(subject.weights) if subject.weights else None, str(subject.target),
        str(subject.dtype).removeprefix("torch."), size, speed, end_to_end,
        {name: Spread.of(seconds) for name, seconds in by_stage.items() if any(seconds)}, whole.memory,
        _limit(subject, scene, laps, num_objects, rates, speed.milliseconds.mean), series,
    )  # fmt: skip


def _limit(subject: Subject, scene: Scene, laps: Laps, num_objects: int, rates: Rates, milliseconds: float) -> Limit:
    geometry = plan_geometry(scene.footage.info.size, scene.short_side, subject.system.conventions.canvas)
    memory = override(subject.system, dict(subject.memory))
    cost = system_cost(subject.name, geometry.network_size)
    gmac = frame_gmac(cost, laps.tally, num_objects, memory.top_k if memory else 0, geometry.padded_size)
    return compare_with_limit(gmac, laps.num_bytes, rates, milliseconds)
