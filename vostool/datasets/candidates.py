"""Which clips a folder may hold, by the names of its files and folders alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from vostool.datasets.layout import inner_folder, sequence_names
from vostool.errors import InputError, UsageError
from vostool.video.reading.images import natural_key

MASKS_ENDING = "_masks"
# What people's cameras and editors write, and what FFmpeg reads; other files of a folder are no clips.
VIDEO_SUFFIXES = frozenset(
    {".3gp", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv"}
    | {".ts", ".vob", ".webm", ".wmv", ".y4m"}
)
# Names in one line; the rest is counted.
MAX_NAMES = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A clip that may be usable.

    Attributes:
        name: Of the clip.
        source: A folder of images or a video.
        masks: The folder where its masks should be.
    """

    name: str
    source: Path
    masks: Path


def find_candidates(
    root: Path, names: Collection[str] | None, known_layouts: str, note: Callable[[str], None]
) -> list[Candidate]:
    """The clips of a folder, in the order of their names, or those of the names wanted.

    Args:
        root: A data set, or a folder of clips and masks.
        names: None for all.
        known_layouts: Hint for who gives something else.
        note: Told what looks like a clip and is none.

    Raises:
        UsageError: There is no clip of a name.
        InputError: The folder is missing or its layout another.
    """
    if not root.is_dir():
        raise InputError(f"no such folder: {root}", known_layouts)
    data_set = next((folder for folder in (root, root / "train") if (folder / "JPEGImages").is_dir()), None)
    candidates = _loose_clips(root, note) if data_set is None else _data_set(data_set)
    if not candidates:
        raise InputError(f"{root} holds no clips with masks", known_layouts, code="input.no_footage")
    if names is None:
        return candidates
    by_name = {candidate.name: candidate for candidate in candidates}
    if missing := [name for name in names if name not in by_name]:
        raise UsageError(f"no clip {', '.join(missing)} in {root}", f"it holds {', '.join(by_name)}")
    return [by_name[name] for name in names]


def leave_out(note: Callable[[str], None], clip: str, kind: str, names: Sequence[str], reason: str) -> None:
    """Note in one line which files of a clip are left out and why; nothing if there are none."""
    if names:
        count = f"{len(names)} {kind}{'s' if len(names) > 1 else ''} left out"
        note(f"{clip}: {count} ({_some(names)}): {reason}")


def _data_set(root: Path) -> list[Candidate]:
    images, masks = inner_folder(root, "JPEGImages"), inner_folder(root, "Annotations")
    return [Candidate(name, images / name, masks / name) for name in sequence_names(images)]


def _loose_clips(root: Path, note: Callable[[str], None]) -> list[Candidate]:
    """CLIP.mp4 or CLIP/ beside CLIP_masks/."""
    entries = sorted((path for path in root.iterdir() if not path.name.startswith(".")), key=natural_key)
    folders = [path for path in entries if path.is_dir() and path.name.endswith(MASKS_ENDING)]
    videos = [path for path in entries if path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES]
    candidates = []
    for masks in folders:
        name = masks.name.removesuffix(MASKS_ENDING)
        sources = [path for path in videos if path.stem == name]
        sources += [root / name] if (root / name).is_dir() else []
        if len(sources) == 1:
            candidates.append(Candidate(name, sources[0], masks))
        else:
            found = f"{_some([path.name for path in sources])} may be its clip" if sources else "has no clip beside it"
            note(f"{masks.name}: {found}; left out")
    _note_without_masks(videos, [masks.name.removesuffix(MASKS_ENDING) for masks in folders], note)
    return candidates


def _note_without_masks(videos: list[Path], names: list[str], note: Callable[[str], None]) -> None:
    """Videos that are neither clips with masks nor what was made of one, such as CLIP_overlay.mp4."""
    made = tuple(f"{name}_" for name in names)
    bare = [path.name for path in videos if path.stem not in names and not path.stem.startswith(made)]
    if bare:
        note(f"{len(bare)} {'video' if len(bare) == 1 else 'videos'} without masks left out ({_some(bare)})")


def _some(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more
