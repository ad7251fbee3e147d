"""Systems made ready to be measured, and the two ways in which they are: frame by frame, and as the whole job."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from vostool.errors import WeightsError
from vostool.pipelines.benchmark_clip import Footage, repeated
from vostool.pipelines.benchmark_clock import StageClock, TimedSegmenter, timed_segmenter
from vostool.pipelines.benchmark_limit import ByteCounter
from vostool.pipelines.benchmark_machine import device_bytes, resident_bytes
from vostool.pipelines.benchmark_report import MemoryUse
from vostool.pipelines.report import peak_rss_bytes
from vostool.propagation.device import resolve_device, resolve_precision
from vostool.propagation.propagator import Propagator, propagate
from vostool.systems import System, find_system, load_network, make_segmenter
from vostool.types import Annotation, Frame
from vostool.video.reading.prefetch import prefetch
from vostool.video.writing.background import background
from vostool.video.writing.sinks import Sink, open_sink
from vostool.weights.store import find_weights


@dataclass(frozen=True)
class Subject:
    """One system as it is to be measured; plain enough to be sent to another process.

    Attributes:
        weights: File; None for random ones.
        memory: Fields of ``MemoryOptions``; those that are None keep the system's default.
    """

    name: str
    weights: Path | None
    device: str
    precision: str
    memory: Mapping[str, Any] = field(default_factory=dict)

    @property
    def system(self) -> System:
        """Its entry."""
        return find_system(self.name)

    @property
    def target(self) -> torch.device:
        """Where it computes."""
        return resolve_device(self.device)

    @property
    def dtype(self) -> torch.dtype:
        """What it computes in."""
        return resolve_precision(self.precision, self.target)

    def load(self) -> Any:
        """The network on the device."""
        if self.weights is not None:
            return load_network(self.system, self.weights).to(self.target)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = self.system.make_network({})
        return network.eval().requires_grad_(False).to(self.target, memory_format=torch.channels_last)


def find_subject(
    name: str, weights: Path | None, device: str, precision: str, memory: Mapping[str, Any]
) -> tuple[Subject, str | None]:
    """A system with the weights that are here, and a note where there are none and random ones take their place.

    Raises:
        UsageError: There is no such system.
        WeightsError: The file that was named is not there.
    """
    find_system(name)
    try:
        return Subject(name, find_weights(name, weights), device, precision, memory), None
    except WeightsError as error:
        if weights is not None or error.code != "weights.missing":
            raise
    note = f"no weights for {name} here: random ones, which cost the same but follow nothing"
    return Subject(name, None, device, precision, memory), note


@dataclass(frozen=True)
class Scene:
    """What a subject is shown.

    Attributes:
        annotation: Of frame 0.
        short_side: Of the picture that the network sees.
    """

    footage: Footage
    annotation: Annotation
    short_side: int


class SteppedRun:
    """A subject that goes through a clip frame by frame, everything in one thread, each stage on the clock.

    Use as a context manager. Nothing of what is encoded is kept.
    """

    def __init__(self, subject: Subject, network: Any, scene: Scene, *, is_fine: bool) -> None:
        self.clock = StageClock(subject.target, is_fine=is_fine)
        self.segmenter: TimedSegmenter = timed_segmenter(
            subject.system, network, self.clock, subject.target, subject.dtype, **subject.memory
        )
        self._propagator = Propagator(self.segmenter, scene.short_side)
        self._scene = scene
        self._stack = ExitStack()
        self._frames: Iterator[Frame] = iter(())
        self._sink: Sink | None = None

    def __enter__(self) -> SteppedRun:
        footage = self._scene.footage
        self._frames = self._stack.enter_context(closing(repeated(footage.path)))
        folder = Path(self._stack.enter_context(TemporaryDirectory()))
        self._sink = self._stack.enter_context(_open_output(folder, self._scene))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def step(self) -> dict[str, float]:
        """One frame: the seconds of its stages."""
        assert self._sink is not None
        self.clock.switch("decode")
        frame = next(self._frames)
        self.clock.switch("preprocess")
        result = self._propagator.step(frame, None if frame.index else self._scene.annotation)
        self.clock.switch("output")
        self._sink.write(result)
        return self.clock.take()

    def count_bytes(self, num_frames: int) -> float:
        """Bytes that the network's operations touch in a frame; goes on by so many frames."""
        counter = ByteCounter()
        kept, self.segmenter.watch = self.segmenter.watch, counter
        for _ in range(num_frames):
            self.step()
        self.segmenter.watch = kept
        return counter.num_bytes / num_frames


@dataclass(frozen=True)
class WholeRun:
    """What the whole job took.

    Attributes:
        seconds: After the warm-up, until the output had its name.
        intervals: Seconds from one result to the next, of all frames.
        rss, gpu: Bytes at each frame.
    """

    seconds: float
    intervals: list[float]
    rss: list[int]
    gpu: list[int]
    memory: MemoryUse


def run_whole(subject: Subject, scene: Scene, num_frames: int, num_warm_up: int) -> WholeRun:
    """Decodes, infers and encodes as ``vostool segment`` does, with threads for reading and writing."""
    device = subject.target
    segmenter = make_segmenter(subject.system, subject.load(), device, subject.dtype, **subject.memory)
    times, rss, gpu = [time.perf_counter()], [], []
    with TemporaryDirectory() as folder, background(_open_output(Path(folder), scene)) as sink:
        with closing(repeated(scene.footage.path)) as clip, closing(prefetch(clip)) as frames:
            for result in propagate(segmenter, frames, {0: scene.annotation}, short_side=scene.short_side):
                sink.write(result)
                times.append(time.perf_counter())
                rss.append(resident_bytes())
                gpu.append(device_bytes(device) or 0)
                if len(rss) == num_frames + num_warm_up:
                    break
        sink.finish()
    seconds = time.perf_counter() - times[num_warm_up]
    intervals = [after - before for before, after in pairwise(times)]
    memory = _memory_use(device, segmenter.num_memory_bytes)
    return WholeRun(seconds, intervals, rss, gpu if device.type == "cuda" else [], memory)


def _memory_use(device: torch.device, bank: int) -> MemoryUse:
    if device.type != "cuda":
        return MemoryUse(peak_rss_bytes(), None, None, bank)
    peak, reserved = torch.cuda.max_memory_allocated(device), torch.cuda.max_memory_reserved(device)
    return MemoryUse(peak_rss_bytes(), peak, reserved, bank)


def _open_output(folder: Path, scene: Scene) -> Sink:
    return open_sink("overlay", folder / "overlay.mp4", scene.footage.info, scene.annotation.object_ids)
