"""Scores predicted masks on disk as the DAVIS evaluation does.

Per object; the first annotated frame is given and the last is left out, as the protocol has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from vostool.datasets.layout import VOID, find_mask_folders, list_images, read_labels
from vostool.errors import InputError, MaskError, UsageError
from vostool.metrics.report import Scores, SequenceScores, score_sequence

YEARS = (2016, 2017)
ZERO_OR_255 = "masks of one object with the values 0 and 255 are those of year 2016"


def evaluate(
    predictions: Path,
    annotations: Path,
    *,
    year: int = 2017,
    sequences: Iterable[str] | None = None,
    on_sequence: Callable[[SequenceScores], None] | None = None,
) -> Scores:
    """Scores predictions on disk.

    Args:
        predictions: Folder of SEQUENCE/*.png; the first and last frame of a sequence need not be there.
        annotations: Folder of SEQUENCE/*.png, or the root of a data set in DAVIS layout.
        year: 2016: one object, every pixel that is not 0. 2017: values are ids, 255 is void.
        sequences: Names; None for all that are annotated.
        on_sequence: Called with the scores of each sequence as soon as they are known.

    Raises:
        MaskError: If a prediction is missing, damaged, of another size, or has more objects than the annotation.
        InputError: If the folders are laid out otherwise, or a sequence has nothing to score.
        UsageError: If the year or a sequence does not exist.
    """
    check_year(year)
    scores = []
    for folder in find_mask_folders(annotations, sequences):
        truths = SequenceTruth(folder.name, list_images(folder, frozenset({".png"})), year)
        scores.append(score_sequence(folder.name, _pairs_on_disk(predictions / folder.name, truths), truths.object_ids))
        if on_sequence:
            on_sequence(scores[-1])
    return Scores(tuple(scores))


class SequenceTruth:
    """Annotations of one sequence: what its objects are, and which frames count.

    Attributes:
        name: Of the sequence.
        first_file: The mask that is given.
        files: The masks that count, by stem: all but the first and the last.
        object_ids: 1 to the largest label of the first mask.

    Raises:
        InputError: If there are too few masks for one to count.
        MaskError: If the first mask is damaged or has no object.
    """

    def __init__(self, name: str, files: tuple[Path, ...], year: int) -> None:
        self.name = name
        self.year = year
        if len(files) < 3:
            raise InputError(
                f"sequence {name} has {len(files)} masks", "give 3 or more: the first and last never count"
            )
        self.first_file = files[0]
        self.files = {path.stem: path for path in files[1:-1]}
        self.object_ids = tuple(range(1, int(self.read(self.first_file).max()) + 1))
        if not self.object_ids:
            raise MaskError(f"the first mask of sequence {name} has no object: {self.first_file}", ZERO_OR_255)

    def read(self, file: Path) -> np.ndarray:
        """Labels of a mask, HxW uint8, void made background."""
        labels = read_labels(file, self.year)
        return np.where(labels == VOID, 0, labels)

    def check(self, prediction: np.ndarray, truth: np.ndarray, stem: str) -> None:
        """Refuses labels of another size or with unknown objects."""
        where = f"frame {stem} of sequence {self.name}"
        if prediction.shape != truth.shape:
            sizes = f"{_size(prediction)}, its annotation {_size(truth)}"
            raise MaskError(f"the prediction for {where} is {sizes}", "predict at the size of the annotation")
        if (largest := int(prediction.max())) > len(self.object_ids):
            found = f"object {largest}, the annotation {len(self.object_ids)} in all"
            raise MaskError(f"the prediction for {where} has {found}", ZERO_OR_255)


def _pairs_on_disk(folder: Path, truths: SequenceTruth) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Prediction and truth of each frame that counts."""
    if not folder.is_dir():
        raise MaskError(f"sequence {truths.name} has no predictions: {folder} is missing", "predict it or leave it out")
    for stem, file in truths.files.items():
        path = folder / f"{stem}.png"
        if not path.is_file():
            message = f"frame {stem} of sequence {truths.name} has no prediction: {path} is missing"
            raise MaskError(message, "predict every frame, under the name of its annotation")
        prediction, truth = read_labels(path, truths.year), truths.read(file)
        truths.check(prediction, truth, stem)
        yield prediction, truth


def check_year(year: int) -> None:
    """Refuses a year that has no evaluation."""
    if year not in YEARS:
        raise UsageError(f"there is no evaluation of {year}", "choose year 2016 or 2017")


def _size(labels: np.ndarray) -> str:
    return f"{labels.shape[1]}x{labels.shape[0]}"
