"""What a benchmark finds, as plain values and as rows of tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vostool.pipelines.benchmark_clock import STAGES
from vostool.pipelines.benchmark_machine import Machine
from vostool.pipelines.benchmark_plot import Curve, save_charts

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Spread:
    """Milliseconds a frame, over frames."""

    mean: float
    median: float
    p10: float
    p90: float

    @staticmethod
    def of(seconds: Sequence[float]) -> Spread:
        """Of at least one frame."""
        values = np.asarray(seconds) * 1e3
        p10, median, p90 = (float(each) for each in np.quantile(values, (0.1, 0.5, 0.9)))
        return Spread(float(values.mean()), median, p10, p90)


@dataclass(frozen=True)
class Rate:
    """Frames a second over all frames after the warm-up, and how single frames spread."""

    frames_per_second: float
    milliseconds: Spread


@dataclass(frozen=True)
class MemoryUse:
    """Bytes, of a process that does nothing else.

    Attributes:
        peak_rss, peak_gpu, reserved_gpu: The most that there ever was; None without a GPU.
        bank: What the system remembers, at the last frame.
    """

    peak_rss: int
    peak_gpu: int | None
    reserved_gpu: int | None
    bank: int


@dataclass(frozen=True)
class Limit:
    """How far the network is from what the device can do.

    Attributes:
        gmac: 10^9 multiply-accumulates a frame.
        gbytes: 10^9 bytes a frame, each operation reading its inputs and writing its result once.
        matmul_rate, copy_rate: 10^9 multiply-accumulates and bytes a second that this device reaches.
        compute_milliseconds, copy_milliseconds: What a frame would take at these rates, if nothing else did.
        ratio: Measured milliseconds a frame to the larger of the two.
    """

    gmac: float
    gbytes: float
    matmul_rate: float
    copy_rate: float
    compute_milliseconds: float
    copy_milliseconds: float
    ratio: float


@dataclass(frozen=True)
class Series:
    """Frame by frame, the warm-up included.

    Attributes:
        network, end_to_end: Milliseconds.
        rss, gpu: Bytes, taken while the whole job ran; ``gpu`` is empty without one.
        bank: Bytes.
    """

    network: list[float] = field(default_factory=list)
    end_to_end: list[float] = field(default_factory=list)
    rss: list[int] = field(default_factory=list)
    gpu: list[int] = field(default_factory=list)
    bank: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class SystemResult:
    """One system with one number of objects.

    Attributes:
        weights: None where they were random.
        network_size: (height, width) before padding.
        stages: By name, in the order of a frame.
    """

    system: str
    num_objects: int
    weights: str | None
    device: str
    precision: str
    network_size: tuple[int, int]
    network: Rate
    end_to_end: Rate
    stages: dict[str, Spread]
    memory: MemoryUse
    limit: Limit
    series: Series

    def to_row(self) -> dict[str, Any]:
        """Speed and memory."""
        return {
            **self._head(),
            "network fps": f"{self.network.frames_per_second:.2f}",
            "ms (p10 - p90)": _describe(self.network.milliseconds),
            "end to end fps": f"{self.end_to_end.frames_per_second:.2f}",
            "peak RSS": _megabytes(self.memory.peak_rss),
            "peak GPU": _megabytes(self.memory.peak_gpu),
            "reserved GPU": _megabytes(self.memory.reserved_gpu),
            "bank": _megabytes(self.memory.bank),
        }

    def to_stage_row(self) -> dict[str, Any]:
        """Mean milliseconds of each stage."""
        means = {stage: f"{self.stages[stage].mean:.2f}" if stage in self.stages else "-" for stage in STAGES}
        return {**self._head(), **means}

    def to_limit_row(self) -> dict[str, Any]:
        """The distance to the machine's limit."""
        limit = self.limit
        return {
            **self._head(),
            "GMAC/frame": f"{limit.gmac:.2f}",
            "GB/frame": f"{limit.gbytes:.3f}",
            "matmul GMAC/s": f"{limit.matmul_rate:.1f}",
            "copy GB/s": f"{limit.copy_rate:.1f}",
            "ms at matmul rate": f"{limit.compute_milliseconds:.2f}",
            "ms at copy rate": f"{limit.copy_milliseconds:.2f}",
            "measured/limit": f"{limit.ratio:.2f}",
        }

    def _head(self) -> dict[str, Any]:
        return {"system": self.system, "objects": self.num_objects}


@dataclass(frozen=True)
class BenchReport:
    """All of a benchmark.

    Attributes:
        source_size: (height, width) of the clip.
        num_frames, num_warm_up: Frames measured, and left out before them.
    """

    clip: str
    source_size: tuple[int, int]
    num_frames: int
    num_warm_up: int
    machine: Machine
    results: list[SystemResult]
    notes: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, the version of their layout first."""
        return {"schema": SCHEMA_VERSION, **asdict(self)}

    def tables(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """Titles and rows."""
        height, width = self.source_size
        return [
            (f"speed and memory on {self.clip}, {width}x{height}", [each.to_row() for each in self.results]),
            ("stages of a frame: mean ms", [each.to_stage_row() for each in self.results]),
            ("distance to the machine's limit", [each.to_limit_row() for each in self.results]),
        ]

    def plot(self, path: Path) -> None:
        """Draws the network's time for each frame, what is remembered, and the memory of the whole job.

        Raises:
            OutputError: The file cannot be written.
        """
        series = {_legend_of(each): each.series for each in self.results}
        kind = "GPU memory allocated" if self.machine.gpu else "resident memory"
        charts: dict[str, dict[str, Curve]] = {
            "network, ms": {name: list(enumerate(each.network)) for name, each in series.items()},
            "memory bank, MB": {name: _in_megabytes(each.bank) for name, each in series.items()},
            f"{kind}, whole job, MB": {name: _in_megabytes(each.gpu or each.rss) for name, each in series.items()},
        }
        save_charts(charts, path)


def _legend_of(result: SystemResult) -> str:
    return f"{result.system}, objects: {result.num_objects}"


def _in_megabytes(values: Sequence[int]) -> list[tuple[float, float]]:
    return [(float(index), value / 1e6) for index, value in enumerate(values)]


def machine_line(machine: Machine) -> str:
    """The machine in one line."""
    gpu = f", {machine.gpu} (driver {machine.driver or 'unknown'}, CUDA {machine.cuda})" if machine.gpu else ""
    return f"{machine.cpu}, {machine.num_cores} cores, {machine.num_threads} threads{gpu}, torch {machine.torch}"


def _describe(spread: Spread) -> str:
    return f"{spread.median:.1f} ({spread.p10:.1f} - {spread.p90:.1f})"


def _megabytes(num_bytes: int | None) -> str:
    return "-" if num_bytes is None else f"{num_bytes / 1e6:.1f} MB"
