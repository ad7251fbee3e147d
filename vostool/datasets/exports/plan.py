"""Which exports a run makes, and what clips and objects are called in them: decided before any work starts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from vostool.errors import UsageError
from vostool.video.writing.output_kind import NO_NAMES, clip_stem

ExportKind = Literal["coco", "yolo", "davis", "labelme"]
EXPORT_KINDS: tuple[ExportKind, ...] = get_args(ExportKind)
ADVICE = "give --export coco=FILE.json, or yolo=FOLDER, davis=FOLDER or labelme=FOLDER"


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """One export: its format and where it goes, a file for COCO and a folder for the others."""

    kind: ExportKind
    path: Path


def resolve_exports(texts: Sequence[str]) -> list[ExportPlan]:
    """Turn the values of ``--export``, each KIND=PATH, into exports.

    Raises:
        UsageError: There is no such format, no path, an extension that does not fit, or one path twice.
    """
    plans = [_plan(text) for text in texts]
    places = [plan.path.resolve() for plan in plans]
    for plan, place in zip(plans, places, strict=True):
        if places.count(place) > 1:
            raise UsageError(f"two exports go to {plan.path}", "give each its own name", code="export.path")
    return plans


def object_name(object_id: int) -> str:
    """What an object is called in all formats."""
    return f"object {object_id}"


def clip_name(source: Path) -> str:
    """Name of a clip as a word that lists and folders can hold."""
    return re.sub(r"[^\w.-]+", "_", clip_stem(str(source)))


def _plan(text: str) -> ExportPlan:
    name, equals, place = text.partition("=")
    kind = next((kind for kind in EXPORT_KINDS if kind == name.strip().lower()), None)
    if kind is None or not equals or Path(place).name in NO_NAMES:
        raise UsageError(f"'{text}' is not an export", ADVICE, code="export.kind")
    path = Path(place)
    if (kind == "coco") != (path.suffix.lower() == ".json"):
        found = "a COCO export is one file named .json" if kind == "coco" else f"{path} is no folder"
        raise UsageError(f"'{text}' cannot be written: {found}", ADVICE, code="export.path")
    return ExportPlan(kind, path)
