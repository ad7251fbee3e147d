"""Masks in: read the objects of one frame from one picture and fit them to the frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from vostool.errors import MaskError
from vostool.types import MAX_OBJECTS, Annotation
from vostool.video.masks.ids import PaintedIds
from vostool.video.masks.kinds import Labels, check_mode, label_picture
from vostool.video.masks.picture import read_picture
from vostool.video.masks.size import fit_labels

# Objects below this are most likely slips of the brush.
SPECK_PIXELS = 16


def load_masks(
    path: str | Path, size: tuple[int, int] | None, *, frame_index: int = 0, mode: str = "auto"
) -> Annotation:
    """Read the objects of one frame from one picture.

    Args:
        path: Indexed, grey, 0/255, RGB or RGBA picture, in any format that Pillow reads.
        size: Height and width of the upright frames; None keeps the size of the picture.
        frame_index: 0-based frame that the mask belongs to.
        mode: ``auto`` detects what the values mean; ``index`` takes them as ids, ``binary`` as one object,
            ``color`` every colour but black as an object.

    Raises:
        MaskError: The picture cannot be read, is ambiguous, empty, of another shape or has too many objects.
        UsageError: There is no such mode.
    """
    labels = read_labels(Path(path), size, mode)
    return annotate(labels.ids, Path(path).name, labels.kind, explain(labels), frame_index)


def read_labels(path: Path, size: tuple[int, int] | None, mode: str) -> Labels:
    """The ids of a picture at ``size``; arguments and errors as of ``load_masks``."""
    chosen_mode = check_mode(mode)
    labels = label_picture(read_picture(path), chosen_mode)
    fitted, notes = fit_labels(labels.ids, size, path.name)
    return replace(labels, ids=fitted, notes=labels.notes + notes)


def explain(labels: Labels, painted: PaintedIds | None = None) -> tuple[str, ...]:
    """The notes of a mask, with the one on its colours at the end.

    Args:
        painted: What its colours became, if not what it says itself.
    """
    painted = painted or labels.painted
    return (*labels.notes, painted.note) if painted else labels.notes


def annotate(
    labels: np.ndarray, source: str, kind: str, notes: tuple[str, ...], frame_index: int, *, is_exact: bool = False
) -> Annotation:
    """Make an annotation of HxW uint8 ids; raises MaskError if it has too many objects, or none and is not exact."""
    counts = np.bincount(labels.ravel(), minlength=256)
    object_ids = tuple(int(number) for number in np.flatnonzero(counts[1:]) + 1)
    if not object_ids and not is_exact:
        raise MaskError(f"{source} is empty, no pixel marks an object", "paint the objects first", code="mask.empty")
    if len(object_ids) > MAX_OBJECTS:
        message = f"{source} has {len(object_ids)} objects, more than the {MAX_OBJECTS} that can be followed"
        raise MaskError(message, "split them over several runs", code="mask.too_many_objects")
    specks = tuple(
        f"object {number} has only {counts[number]} {'pixel' if counts[number] == 1 else 'pixels'}"
        for number in object_ids
        if counts[number] < SPECK_PIXELS
    )
    whole = () if counts[0] else ("no pixel is background",)
    return Annotation(frame_index, labels, object_ids, notes + specks + whole, source, kind, is_exact)
