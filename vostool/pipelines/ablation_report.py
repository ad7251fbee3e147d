"""What the memory study finds: figures of every run, and of every memory and baseline over all sequences."""

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
POLICY = "policy"
RATIO = f"fps / {REFERENCE}"
# What a baseline has none of.
COSTS = ("fps", RATIO, "frames", "most frames", "MiB at end")


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
        baselines: Names of those that the memories are held against.
        runs: By sequence, then by variant.
        baseline_scores: By sequence, then by baseline.
        failures: Variants and baselines that failed, and why; they are in no table.
        error: The first failure, or what ended the study early; None if all went well.
    """

    system: str
    weights: str
    size: int | None
    device: str
    machine: Machine
    variants: Sequence[Variant]
    baselines: Sequence[str] = ()
    runs: dict[str, dict[str, MemoryRun]] = field(default_factory=dict)
    baseline_scores: dict[str, dict[str, SequenceScores]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None

    def fail(self, name: str, error: Exception) -> None:
        """Takes a variant or baseline out of the study."""
        self.failures[name] = " ".join(str(error).split()) or type(error).__name__
        self.error = self.error or error

    @property
    def sequences(self) -> list[str]:
        """Those that were done."""
        return list(self.runs)

    def figures(self, name: str, sequences: Sequence[str]) -> Row:
        """One line: means over objects; speed over all frames, and its median multiple over the sequences.

        Args:
            name: Of a variant, or of a baseline, whose speed and memory are empty.
            sequences: Those that it has done.
        """
        if name in self.baselines:
            scores = [self.baseline_scores[each][name] for each in sequences]
            return {**_score_columns(scores), **dict.fromkeys(COSTS, "")}
        runs = [self.runs[each][name] for each in sequences]
        seconds = [each for run in runs for each in run.seconds]
        num_stored = [each for run in runs for each in run.num_stored]
        costs = (
            len(seconds) / sum(seconds),
            self._ratio(name, sequences),
            fmean(num_stored),
            max(num_stored),
            fmean(run.num_bytes for run in runs) / 2**20,
        )
        return {**_score_columns([run.scores for run in runs]), **dict(zip(COSTS, costs, strict=True))}

    def _ratio(self, variant: str, sequences: Sequence[str]) -> float | str:
        pairs = [(self.runs[name][variant], self.runs[name].get(REFERENCE)) for name in sequences]
        ratios = [run.frames_per_second / base.frames_per_second for run, base in pairs if base]
        return median(ratios) if ratios else ""

    @property
    def lines(self) -> dict[str, Row]:
        """Figures over all sequences of each baseline and variant that has done them all."""
        names = [name for name in self._names if name not in self.failures and self.runs]
        return {name: self.figures(name, self.sequences) for name in names}

    @property
    def _names(self) -> list[str]:
        return [*self.baselines, *(variant.name for variant in self.variants)]

    def _has_done(self, name: str, sequence: str) -> bool:
        return name in self.runs[sequence] or name in self.baseline_scores[sequence]

    def tables(self) -> list[tuple[str, list[Row]]]:
        """Title and rows of each study; a memory that stands in several is in each, baselines are in the first."""
        lines = {name: {"memory": name, **line} for name, line in self.lines.items()}
        tables = [
            (STUDIES[study], [lines[name] for name in self._members(study) if name in lines]) for study in STUDIES
        ]
        return [(title, rows) for title, rows in tables if rows]

    def _members(self, study: str) -> list[str]:
        members = [variant.name for variant in self.variants if study in variant.studies]
        return [*self.baselines, *members] if study == POLICY else members

    def rows(self) -> list[Row]:
        """For CSV: each baseline and memory on each sequence, then over all."""
        done = [
            {"memory": name, "sequence": sequence, **self.figures(name, [sequence])}
            for name in self._names
            for sequence in self.sequences
            if self._has_done(name, sequence)
        ]
        return [*done, *({"memory": name, "sequence": ALL, **line} for name, line in self.lines.items())]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: over all by baseline and variant, then under sequence and those, at full precision.

        What a baseline has none of is None.
        """
        memories = {each.name: {"studies": list(each.studies), "memory": dict(each.memory)} for each in self.variants}
        return {
            "schema": SCHEMA_VERSION,
            **{name: getattr(self, name) for name in ("system", "weights", "size", "device")},
            "machine": asdict(self.machine),
            "studies": dict(STUDIES),
            "baselines": list(self.baselines),
            "variants": memories,
            "failures": dict(self.failures),
            "all": {name: _plain(line) for name, line in self.lines.items()},
            "sequences": {
                each: {name: self._record(each, name) for name in self._names if self._has_done(name, each)}
                for each in self.sequences
            },
        }

    def _record(self, sequence: str, name: str) -> dict[str, Any]:
        figures, run = _plain(self.figures(name, [sequence])), self.runs[sequence].get(name)
        if run is None:
            scores = self.baseline_scores[sequence][name]
            return {**figures, "scores": scores.to_dict(), "seconds": None, "num_stored": None}
        return {
            **figures,
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


def _score_columns(sequences: Sequence[SequenceScores]) -> Row:
    scores = Scores(tuple(sequences))
    return {
        "J": scores.region.mean,
        "F": scores.boundary.mean,
        "J&F": scores.region_and_boundary,
        "J decay": scores.region.decay,
        "F decay": scores.boundary.decay,
    }


def _plain(row: Row) -> dict[str, str | float | None]:
    """With None for what is empty in a table."""
    return {column: None if value == "" else value for column, value in row.items()}
