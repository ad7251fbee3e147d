"""The masks and frames behind scores, read again for the report's page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from vostool.datasets.layout import VOID, find_mask_folders, inner_folder, list_images, read_labels
from vostool.errors import OutputError
from vostool.metrics.report import FramePair, SequenceScores
from vostool.pipelines.ground_truth import first_mask, recognise_year
from vostool.video.reading.images import read_image


@dataclass(slots=True)
class ObjectNotes:
    """What the scores of one object do not tell: frames by their names, in order.

    Attributes:
        missing: There is no prediction at all.
        lost: The object is to be seen, the prediction has nothing of it.
        absent: The object is not to be seen; J is 1 if the prediction has nothing of it either, else 0.
    """

    missing: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


class ScoredMasks:
    """Truth, predictions and frames by the name of sequence and frame.

    Args:
        annotations: As it was scored.
        predictions: Folder of SEQUENCE/*.png of each system.
        sequences: Names of those that were scored.
        year: As it was given.
    """

    def __init__(
        self, annotations: Path, predictions: Mapping[str, Path], sequences: Iterable[str], year: int | None
    ) -> None:
        folders = find_mask_folders(annotations, sequences)
        self.year = year or recognise_year(first_mask(folder) for folder in folders)
        self._truths = {folder.name: folder for folder in folders}
        self._predictions = predictions
        self._frames: dict[str, dict[str, Path]] = {}

    @property
    def has_frames(self) -> bool:
        """Whether the frames of any sequence are there."""
        return any(_frame_folder(folder) for folder in self._truths.values())

    def truth(self, sequence: str, frame: str) -> np.ndarray:
        """HxW uint8 labels, void made background."""
        labels = read_labels(self._truths[sequence] / f"{frame}.png", self.year)
        labels[labels == VOID] = 0
        return labels

    def prediction(self, system: str, sequence: str, frame: str) -> np.ndarray | None:
        """HxW uint8 labels; None if there are none."""
        file = self._predictions[system] / sequence / f"{frame}.png"
        return read_labels(file, self.year) if file.is_file() else None

    def frame(self, sequence: str, frame: str, shape: tuple[int, ...]) -> np.ndarray | None:
        """HxWx3 uint8 RGB at the size of the masks; None if it is not there or cannot be read."""
        if sequence not in self._frames:
            folder = _frame_folder(self._truths[sequence])
            self._frames[sequence] = {file.stem: file for file in list_images(folder)} if folder else {}
        file = self._frames[sequence].get(frame)
        image = read_image(file) if file else None
        if image is None or image.shape[:2] == shape:
            return image
        return np.array(Image.fromarray(image).resize((shape[1], shape[0]), Image.Resampling.BOX))

    def notes(self, system: str, scores: SequenceScores) -> dict[int, ObjectNotes]:
        """What is special on which frames, by object; only masks of frames that score 0 or 1 are looked at."""
        notes = {each.object_id: ObjectNotes() for each in scores.objects}
        suspects: dict[str, list[int]] = {}
        for each in scores.objects:
            for frame, region in zip(each.frames, each.regions, strict=True):
                if region in (0.0, 1.0):
                    suspects.setdefault(frame, []).append(each.object_id)
        for frame in sorted(suspects):
            truth, prediction = self.truth(scores.name, frame), self.prediction(system, scores.name, frame)
            for object_id in suspects[frame]:
                _note(
                    notes[object_id], frame, truth == object_id, None if prediction is None else prediction == object_id
                )
        return notes


def save_predictions(folder: Path, pairs: Iterable[FramePair]) -> Iterator[FramePair]:
    """Passes pairs on and keeps their predictions as FOLDER/FRAME.png, made if it is not there.

    Raises:
        OutputError: One cannot be written.
    """
    for pair in pairs:
        if pair.prediction is not None:
            _save(folder / f"{pair.name}.png", pair.prediction)
        yield pair


def _save(file: Path, labels: np.ndarray) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(labels).save(file, compress_level=1)
    except OSError as error:
        raise OutputError(f"cannot keep a mask for the report: {error}", "make space for temporary files") from error


def _note(notes: ObjectNotes, frame: str, truth: np.ndarray, prediction: np.ndarray | None) -> None:
    if prediction is None:
        notes.missing.append(frame)
    elif not truth.any():
        notes.absent.append(frame)
    elif not prediction.any():
        notes.lost.append(frame)


def _frame_folder(truth: Path) -> Path | None:
    """The folder of the frames beside a folder of masks: ROOT/JPEGImages/[480p/]SEQUENCE."""
    for root in truth.resolve().parents[:3]:
        if (root / "JPEGImages").is_dir():
            homes = (root / "JPEGImages" / truth.resolve().parent.name, inner_folder(root, "JPEGImages"))
            return next((home / truth.name for home in homes if (home / truth.name).is_dir()), None)
    return None
