"""JumpCut's protocol on disk: PREDICTIONS/SEQUENCE/KEY_FRAME/FRAME.png, a folder of masks per key frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vostool.datasets.layout import find_mask_folders, list_images, read_labels
from vostool.errors import InputError, MaskError
from vostool.metrics.transfer import DISTANCES, KEY_FRAMES, SequenceTransfer, TransferScores, transfer_error
from vostool.pipelines.processes import map_over_processes


@dataclass(frozen=True, slots=True)
class Transfer:
    """From the mask of a key frame to that of a later frame."""

    key_file: Path
    file: Path
    distance: int


def evaluate_transfer(
    predictions: Path,
    annotations: Path,
    *,
    sequences: Iterable[str] | None = None,
    allow_missing: bool = False,
    num_jobs: int = 1,
    on_sequence: Callable[[SequenceTransfer], None] | None = None,
) -> TransferScores:
    """Scores predictions on disk by the error at the end of each transfer; every pixel that is not 0 is the object.

    Args:
        predictions: Folder of SEQUENCE/KEY_FRAME/*.png, key frames by the name of their mask.
        annotations: Folder of SEQUENCE/*.png, every frame annotated, or the root of a data set in DAVIS layout.
        sequences: Names; None for all that are annotated.
        allow_missing: Missing masks count as empty, which is an error of 1, instead of being refused.
        num_jobs: Processes; the scores do not depend on it.
        on_sequence: Called with the errors of each sequence as soon as they are known, in order.

    Raises:
        MaskError: If a prediction is missing, damaged or of another size, or a mask is empty at the end of a transfer.
        InputError: If the folders are laid out otherwise, or a sequence is too short.
        UsageError: If a sequence does not exist.
    """
    folders = find_mask_folders(annotations, sequences)
    tasks = [_TransferTask(predictions / each.name, each, allow_missing) for each in folders]
    scores = []
    for result in map_over_processes(_score, tasks, num_jobs):
        scores.append(result)
        if on_sequence:
            on_sequence(result)
    return TransferScores(tuple(scores))


def list_transfers(name: str, files: tuple[Path, ...]) -> list[Transfer]:
    """The transfers of a sequence, key frame by key frame, of those that end within it.

    Raises:
        InputError: If there is none.
    """
    transfers = [
        Transfer(files[key], files[key + distance], distance)
        for key in KEY_FRAMES
        for distance in DISTANCES
        if key + distance < len(files)
    ]
    if not transfers:
        raise InputError(f"sequence {name} has {len(files)} masks", f"give more than {DISTANCES[0]}, one per frame")
    return transfers


def measure(transfer: Transfer, prediction: np.ndarray | None) -> float:
    """Error of a prediction of HxW labels; None counts as empty.

    Raises:
        MaskError: If the prediction is of another size, or the truth is empty.
    """
    truth = read_labels(transfer.file, 2016) > 0
    if not truth.any():
        raise MaskError(f"there is no object to measure an error by: {transfer.file} is empty", "leave it out")
    if prediction is None:
        return transfer_error(np.zeros_like(truth), truth)
    if prediction.shape != truth.shape:
        sizes = f"{prediction.shape[1]}x{prediction.shape[0]}, its annotation {truth.shape[1]}x{truth.shape[0]}"
        where = f"frame {transfer.file.stem} of sequence {transfer.file.parent.name}"
        raise MaskError(f"the prediction for {where} is {sizes}", "predict at the size of the annotation")
    return transfer_error(prediction > 0, truth)


def collect(name: str, errors: Iterable[tuple[Transfer, float]], num_missing: int = 0) -> SequenceTransfer:
    """Errors of a sequence by distance."""
    listed = list(errors)
    by_distance = {each: tuple(error for transfer, error in listed if transfer.distance == each) for each in DISTANCES}
    return SequenceTransfer(name, by_distance, num_missing)


@dataclass(frozen=True, slots=True)
class _TransferTask:
    """One sequence, as it is sent to a process."""

    predictions: Path
    annotations: Path
    allow_missing: bool


def _score(task: _TransferTask) -> SequenceTransfer:
    name = task.annotations.name
    transfers = list_transfers(name, list_images(task.annotations, frozenset({".png"})))
    predictions = list(_read_predictions(task, transfers))
    pairs = zip(transfers, predictions, strict=True)
    errors = [(transfer, measure(transfer, prediction)) for transfer, prediction in pairs]
    return collect(name, errors, sum(each is None for each in predictions))


def _read_predictions(task: _TransferTask, transfers: Iterable[Transfer]) -> Iterator[np.ndarray | None]:
    for transfer in transfers:
        path = task.predictions / transfer.key_file.stem / transfer.file.name
        if not path.is_file() and not task.allow_missing:
            where = f"{transfer.distance} frames after key frame {transfer.key_file.stem}"
            message = f"sequence {task.annotations.name} has no prediction {where}: {path} is missing"
            raise MaskError(message, "predict it, or allow what is missing to count as empty (--allow-missing)")
        yield read_labels(path, 2016) if path.is_file() else None
