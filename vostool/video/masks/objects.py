"""Masks in, one picture per object: ``--object 1=a.png --object 2=b.png`` and ``--objects FOLDER``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from vostool.errors import MaskError, UsageError
from vostool.types import MAX_OBJECTS, Annotation
from vostool.video.masks.annotation import annotate
from vostool.video.masks.kinds import label_object
from vostool.video.masks.picture import read_picture
from vostool.video.masks.size import fit_labels
from vostool.video.reading.images import natural_key

MAX_OVERLAP = 0.01
_OBJECT_HINT = "write --object ID=PICTURE with an id from 1 to 255, as in --object 1=person.png"


def parse_object_option(text: str) -> tuple[int, Path]:
    """Take ``1=a.png`` apart; raises UsageError."""
    number, separator, path = text.partition("=")
    if not separator or not path.strip():
        raise UsageError(f"--object {text!r} is not of the form ID=PICTURE", _OBJECT_HINT, code="usage.object")
    if not number.strip().isascii() or not number.strip().isdigit() or not 1 <= int(number) <= 255:
        raise UsageError(f"--object {text!r} has the id {number!r}", _OBJECT_HINT, code="usage.object")
    return int(number), Path(path.strip())


def parse_object_options(texts: Sequence[str]) -> dict[int, Path]:
    """Pictures by id, in the order given; raises UsageError for a text that is wrong or an id given twice."""
    masks: dict[int, Path] = {}
    for text in texts:
        number, path = parse_object_option(text)
        if number in masks:
            message = f"--object {number} is given twice, as {masks[number]} and {path}"
            raise UsageError(message, "give every object its own id", code="usage.object")
        masks[number] = path
    return masks


def load_object_masks(
    masks: Mapping[int, str | Path], size: tuple[int, int] | None, *, frame_index: int = 0
) -> Annotation:
    """Read the objects of one frame from one picture each.

    Whatever a picture marks is the object. Where pictures overlap the later one wins; a pair that overlaps on more
    than 1 % of the pixels that either marks is refused.

    Args:
        masks: Pictures by id, 1..255.
        size: Height and width of the upright frames; None takes that of the first picture.

    Raises:
        MaskError: A picture cannot be read, is ambiguous, empty or of another shape, or two overlap.
        UsageError: There is no picture, or an id is out of range.
    """
    notes: list[str] = []
    return _merge({number: Path(path) for number, path in masks.items()}, size, frame_index, notes)


def load_object_folder(folder: str | Path, size: tuple[int, int] | None, *, frame_index: int = 0) -> Annotation:
    """Read the objects of one frame from a folder with one picture each.

    An object's id is the last integer in the file's name, if all names have one from 1 to 255 and no two the same;
    else the place in natural order, from 1. Raises as ``load_object_masks`` does.
    """
    folder = Path(folder)
    paths = _pictures_in(folder)
    numbers = [_last_integer(path.stem) for path in paths]
    is_named = len(set(numbers)) == len(numbers) and all(1 <= number <= 255 for number in numbers)
    rule = "ids are the last integer in the file names" if is_named else "ids are the order of the file names"
    masks = dict(zip(numbers if is_named else range(1, len(paths) + 1), paths, strict=True))
    return _merge(masks, size, frame_index, [rule], source=folder.name or str(folder))


def list_pictures(folder: Path, option: str, hint: str) -> list[Path]:
    """Pictures of a folder in natural order.

    Args:
        option: That named the folder, for the message.
        hint: What to give, for the message.

    Raises:
        MaskError: There is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise MaskError(f"{option} {folder} {what}", hint, code="mask.no_folder")
    suffixes = Image.registered_extensions()
    entries = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    paths = sorted((path for path in entries if path.suffix.lower() in suffixes), key=natural_key)
    if not paths:
        message = f"{folder} has no pictures, only {len(entries)} other files"
        raise MaskError(message, hint, code="mask.empty_folder")
    return paths


def _pictures_in(folder: Path) -> list[Path]:
    """Pictures of the folder in natural order, one per object."""
    paths = list_pictures(folder, "--objects", "give a folder with one picture per object")
    if len(paths) > MAX_OBJECTS:
        message = f"{folder} has {len(paths)} pictures, more than the {MAX_OBJECTS} objects that can be followed"
        raise MaskError(message, "split them over several runs", code="mask.too_many_objects")
    return paths


def _last_integer(stem: str) -> int:
    """The last integer in the name, 0 if there is none."""
    digits = re.findall(r"[0-9]+", stem)
    return int(digits[-1]) if digits else 0


def _merge(
    masks: Mapping[int, Path], size: tuple[int, int] | None, frame_index: int, notes: list[str], source: str = ""
) -> Annotation:
    """Paint the objects in order."""
    _check_ids(masks)
    labels: np.ndarray | None = None
    areas: dict[int, np.ndarray] = {}
    for number, path in masks.items():
        area, remarks = _read_object(number, path, size)
        size = size or (area.shape[0], area.shape[1])
        notes += [f"{path.name}: {remark}" for remark in remarks]
        labels = np.zeros(size, np.uint8) if labels is None else labels
        notes += _overlaps(number, area, areas, labels)
        labels[area] = number
        areas[number] = area
    assert labels is not None
    _check_hidden(labels, masks)
    names = [path.name for path in masks.values()]
    shown = ", ".join(names if len(names) <= 4 else [*names[:3], f"and {len(names) - 3} more"])
    return annotate(labels, source or shown, "one picture per object", tuple(notes), frame_index)


def _check_ids(masks: Mapping[int, Path]) -> None:
    if not masks:
        raise UsageError("no object mask was given", _OBJECT_HINT, code="usage.object")
    wrong = [number for number in masks if not 1 <= number <= 255]
    if wrong:
        raise UsageError(f"there is no object id {wrong[0]}", _OBJECT_HINT, code="usage.object")


def _read_object(number: int, path: Path, size: tuple[int, int] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """HxW bool of one object, and what was repaired."""
    picture = read_picture(path)
    labels = label_object(picture)
    ids, notes = fit_labels(labels.ids, size, picture.name)
    if not ids.any():
        message = f"object {number} is empty, no pixel of {picture.name} marks it"
        raise MaskError(message, "paint it first, or leave it out", code="mask.empty")
    return ids > 0, labels.notes + notes


def _overlaps(number: int, area: np.ndarray, areas: Mapping[int, np.ndarray], labels: np.ndarray) -> list[str]:
    """Notes on the objects that the new one covers a little; raises MaskError for more than a little."""
    shared = np.bincount(labels[area], minlength=256)
    notes = []
    for other, other_area in areas.items():
        # Later objects may have covered part of it: count on its own picture wherever they touch at all.
        num_shared = int((other_area & area).sum()) if shared[1:].any() else 0
        share = num_shared / int((other_area | area).sum()) if num_shared else 0.0
        text = f"objects {other} and {number} overlap on {num_shared} pixels, {100 * share:.2g} % of the two"
        if share > MAX_OVERLAP:
            hint = f"at most {100 * MAX_OVERLAP:g} % may overlap; cut one picture out of the other"
            raise MaskError(text, hint, code="mask.overlap")
        if num_shared:
            notes.append(f"{text}; the later one wins")
    return notes


def _check_hidden(labels: np.ndarray, masks: Mapping[int, Path]) -> None:
    counts = np.bincount(labels.ravel(), minlength=256)
    for number, path in masks.items():
        if not counts[number]:
            message = f"object {number} ({path.name}) lies wholly under later objects"
            raise MaskError(message, "give it after them, or cut them apart", code="mask.overlap")
