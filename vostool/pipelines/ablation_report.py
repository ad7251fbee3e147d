"""What the memory study finds: figures of every run, and of every memory over all sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean, median
from typing import Any

from vostool.metrics.report import Scores, SequenceScores
from vostool.metrics.tables import ALL, Row
from vostool.pipelines.ablation_plot import CapacityPoint, save_capacity_plot
from vostool.pipelines.ablation_variants import REFERENCE, STUDIES, Variant
from vostool.pipelines.benchmark_machine import Machine

SCHEMA_VERSION = 1
CAPACITY = "capacity"
RATIO = f"fps / {REFERENCE}"


@dataclass(frozen=True, slots=True)
class MemoryRun:
    """One memory over one sequence.

    Attributes:
        scores: J and F.
        seconds: In the network, of each frame that counts in the time.
        num_stored: Frames' worth of memory that each frame read.
        num_bytes: Of the bank, at the end.
    """

    scores: SequenceScores
    seconds: tuple[float, ...]
    num_stored: tuple[float, ...]
    num_bytes: int

    @property
    def frames_per_second(self) -> float:
        """Of the network alone."""
        return len(self.seconds) / sum(self.seconds)


@dataclass
class AblationReport:
    """The study as far as it went.

    Attributes:
        size: Short side that the network saw; None for the source's.
        runs: By sequence, then by variant.
        failures: Variants that failed, and why; they are in no table.
        error: The first failure, or what ended the study early; None if all went well.
    """

    system: str
    weights: str
    size: int | None
    device: str
    machine: Machine
    variants: Sequence[Variant]
    runs: dict[str, dict[str, MemoryRun]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None

    def fail(self, name: str, error: Exception) -> None:
        """Takes a variant out of the study."""
        self.failures[name] = " ".join(str(error).split()) or type(error).__name__
        self.error = self.error or error

    @property
    def sequences(self) -> list[str]:
        """Those that were done."""
        return list(self.runs)

    def figures(self, variant: str, sequences: Sequence[str]) -> Row:
        """One line: means over objects; speed over all frames, and its median multiple over the sequences."""
        runs = [self.runs[name][variant] for name in sequences]
        scores = Scores(tuple(run.scores for run in runs))
        seconds = [each for run in runs for each in run.seconds]
        num_stored = [each for run in runs for each in run.num_stored]
        return {
            "J": scores.region.mean,
            "F": scores.boundary.mean,
            "J&F": scores.region_and_boundary,
            "J decay": scores.region.decay,
            "F decay": scores.boundary.decay,
            "fps": len(seconds) / sum(seconds),
            RATIO: self._ratio(variant, sequences),
            "frames": fmean(num_stored),
            "most frames": max(num_stored),
            "MiB at end": fmean(run.num_bytes for run in runs) / 2**20,
        }

    def _ratio(self, variant: str, sequences: Sequence[str]) -> float | str:
        pairs = [(self.runs[name][variant], self.runs[name].get(REFERENCE)) for name in sequences]
        ratios = [run.frames_per_second / base.frames_per_second for run, base in pairs if base]
        return median(ratios) if ratios else ""

    @property
    def lines(self) -> dict[str, Row]:
        """Figures over all sequences of each variant that has done them all."""
        names = [variant.name for variant in self.variants if variant.name not in self.failures and self.runs]
        return {name: self.figures(name, self.sequences) for name in names}

    def tables(self) -> list[tuple[str, list[Row]]]:
        """Title and rows of each study; a memory that stands in several is in each."""
        lines = {name: {"memory": name, **line} for name, line in self.lines.items()}
        tables = [
            (STUDIES[study], [lines[name] for name in self._members(study) if name in lines]) for study in STUDIES
        ]
        return [(title, rows) for title, rows in tables if rows]

    def _members(self, study: str) -> list[str]:
        return [variant.name for variant in self.variants if study in variant.studies]

    def rows(self) -> list[Row]:
        """For CSV: each memory on each sequence, then over all."""
        done = [
            {"memory": variant.name, "sequence": name, **self.figures(variant.name, [name])}
            for variant in self.variants
            for name, runs in self.runs.items()
            if variant.name in runs
        ]
        return [*done, *({"memory": name, "sequence": ALL, **line} for name, line in self.lines.items())]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: over all by variant, then under sequence and variant, at full precision."""
        memories = {each.name: {"studies": list(each.studies), "memory": dict(each.memory)} for each in self.variants}
        return {
            "schema": SCHEMA_VERSION,
            **{name: getattr(self, name) for name in ("system", "weights", "size", "device")},
            "machine": asdict(self.machine),
            "studies": dict(STUDIES),
            "variants": memories,
            "failures": dict(self.failures),
            "all": self.lines,
            "sequences": {
                name: {variant: self._record(name, variant) for variant in runs} for name, runs in self.runs.items()
            },
        }

    def _record(self, sequence: str, variant: str) -> dict[str, Any]:
        run = self.runs[sequence][variant]
        return {
            **self.figures(variant, [sequence]),
            "scores": run.scores.to_dict(),
            "seconds": list(run.seconds),
            "num_stored": list(run.num_stored),
        }

    def plot(self, path: Path) -> None:
        """Draws J&F and speed against the size of the memory, as Figure 11 of the thesis does.

        Raises:
            OutputError: The file cannot be written.
        """
        lines = self.lines
        points = [
            CapacityPoint(name, *(float(lines[name][column]) for column in ("frames", "J&F", "fps")))
            for name in self._members(CAPACITY)
            if name in lines
        ]
        seen = f"{self.system}, short side {self.size}, sequences: {len(self.sequences)}"
        save_capacity_plot(points, seen, path)
