"""Scores predicted masks on disk: J and F of every object, sequences over processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vostool.datasets.layout import find_mask_folders, is_mask, list_masks, read_labels, read_own_masks
from vostool.errors import InputError, MaskError
from vostool.metrics.report import FramePair, Scores, SequenceScores, score_frames
from vostool.pipelines.ground_truth import (
    SequenceTruth,
    check_protocol,
    check_year,
    read_truth,
    recognise_years,
)
from vostool.pipelines.processes import map_ahead, map_over_processes
from vostool.pipelines.scoring_work import plan_work
from vostool.pipelines.youtube import category_marker

COUNT_AS_ZERO = "allow what is missing to count as 0 (--allow-missing)"


def evaluate(
    predictions: Path,
    annotations: Path,
    *,
    year: int | None = None,
    protocol: str = "davis",
    sequences: Iterable[str] | None = None,
    allow_missing: bool = False,
    seen: Path | None = None,
    num_jobs: int | None = 1,
    on_sequence: Callable[[SequenceScores], None] | None = None,
) -> Scores:
    """Scores predictions on disk.

    Args:
        predictions: Folder of SEQUENCE/*.png; frames that do not count need not be there.
        annotations: Folder of SEQUENCE/*.png, or the root of a data set in DAVIS or YouTube-VOS layout.
        year: 2016: one object, every pixel that is not 0. 2017: values are ids, 255 is void. None: 2016 if no first
            mask of a sequence holds anything but 0 and 255.
        protocol: ``davis``, ``youtube`` or ``segtrack``: which frames and objects count, see ``ground_truth``.
        sequences: Names; None for all that are annotated.
        allow_missing: Missing frames and sequences count as 0 instead of being an error.
        seen: ``meta.json`` of the training set, or a JSON list of categories; for ``youtube`` only. None: that of the
            folder ``train`` beside the data set, if there is one.
        num_jobs: Processes; None for what pays: threads that read ahead, and processes where there is enough for
            them. The scores do not depend on it.
        on_sequence: Called with the scores of each sequence as soon as they are known, in order.

    Raises:
        MaskError: If a prediction is missing, damaged, of another size, or has more objects than the annotation.
        InputError: If the folders are laid out otherwise, or a sequence has nothing to score.
        UsageError: If the year, the protocol or a sequence does not exist.
    """
    check_year(year)
    check_protocol(protocol)
    folders = find_mask_folders(annotations, sequences)
    years = recognise_years(folders, year, protocol)
    home = prediction_home(predictions)
    num_processes, num_threads = plan_work(folders, num_jobs)
    tasks = [
        _ScoringTask(home / each.name, each, year, protocol, allow_missing, num_threads)
        for each, year in zip(folders, years, strict=True)
    ]
    mark = category_marker(annotations, folders, seen) if protocol == "youtube" else None
    scores = []
    for result in map_over_processes(_score, tasks, num_processes):
        scores.append(mark(result) if mark else result)
        if on_sequence:
            on_sequence(scores[-1])
    return Scores(tuple(scores))


@dataclass(frozen=True, slots=True)
class _ScoringTask:
    """One sequence, as it is sent to a process."""

    predictions: Path
    annotations: Path
    year: int
    protocol: str
    allow_missing: bool
    num_threads: int


def _score(task: _ScoringTask) -> SequenceScores:
    name = task.annotations.name
    truth = read_truth(name, list_masks(task.annotations), task.year, task.protocol)
    if not task.predictions.is_dir() and not task.allow_missing:
        message = f"sequence {name} has no predictions: {task.predictions} is missing"
        raise MaskError(message, f"predict it, leave it out, or {COUNT_AS_ZERO}")
    scores = score_frames(name, _pairs_on_disk(task, truth))
    if not scores.objects:
        raise InputError(f"sequence {name} has nothing to score: no frame follows its first objects", "leave it out")
    return scores


def _pairs_on_disk(task: _ScoringTask, truth: SequenceTruth) -> Iterator[FramePair]:
    """Prediction and truth of each frame that counts."""
    # Reading takes longer than scoring, and is done where Python's lock is free.
    return map_ahead(lambda stem: _read_pair(task, truth, stem), truth.files, task.num_threads)


def _read_pair(task: _ScoringTask, truth: SequenceTruth, stem: str) -> FramePair:
    path, file = task.predictions / f"{stem}.png", truth.files[stem]
    labels, object_ids = truth.read(file), truth.object_ids_on(stem)
    if (is_one := path.is_file()) or is_mask(path):
        prediction = read_labels(path, truth.year)
        truth.check(prediction, labels, stem)
        own_predictions = {} if is_one else read_own_masks(path)
        return FramePair(stem, prediction, labels, object_ids, own_predictions, truth.read_own_masks(file))
    if not task.allow_missing:
        message = f"frame {stem} of sequence {truth.name} has no prediction: {path} is missing"
        raise MaskError(message, f"predict every frame, under the name of its annotation, or {COUNT_AS_ZERO}")
    return FramePair(stem, None, labels, object_ids)


def prediction_home(folder: Path) -> Path:
    """Where the folders of the sequences are; YouTube-VOS hands predictions in under ``Annotations``."""
    return folder / "Annotations" if (folder / "Annotations").is_dir() else folder
