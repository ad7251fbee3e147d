"""How much faster masks are scored than by the definition's own steps, on the same files and with equal numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vostool.datasets.layout import VOID, find_mask_folders, list_images
from vostool.errors import VostoolError
from vostool.metrics.plain import plain_scores
from vostool.metrics.report import Scores
from vostool.metrics.tables import Row
from vostool.pipelines.evaluate import evaluate, prediction_home
from vostool.pipelines.ground_truth import recognise_years

ROUNDS = 7
PLAIN, ONE_PROCESS, DEFAULT = "definition, step by step", "--jobs 1", "default jobs"
TOLERANCE = 1e-9


@dataclass(frozen=True)
class ScoringReport:
    """Seconds of each way to score the same masks, round by round.

    Attributes:
        num_frames: Frames that count.
        num_objects: Objects of all sequences.
        seconds: By way; in each round all ways take their turn.
    """

    num_frames: int
    num_objects: int
    seconds: Mapping[str, tuple[float, ...]]

    def ratios(self, name: str) -> list[float]:
        """How many times faster a way is than the definition, round by round, rising."""
        return sorted(plain / fast for plain, fast in zip(self.seconds[PLAIN], self.seconds[name], strict=True))

    def rows(self) -> list[Row]:
        """A row for each way."""
        return [self._row(name) for name in self.seconds]

    def to_dict(self) -> dict[str, object]:
        """As plain values."""
        return {**asdict(self), "ratios": {name: self.ratios(name) for name in self.seconds}}

    def _row(self, name: str) -> Row:
        ratios = self.ratios(name)
        return {
            "scored by": name,
            "ms/frame": 1000 * float(np.median(self.seconds[name])) / self.num_frames,
            "times faster": float(np.median(ratios)),
            "lowest": ratios[0],
            "highest": ratios[-1],
        }


def benchmark_scoring(
    predictions: Path,
    annotations: Path,
    on_note: Callable[[str], None] = lambda text: None,
    num_rounds: int = ROUNDS,
) -> ScoringReport:
    """Scores masks by DAVIS' protocol in each way in turn; a first round does not count.

    Args:
        predictions, annotations: As for ``evaluate``.
        on_note: Called after each round.
        num_rounds: Rounds that count.

    Raises:
        VostoolError: If the numbers are not equal; or one of its kinds, see ``evaluate``.
    """
    expected = evaluate(predictions, annotations)
    check_equal(expected, plain_evaluate(predictions, annotations))
    ways: dict[str, Callable[[], object]] = {
        PLAIN: lambda: plain_evaluate(predictions, annotations),
        ONE_PROCESS: lambda: evaluate(predictions, annotations),
        DEFAULT: lambda: evaluate(predictions, annotations, num_jobs=None),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(num_rounds):
        for name, way in ways.items():
            seconds[name].append(_seconds(way))
        on_note(f"round {number + 1} of {num_rounds}")
    num_frames = sum(len(sequence.objects[0].regions) for sequence in expected.sequences)
    measured = {name: tuple(each) for name, each in seconds.items()}
    return ScoringReport(num_frames, len(expected.objects), measured)


def plain_evaluate(predictions: Path, annotations: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """J and F, KxT each, of every sequence by the definition: read whole, in 64-bit numbers, then scored."""
    folders = find_mask_folders(annotations)
    home = prediction_home(predictions)
    results = []
    for folder, year in zip(folders, recognise_years(folders, None, "davis"), strict=True):
        files = list_images(folder, frozenset({".png"}))
        truths = _read_all(files, year)
        num_objects = int(truths[0].max())
        predicted = _read_all([home / folder.name / file.name for file in files[1:-1]], year)
        results.append(plain_scores(predicted, truths[1:-1], num_objects))
    return results


def check_equal(scores: Scores, plain: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
    """Refuses scores that differ from those of the definition on any frame."""
    for sequence, (regions, boundaries) in zip(scores.sequences, plain, strict=True):
        pairs = ((regions, [each.regions for each in sequence.objects]),
                 (boundaries, [each.boundaries for each in sequence.objects]))  # fmt: skip
        if max(float(np.abs(one - np.array(other)).max()) for one, other in pairs) > TOLERANCE:
            message = f"the scores of sequence {sequence.name} are not those of the definition"
            raise VostoolError(message, "please report the masks with which this happens")


def _read_all(files: Sequence[Path], year: int) -> np.ndarray:
    """TxHxW labels as float64, as NumPy makes arrays by default; void is background."""
    with Image.open(files[0]) as image:
        labels = np.zeros((len(files), image.height, image.width))
    for index, file in enumerate(files):
        with Image.open(file) as image:
            labels[index] = np.array(image)
    if year == 2016:
        labels[labels > 0] = 1
    void = np.zeros_like(labels)
    for index in range(len(labels)):
        void[index] = labels[index] == VOID
        labels[index, labels[index] == VOID] = 0
    return labels


def _seconds(way: Callable[[], object]) -> float:
    begin = time.perf_counter()
    way()
    return time.perf_counter() - begin
