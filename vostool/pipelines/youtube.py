"""What YouTube-VOS says about its objects: ``meta.json``, and which categories training may see.

meta.json    {"videos": {SEQUENCE: {"objects": {ID: {"category": NAME, "frames": [STEM, ...]}}}}}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vostool.datasets.layout import list_images
from vostool.errors import InputError
from vostool.metrics.report import ObjectScores, SequenceScores


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """One object.

    Attributes:
        category: Of what it is.
        frames: Stems of the frames on which it counts; may be empty.
    """

    category: str
    frames: tuple[str, ...]


Meta = Mapping[str, Mapping[int, ObjectRecord]]
Marker = Callable[[SequenceScores], SequenceScores]


def read_meta(annotations: Path) -> Meta:
    """The objects by sequence and id, from ``meta.json`` in the folder or beside it; empty if there is none.

    Raises:
        InputError: If the file is of another form.
    """
    file = next((folder / "meta.json" for folder in (annotations, annotations.parent)
                 if (folder / "meta.json").is_file()), None)  # fmt: skip
    return _parse(file) if file else {}


def find_seen(annotations: Path, seen: Path | None) -> frozenset[str] | None:
    """Categories that training may see.

    Args:
        annotations: Root of a part of the data set, or its folder of annotations.
        seen: ``meta.json`` of the training set, or a JSON list of names; None for ``train/meta.json`` beside the part.

    Returns:
        None if there is no such list.

    Raises:
        InputError: If the file is missing or of another form.
    """
    if seen is None:
        root = annotations.resolve()
        guesses = [folder / "train" / "meta.json" for folder in (root.parent, root.parent.parent)]
        seen = next((guess for guess in guesses if guess.is_file()), None)
        if seen is None:
            return None
    content = _load(seen)
    if isinstance(content, list):
        return frozenset(map(str, content))
    return frozenset(record.category for objects in _parse(seen).values() for record in objects.values())


def check_is_complete(meta: Meta, folders: Iterable[Path]) -> None:
    """Refuses annotations that are only those that are given: the scores would be of the wrong frames.

    Raises:
        InputError: If a frame on which an object counts has no annotation.
    """
    for folder in folders:
        stems = {path.stem for path in list_images(folder, frozenset({".png"}))}
        listed = {stem for record in meta.get(folder.name, {}).values() for stem in record.frames}
        if missing := sorted(listed - stems):
            message = f"frame {missing[0]} of sequence {folder.name} counts by meta.json and has no annotation"
            raise InputError(message, "give all annotations; those of the validation set are kept on its server")


def category_marker(annotations: Path, folders: Iterable[Path], seen: Path | None) -> Marker:
    """What marks the objects of a sequence as seen or unseen; it leaves the scores alone where categories are unknown.

    Args:
        annotations: Root of a part of the data set, or its folder of annotations.
        folders: Annotations of each sequence.
        seen: See ``find_seen``.

    Raises:
        InputError: If a file is missing or of another form, or a frame that counts has no annotation.
    """
    meta = read_meta(annotations)
    check_is_complete(meta, folders)
    categories = find_seen(annotations, seen) if meta or seen else None
    return (lambda scores: mark_categories(scores, meta, categories)) if categories else lambda scores: scores


def mark_categories(scores: SequenceScores, meta: Meta, seen: Collection[str]) -> SequenceScores:
    """The scores with every object marked as of a seen or of an unseen category.

    Raises:
        InputError: If an object has no category.
    """
    return replace(scores, objects=tuple(_mark(scores.name, each, meta, seen) for each in scores.objects))


def _mark(name: str, scores: ObjectScores, meta: Meta, seen: Collection[str]) -> ObjectScores:
    record = meta.get(name, {}).get(scores.object_id)
    if record is None:
        raise InputError(
            f"meta.json has no object {scores.object_id} of sequence {name}", "complete it or move it away"
        )
    return replace(scores, is_seen=record.category in seen)


def _parse(file: Path) -> Meta:
    content = _load(file)
    try:
        return {name: _objects(video["objects"]) for name, video in content["videos"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{file} is not as YouTube-VOS writes it: {error!r}", "give its meta.json") from error


def _objects(records: Mapping[str, Any]) -> dict[int, ObjectRecord]:
    return {
        int(key): ObjectRecord(str(record["category"]), tuple(record.get("frames", ())))
        for key, record in records.items()
    }


def _load(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read: {error}", "give a JSON file") from error
