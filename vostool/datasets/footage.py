"""Finding clips with masks to train on, in data sets and in what `vostool segment` wrote, and saying what is wrong.

ROOT/[train/]JPEGImages/[480p/]CLIP/NAME.*       frames of DAVIS, YouTube-VOS and whatever is laid out like them
ROOT/[train/]Annotations/[480p/]CLIP/NAME.png    masks, named like their frames; not every frame need have one

ROOT/CLIP.mp4, or ROOT/CLIP/NAME.*               a video, or a folder of frames
ROOT/CLIP_masks/00000.png                        masks by frame number, or named like the frames of a folder
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from vostool.datasets.candidates import Candidate, find_candidates, leave_out
from vostool.datasets.pixels import (
    map_in_threads,
    number_objects,
    present_values,
    read_size,
    read_values,
    shrunken_size,
)
from vostool.errors import InputError, MaskError, VideoError, VostoolError
from vostool.video.reading.images import list_images
from vostool.video.reading.reader import open_video

KNOWN_LAYOUTS = (
    "give a data set in DAVIS or YouTube-VOS layout (JPEGImages and Annotations), "
    "or a folder with CLIP.mp4 or CLIP/ beside CLIP_masks/"
)
Note = Callable[[str], None]
Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ClipFiles:
    """Where a clip lies, checked.

    Attributes:
        name: Of the clip.
        frames: Images in order, or a video.
        masks: Masks by index of their frame, rising.
        size: Height and width of frames and masks.
        num_objects: In all masks together.
    """

    name: str
    frames: tuple[Path, ...] | Path
    masks: dict[int, Path]
    size: Size
    num_objects: int

    @property
    def span(self) -> range:
        """Frames from the first to the last one with a mask; there is nothing to learn from the others."""
        return range(min(self.masks), max(self.masks) + 1)

    def num_bytes(self, short_side: int) -> int:
        """What its frames and masks take in memory as uint8, scaled down to a short side."""
        height, width = shrunken_size(self.size, short_side)
        return height * width * (3 * len(self.span) + len(self.masks))


@dataclass(frozen=True, slots=True)
class Footage:
    """What was found.

    Attributes:
        clips: In the order of their names.
        problems: What was left out and why, one line each.
    """

    clips: tuple[ClipFiles, ...] = ()
    problems: tuple[str, ...] = ()

    def num_bytes(self, short_side: int) -> int:
        """What all clips take in memory as uint8, scaled down to a short side."""
        return sum(clip.num_bytes(short_side) for clip in self.clips)


def find_footage(
    root: Path, *, sequences: Collection[str] | None = None, held_out: Collection[str] = (), year: int | None = None
) -> Footage:
    """Find the clips below a folder that can be trained on; reads all masks, and of the images the headers.

    Args:
        root: A data set, or a folder of clips and masks.
        sequences: Names of the clips wanted; None for all.
        held_out: Names of clips to leave out.
        year: What masks mean, see ``number_objects``.

    Raises:
        UsageError: There is no clip of a name.
        InputError: The layout is another, or no clip can be used.
    """
    problems: list[str] = []
    candidates = find_candidates(root, sequences, KNOWN_LAYOUTS, problems.append)
    wanted = [candidate for candidate in candidates if candidate.name not in held_out]
    clips = [clip for candidate in wanted if (clip := _inspect(candidate, year, problems.append)) is not None]
    if not clips:
        reason = f": {problems[-1]}" if problems else ""
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise InputError(f"nothing to train on in {root}{reason}{more}", KNOWN_LAYOUTS, code="input.no_footage")
    return Footage(tuple(clips), tuple(problems))


@dataclass(frozen=True, slots=True)
class _Frames:
    """Frames of a candidate: where, how large, which index a mask's name means, and names of those left out."""

    files: tuple[Path, ...] | Path
    size: Size
    indices: dict[str, int] | range
    lost: frozenset[str] = frozenset()

    def index_of(self, stem: str) -> int | None:
        """Index of the frame that a mask of this name belongs to."""
        if isinstance(self.indices, dict):
            return self.indices.get(stem)
        return int(stem) if stem.isdecimal() and int(stem) in self.indices else None


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a mask turned out to be: its size, its values other than 0, or why it cannot be used."""

    size: Size = (0, 0)
    values: frozenset[int] = frozenset()
    error: str = ""
    has_background: bool = True


def _inspect(candidate: Candidate, year: int | None, note: Note) -> ClipFiles | None:
    """The clip with the masks that fit it; None, and a note, if it cannot be used."""
    try:
        frames = _find_frames(candidate, note)
        paths = _match(candidate, frames, note)
    except VostoolError as error:
        note(f"{candidate.name}: {error.message}; clip left out")
        return None
    readings = dict(zip(paths, map_in_threads(_read_mask, paths.values()), strict=True))
    masks = _fitting(candidate.name, frames.size, paths, readings, note)
    num_objects = int(number_objects([readings[index].values for index in masks], year).max())
    if len(masks) > 1 and num_objects:
        return ClipFiles(candidate.name, frames.files, masks, frames.size, num_objects)
    found = "no mask marks an object" if len(masks) > 1 else f"{('no', 'only one')[len(masks)]} frame has a mask"
    note(f"{candidate.name}: {found}{'' if len(masks) > 1 else ', two are needed'}; clip left out")
    return None


def _find_frames(candidate: Candidate, note: Note) -> _Frames:
    return _open_folder(candidate, note) if candidate.source.is_dir() else _open_file(candidate.source)


def _open_file(path: Path) -> _Frames:
    """A video; where its container only estimates how many frames there are, any number may be one."""
    try:
        with open_video(path) as reader:
            info = reader.info
    except ImportError as error:
        raise VideoError(f"{path.name} cannot be read without PyAV ({error})") from error
    is_known = info.is_num_frames_exact and info.num_frames is not None
    return _Frames(path, info.size, range(info.num_frames if is_known and info.num_frames else 10**9))


def _open_folder(candidate: Candidate, note: Note) -> _Frames:
    """Images of one size, without those that cannot be read."""
    images = list_images(candidate.source)
    sizes = dict(zip(images, map_in_threads(read_size, images), strict=True))
    damaged = [path for path in images if sizes[path] is None]
    leave_out(note, candidate.name, "image", [path.name for path in damaged], "cannot be read")
    readable = tuple(path for path in images if sizes[path] is not None)
    if not readable:
        raise VideoError("none of its images can be read")
    size = sizes[readable[0]]
    assert size is not None
    if odd := next((path for path in readable if sizes[path] != size), None):
        raise VideoError(f"{odd.name} is {_text(sizes[odd])}, but {readable[0].name} is {_text(size)}")
    indices = {path.stem: index for index, path in enumerate(readable)}
    return _Frames(readable, size, indices, frozenset(path.stem for path in damaged))


def _match(candidate: Candidate, frames: _Frames, note: Note) -> dict[int, Path]:
    """Masks by frame index, rising; those of no frame are noted."""
    if not candidate.masks.is_dir():
        raise MaskError(f"no masks, there is no folder {candidate.masks}")
    indices = {path: frames.index_of(path.stem) for path in list_images(candidate.masks)}
    strays = [path.name for path, index in indices.items() if index is None and path.stem not in frames.lost]
    leave_out(note, candidate.name, "mask", strays, "no frame of that name")
    return dict(sorted((index, path) for path, index in indices.items() if index is not None))


def _read_mask(path: Path) -> _Reading:
    try:
        values = read_values(path)
    except MaskError as error:
        return _Reading(error=error.message)
    size = (values.shape[0], values.shape[1])
    return _Reading(size, present_values(values), has_background=bool((values == 0).any()))


def _fitting(
    name: str, size: Size, paths: dict[int, Path], readings: dict[int, _Reading], note: Note
) -> dict[int, Path]:
    """The masks that could be read and have the size of the frames; the others are noted."""
    unread = [index for index in paths if readings[index].error]
    if unread:
        leave_out(note, name, "mask", [paths[index].name for index in unread], readings[unread[0]].error)
    odd = [index for index in paths if readings[index].size != size and index not in unread]
    if odd:
        found = f"{_text(readings[odd[0]].size)}, but the frames are {_text(size)}"
        leave_out(note, name, "mask", [paths[index].name for index in odd], found)
    # A slip of the fill tool; DAVIS-2016 has one, in bear.
    full = [index for index in paths if not readings[index].has_background and index not in odd]
    leave_out(note, name, "mask", [paths[index].name for index in full], "it covers the whole picture")
    left_out = {*unread, *odd, *full}
    return {index: path for index, path in paths.items() if index not in left_out}


def _text(size: Size | None) -> str:
    assert size is not None
    return f"{size[1]}x{size[0]}"
