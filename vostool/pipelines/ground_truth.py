"""What is true of a sequence, which frames count and which objects on each: the rules of each protocol.

davis      objects of the first mask, on all annotated frames but the first, which is given, and the last
segtrack   objects of the first mask, on all annotated frames but the first; the year is that of each sequence
youtube    every object, on all annotated frames after its own first, which gives it
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vostool.datasets.layout import VOID, list_masks, read_labels, read_own_masks
from vostool.errors import InputError, MaskError, UsageError

YEARS = (2016, 2017)
PROTOCOLS = ("davis", "youtube", "segtrack")
ZERO_OR_255 = "masks of one object with the values 0 and 255 are those of year 2016"


@dataclass(frozen=True, slots=True)
class SequenceTruth:
    """Annotations of one sequence.

    Attributes:
        name: Of the sequence.
        year: 2016: one object, every pixel that is not 0. 2017: values are ids, 255 is void.
        first_file: The first mask, which is given.
        files: The masks that count, in order, by stem.
        object_ids: All objects, rising.
        given_on: For objects that are given later than on the first mask, the stem of the mask that gives them.
        has_own_masks: Whether each object has a file of its own on every frame.
    """

    name: str
    year: int
    first_file: Path
    files: Mapping[str, Path]
    object_ids: tuple[int, ...]
    given_on: Mapping[int, str] = field(default_factory=dict)
    has_own_masks: bool = False

    def object_ids_on(self, stem: str) -> tuple[int, ...]:
        """Objects that count on a frame: all that were given before it."""
        if not self.given_on:
            return self.object_ids
        order = {name: index for index, name in enumerate(self.files)}
        late = {key for key, first in self.given_on.items() if order[stem] <= order[first]}
        return tuple(each for each in self.object_ids if each not in late)

    def read_own_masks(self, file: Path) -> dict[int, np.ndarray]:
        """HxW bool of each object by id, if the objects have files of their own; else empty."""
        return read_own_masks(file) if self.has_own_masks else {}

    def read(self, file: Path) -> np.ndarray:
        """Labels of a mask, HxW uint8, void made background."""
        return _read(file, self.year)

    def given(self) -> dict[str, np.ndarray]:
        """What is given: by stem, HxW uint8 labels of the objects that are given there, and of no others."""
        files = {self.first_file.stem: self.first_file, **self.files}
        object_ids: dict[str, list[int]] = {}
        for object_id in self.object_ids:
            object_ids.setdefault(self.given_on.get(object_id, self.first_file.stem), []).append(object_id)
        labels = {stem: self.read(files[stem]) for stem in files if stem in object_ids}
        return {stem: np.where(np.isin(each, object_ids[stem]), each, np.uint8(0)) for stem, each in labels.items()}

    def check(self, prediction: np.ndarray, truth: np.ndarray, stem: str) -> None:
        """Refuses labels of another size or with unknown objects."""
        where = f"frame {stem} of sequence {self.name}"
        if prediction.shape != truth.shape:
            sizes = f"{_size(prediction)}, its annotation {_size(truth)}"
            raise MaskError(f"the prediction for {where} is {sizes}", "predict at the size of the annotation")
        if (largest := int(prediction.max())) > self.object_ids[-1]:
            found = f"object {largest}, the annotation {self.object_ids[-1]} in all"
            hint = ZERO_OR_255 if largest == VOID else "predict no others"
            raise MaskError(f"the prediction for {where} has {found}", hint)


def read_truth(name: str, files: tuple[Path, ...], year: int, protocol: str = "davis") -> SequenceTruth:
    """Finds out which frames and objects of a sequence count.

    Args:
        name: Of the sequence.
        files: Its masks in order.
        year: What their values mean.
        protocol: ``davis``, ``youtube`` or ``segtrack``.

    Raises:
        InputError: If there are too few masks for one to count.
        MaskError: If a mask is damaged or there is no object.
    """
    num_left_out = 2 if protocol == "davis" else 1
    if len(files) <= num_left_out:
        which = "the first and last never count" if num_left_out == 2 else "the first never counts"
        given_only = "; sets like test-dev keep theirs on a server" if len(files) == 1 else ""
        few = f"sequence {name} has {len(files)} mask{'s' if len(files) != 1 else ''}"
        raise InputError(few, f"give {num_left_out + 1} or more: {which}{given_only}")
    counting = {path.stem: path for path in (files[1:-1] if protocol == "davis" else files[1:])}
    if protocol == "youtube":
        return _with_late_objects(name, files, year, counting)
    object_ids = tuple(range(1, int(_read(files[0], year).max()) + 1))
    if not object_ids:
        raise MaskError(f"the first mask of sequence {name} has no object: {files[0]}", ZERO_OR_255)
    return SequenceTruth(name, year, files[0], counting, object_ids, has_own_masks=not files[0].is_file())


def check_year(year: int | None) -> None:
    """Refuses a year that has no evaluation; None is fine."""
    if year is not None and year not in YEARS:
        raise UsageError(f"there is no evaluation of {year}", "choose year 2016 or 2017")


def check_protocol(protocol: str) -> None:
    """Refuses a protocol that scores no J and F."""
    if protocol not in PROTOCOLS:
        raise UsageError(f"there is no protocol '{protocol}'", f"choose among {', '.join(PROTOCOLS)}")


def recognise_year(first_files: Iterable[Path]) -> int:
    """2016 if no first mask holds anything but 0, 255 or colours; 2017 as soon as one holds ids."""
    return 2017 if any(_has_ids(file) for file in first_files) else 2016


def recognise_years(folders: Sequence[Path], year: int | None, protocol: str) -> tuple[int, ...]:
    """The year of each sequence: the given one, or that of all; in segtrack, where some have ids, of each by itself."""
    if year is None and protocol == "segtrack":
        return tuple(recognise_year([first_mask(folder)]) for folder in folders)
    return (year or recognise_year(first_mask(folder) for folder in folders),) * len(folders)


def first_mask(folder: Path) -> Path:
    """The first mask of a folder that has some."""
    return list_masks(folder)[0]


def _has_ids(file: Path) -> bool:
    try:
        return bool(np.isin(read_labels(file, 2017), (0, VOID), invert=True).any())
    except MaskError:
        return False


def _with_late_objects(name: str, files: tuple[Path, ...], year: int, counting: dict[str, Path]) -> SequenceTruth:
    given_on: dict[int, str] = {}
    for file in files:
        for object_id in np.flatnonzero(np.bincount(_read(file, year).ravel(), minlength=256)[1:]) + 1:
            given_on.setdefault(int(object_id), file.stem)
    if not given_on:
        raise MaskError(f"the masks of sequence {name} have no object: {files[0].parent}", ZERO_OR_255)
    late = {each: stem for each, stem in given_on.items() if stem in counting}
    return SequenceTruth(name, year, files[0], counting, tuple(sorted(given_on)), late)


def _read(file: Path, year: int) -> np.ndarray:
    labels = read_labels(file, year)
    labels[labels == VOID] = 0
    return labels


def _size(labels: np.ndarray) -> str:
    return f"{labels.shape[1]}x{labels.shape[0]}"
