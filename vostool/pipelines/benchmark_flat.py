"""The promise of constant time and memory, put to the test: how much more the later ones of many frames cost.

Each run keeps nothing of its frames but medians of blocks. Systems with a memory run twice, with the LFU memory and
with one that keeps every k-th frame, until that has grown to a budget.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from vostool.errors import UsageError
from vostool.pipelines.benchmark import OUT_OF_MEMORY, BenchOptions, find_subjects
from vostool.pipelines.benchmark_clip import NUM_PAINTED, painted_annotation, painted_frame, painted_size
from vostool.pipelines.benchmark_clock import synchronise
from vostool.pipelines.benchmark_machine import Machine, describe_machine, device_bytes, resident_bytes
from vostool.pipelines.benchmark_plot import save_charts
from vostool.pipelines.benchmark_report import SCHEMA_VERSION
from vostool.pipelines.benchmark_slope import NUM_BLOCKS, WARM_UP_SHARE, BlockSeries, Slope, fit_slope
from vostool.pipelines.benchmark_systems import Subject
from vostool.pipelines.exhaustion import memory_errors
from vostool.propagation.device import resolve_device
from vostool.propagation.propagator import DEFAULT_SHORT_SIDE, Propagator
from vostool.systems import make_segmenter
from vostool.types import Frame

FLAT_FRAMES, FLAT_SIZE_CPU, DEFAULT_BUDGET = 10_000, 112, 64
METHOD = "least squares through the medians of blocks, 95 % interval by Student's t, the first tenth left out"
UNITS = {"time": "ms", "rss": "MB", "gpu": "MB", "bank": "MB"}


@dataclass(frozen=True)
class FlatRun:
    """One system with one memory.

    Attributes:
        memory: Its name; ``reference frame`` where there is none.
        num_frames: Frames done, fewer than asked for where the budget was reached.
        slopes: Of ``time``, ``rss``, ``gpu`` (with a GPU) and ``bank``; None with too few blocks.
        points: (frame, median) of each block of the same.
    """

    system: str
    memory: str
    weights: str | None
    num_frames: int
    is_stopped: bool
    slopes: dict[str, Slope | None]
    points: dict[str, list[tuple[float, float]]]

    def to_row(self) -> dict[str, Any]:
        """Level and growth in 1000 frames."""
        head = {"system": self.system, "memory": self.memory, "frames": self.num_frames}
        texts = {f"{name}, {UNITS[name]} per 1000 frames": _describe(slope) for name, slope in self.slopes.items()}
        return {**head, **texts, "ended": "at the budget" if self.is_stopped else "at the last frame"}


@dataclass(frozen=True)
class FlatReport:
    """All runs.

    Attributes:
        network_size: (height, width) of the painted clip, which is what the network sees.
        budget: Megabytes that a growing memory may take.
    """

    num_frames: int
    network_size: tuple[int, int]
    num_objects: int
    budget: float
    device: str
    machine: Machine
    runs: list[FlatRun]
    notes: list[str] = field(default_factory=list)
    method: str = METHOD

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, the version of their layout first."""
        return {"schema": SCHEMA_VERSION, **asdict(self)}

    def tables(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """Titles and rows."""
        height, width = self.network_size
        return [(f"growth over {self.num_frames} frames of {width}x{height}", [run.to_row() for run in self.runs])]

    def plot(self, path: Path) -> None:
        """Draws every figure against the number of the frame.

        Raises:
            OutputError: The file cannot be written.
        """
        names = list(self.runs[0].points)
        charts = {f"{name}, {UNITS[name]}": {_name(run): run.points[name] for run in self.runs} for name in names}
        save_charts(charts, path)


def benchmark_flat(
    options: BenchOptions, budget: float = DEFAULT_BUDGET, on_note: Callable[[str], None] = lambda text: None
) -> FlatReport:
    """Runs each system over a painted clip that goes round.

    Args:
        options: ``num_frames`` and ``size`` as they are to be taken, see ``flat_size``.
        budget: Megabytes of memory bank at which a run with every-k memory ends.

    Raises:
        VostoolError: Or one of its kinds, see ``vostool.errors``.
    """
    if options.clip is not None or len(options.num_objects) > 1:
        raise UsageError("--flat takes a painted clip and one number of objects", "leave out --clip, name one number")
    notes: list[str] = []
    subjects = [each for subject in find_subjects(options, notes) for each in _with_memories(subject)]
    for note in notes:
        on_note(note)
    count = (*options.num_objects, 1)[0]
    runs = []
    for subject in subjects:
        on_note(f"{subject.name}, {_memory_name(subject)}: {options.num_frames} frames")
        runs.append(_run_apart(options, subject, count, budget))
    size, device = painted_size(options.size), subjects[0].target
    return FlatReport(options.num_frames, size, count, budget, str(device), describe_machine(device), runs, notes)


def flat_size(device: str) -> int:
    """The short side to test at, unless told otherwise: small on a CPU, where frames take long."""
    return FLAT_SIZE_CPU if resolve_device(device).type == "cpu" else DEFAULT_SHORT_SIDE


def _with_memories(subject: Subject) -> list[Subject]:
    """LFU beside every-k, unless one memory was asked for or there is none."""
    if subject.system.defaults is None or subject.memory.get("memory") is not None:
        return [subject]
    return [replace(subject, memory={**subject.memory, "memory": name}) for name in ("lfu", "every-k")]


def _memory_name(subject: Subject) -> str:
    return str(subject.memory.get("memory") or "reference frame")


def _run_apart(options: BenchOptions, subject: Subject, num_objects: int, budget: float) -> FlatRun:
    arguments = (subject, options.size, num_objects, options.num_frames, budget)
    if not options.is_isolated:
        return run_flat(*arguments)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(run_flat, *arguments).result()


def run_flat(subject: Subject, short_side: int, num_objects: int, num_frames: int, budget: float) -> FlatRun:
    """One run in this process; frames are painted beforehand, so that nothing but the propagation is measured."""
    size, device = painted_size(short_side), subject.target
    clip = [painted_frame(index, size, num_objects) for index in range(NUM_PAINTED)]
    segmenter = make_segmenter(subject.system, subject.load(), device, subject.dtype, **subject.memory)
    propagator = Propagator(segmenter, None)
    names = ["time", "rss", *(["gpu"] if device.type == "cuda" else []), "bank"]
    series = {name: BlockSeries(num_frames // NUM_BLOCKS) for name in names}
    num_done, is_stopped, grows = 0, False, subject.memory.get("memory") == "every-k"
    with memory_errors(OUT_OF_MEMORY):
        while num_done < num_frames and not is_stopped:
            seconds = _timed_step(propagator, clip, num_done, num_objects, subject)
            bank = segmenter.num_memory_bytes / 1e6
            figures = {
                "time": seconds * 1e3, "rss": resident_bytes() / 1e6, "gpu": (device_bytes(device) or 0) / 1e6,
                "bank": bank,
            }  # fmt: skip
            for name, blocks in series.items():
                blocks.add(figures[name])
            num_done += 1
            is_stopped = grows and bank > budget
    points = {name: blocks.points for name, blocks in series.items()}
    slopes = {name: fit_slope(each, round(WARM_UP_SHARE * num_done)) for name, each in points.items()}
    weights = str(subject.weights) if subject.weights else None
    return FlatRun(subject.name, _memory_name(subject), weights, num_done, is_stopped, slopes, points)


def _timed_step(propagator: Propagator, clip: list[Frame], index: int, num_objects: int, subject: Subject) -> float:
    """Seconds of one frame, from the picture to the labels; the first one comes with its mask."""
    painted = clip[index % len(clip)]
    frame = replace(painted, index=index)
    annotation = None if index else painted_annotation(painted_size(min(frame.image.shape[:2])), num_objects)
    begun = time.perf_counter()
    propagator.step(frame, annotation)
    synchronise(subject.target)
    return time.perf_counter() - begun


def _describe(slope: Slope | None) -> str:
    if slope is None:
        return "too few blocks"
    # Adding 0 takes the sign off what rounds to nothing.
    growth, low, high = (f"{round(value, 3) + 0.0:+.3f}" for value in (slope.per_thousand, slope.low, slope.high))
    return f"{growth} ({low} to {high}) at {slope.level:.2f}"


def _name(run: FlatRun) -> str:
    return f"{run.system}, {run.memory}"
