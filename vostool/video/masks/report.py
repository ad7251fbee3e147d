"""Say what was seen in a mask: one line for people, a record for machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from vostool.types import Annotation


@dataclass(frozen=True, slots=True)
class ObjectReport:
    """One object of a mask.

    Attributes:
        object_id: The user's id.
        num_pixels: Its area.
        share: Share of the picture, 0..1.
        box: Left, top, right, bottom in pixels, right and bottom exclusive.
    """

    object_id: int
    num_pixels: int
    share: float
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class MaskReport:
    """What a mask holds.

    Attributes:
        source: File or folder name.
        kind: What it was recognised as.
        width, height: Size after fitting, in pixels.
        frame_index: 0-based frame that it belongs to.
        objects: In rising order of ids.
        notes: What was repaired or decided.
    """

    source: str
    kind: str
    width: int
    height: int
    frame_index: int
    objects: tuple[ObjectReport, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The report in types that JSON knows."""
        record = asdict(self)
        record["objects"] = [{**entry, "box": list(entry["box"])} for entry in record["objects"]]
        record["notes"] = list(self.notes)
        return record


def describe(annotation: Annotation) -> MaskReport:
    """Measure the objects of an annotation."""
    height, width = annotation.labels.shape
    objects = tuple(_describe_object(annotation.labels, number) for number in annotation.object_ids)
    return MaskReport(
        annotation.source, annotation.kind, width, height, annotation.frame_index, objects, annotation.notes
    )


def summary_line(annotation: Annotation) -> str:
    """One line, such as ``first.png: indexed PNG, 854x480, 2 objects (1, 2)``, and after it what was repaired."""
    height, width = annotation.labels.shape
    ids = ", ".join(str(number) for number in annotation.object_ids)
    count = len(annotation.object_ids)
    head = f"{annotation.source or 'mask'}: {annotation.kind or 'ids'}, {width}x{height}, "
    head += f"{count} {'object' if count == 1 else 'objects'} ({ids})"
    return "; ".join([head, *annotation.notes])


def _describe_object(labels: np.ndarray, number: int) -> ObjectReport:
    is_object = labels == number
    rows = np.flatnonzero(is_object.any(axis=1))
    columns = np.flatnonzero(is_object.any(axis=0))
    num_pixels = int(is_object.sum())
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return ObjectReport(number, num_pixels, num_pixels / labels.size, box)
