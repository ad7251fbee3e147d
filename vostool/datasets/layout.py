"""Where DAVIS keeps things on disk, and its masks as they were written.

ROOT/JPEGImages/[480p/]SEQUENCE/*.jpg      frames, of any image format
ROOT/Annotations/[480p/]SEQUENCE/*.png     masks, named like their frames
ROOT/ImageSets/YEAR/SPLIT.txt              names of sequences, one a line; may be absent

SegTrack v2 has the masks of a sequence of several objects in folders of their own, ROOT/GroundTruth/SEQUENCE/ID/*.png.
They are named here as if each frame had one mask, SEQUENCE/*.png, and joined when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vostool.datasets.plain_png import parse_plain_png
from vostool.errors import InputError, MaskError, UsageError
from vostool.video.reading.images import IMAGE_SUFFIXES, natural_key

# Sequences of the training half of DAVIS-2016 that shipped weights are never trained on, so that they can be scored.
VALIDATION_SEQUENCES = ("bus", "dog-agility", "horsejump-low", "kite-walk", "rhino")
VOID = 255
# Folders that DAVIS puts between, smallest pictures first.
RESOLUTIONS = ("480p", "1080p", "Full-Resolution")
MASK_FOLDERS = ("Annotations", "GroundTruth")
_IDS = frozenset(map(str, range(1, VOID)))


@dataclass(frozen=True, slots=True)
class DavisSequence:
    """One sequence.

    Attributes:
        name: Of its folders.
        image_folder: Holds the frames.
        frame_files: Frames in natural order.
        mask_files: Masks in natural order; not every frame need have one.
    """

    name: str
    image_folder: Path
    frame_files: tuple[Path, ...]
    mask_files: tuple[Path, ...]


def find_sequences(root: Path, names: Iterable[str] | None = None) -> list[DavisSequence]:
    """The sequences of those names, or all that have frames, in the order of their names.

    Raises:
        UsageError: If a name is not there.
        InputError: If the layout is another, or a sequence has no masks.
    """
    images, masks = inner_folder(root, "JPEGImages"), inner_folder(root, _mask_folder(root) or MASK_FOLDERS[0])
    found = sequence_names(images)
    return [_sequence(images, masks, name) for name in _chosen(found, names, images)]


def find_mask_folders(folder: Path, names: Iterable[str] | None = None) -> list[Path]:
    """Folders FOLDER/SEQUENCE of those names, or all; FOLDER may also be the root of a data set, or its Annotations.

    Raises:
        UsageError: If a name is not there.
        InputError: If there is no folder of masks.
    """
    root = inner_folder(folder, name) if (name := _mask_folder(folder)) else _without_resolution(folder)
    if not root.is_dir():
        raise InputError(f"no such folder: {root}", "give a folder that holds one folder of masks per sequence")
    return [root / name for name in _chosen(sequence_names(root), names, root)]


def read_split(root: Path, split: str, year: int) -> tuple[str, ...]:
    """Names of the sequences of a split.

    Raises:
        InputError: If the data set has no such list.
    """
    file = root / "ImageSets" / str(year) / f"{split}.txt"
    if not file.is_file():
        raise InputError(f"no list of the sequences of {split}: {file} is missing", "name the sequences one by one")
    return tuple(file.read_text(encoding="utf-8").split())


def list_images(folder: Path, suffixes: frozenset[str] = IMAGE_SUFFIXES) -> tuple[Path, ...]:
    """Image files of a folder in natural order: 2 before 10."""
    files = (path for path in folder.iterdir() if path.suffix.lower() in suffixes and not path.name.startswith("."))
    return tuple(sorted(files, key=natural_key))


def list_masks(folder: Path) -> tuple[Path, ...]:
    """PNG masks of a sequence in natural order, one per frame, also where the objects have folders of their own."""
    masks = list_images(folder, frozenset({".png"})) if folder.is_dir() else ()
    if masks or not (homes := _object_folders(folder)):
        return masks
    return tuple(folder / file.name for file in list_images(next(iter(homes.values())), frozenset({".png"})))


def is_mask(path: Path) -> bool:
    """Whether there is such a mask, be it in one file or in the folders of its objects."""
    return path.is_file() or any((home / path.name).is_file() for home in _object_folders(path.parent).values())


def sequence_names(folder: Path) -> tuple[str, ...]:
    """Names of the folders in a folder that hold images, or folders of objects, sorted."""
    folders = (path for path in folder.iterdir() if path.is_dir())
    return tuple(sorted(path.name for path in folders if list_images(path) or _object_folders(path)))


def read_labels(path: Path, year: int) -> np.ndarray:
    """Labels of a mask as its year means them.

    Args:
        path: A mask; indexed, grey or, in 2016 only, of colours.
        year: 2016: every pixel that is not 0 is the one object. 2017: the values are ids.

    Returns:
        HxW uint8.

    Raises:
        MaskError: If the file is missing, damaged or of a kind that holds no ids.
    """
    try:
        pixels = _read_pixels(path)
    except FileNotFoundError as error:
        if own := read_own_masks(path):
            return _join(own, year)
        raise MaskError(f"mask {path} is missing", "check the folder") from error
    if year == 2016:
        is_object = pixels != 0
        return (is_object.any(axis=-1) if pixels.ndim == 3 else is_object).view(np.uint8)
    if pixels.ndim != 2 or pixels.dtype not in (np.uint8, np.bool_):
        raise MaskError(f"mask {path} holds colours or wide values, not ids", "give indexed or 8-bit grey PNG")
    return pixels.astype(np.uint8)


def read_own_masks(path: Path) -> dict[int, np.ndarray]:
    """Objects that have files of their own, HxW bool by id, where they may overlap; empty if one file holds them all.

    Raises:
        MaskError: If the file of an object is missing or damaged, or two differ in size.
    """
    homes = {} if path.is_file() else _object_folders(path.parent)
    masks = {key: read_labels(home / path.name, 2016).view(bool) for key, home in homes.items()}
    if len({mask.shape for mask in masks.values()}) > 1:
        raise MaskError(f"the objects of mask {path} differ in size", "give masks of the size of the frames")
    return masks


def _join(masks: Mapping[int, np.ndarray], year: int) -> np.ndarray:
    """Labels of objects; where two overlap, that of the smaller id."""
    labels = np.zeros(next(iter(masks.values())).shape, np.uint8)
    for object_id in sorted(masks, reverse=True):
        labels[masks[object_id]] = 1 if year == 2016 else object_id
    return labels


def _object_folders(sequence: Path) -> dict[int, Path]:
    """Folders of single objects by id, rising, in the folder of a sequence."""
    if not sequence.is_dir():
        return {}
    folders = [path for path in sequence.iterdir() if path.name in _IDS]
    return {int(path.name): path for path in sorted(folders, key=natural_key) if path.is_dir() and list_images(path)}


def _mask_folder(root: Path) -> str | None:
    return next((name for name in MASK_FOLDERS if (root / name).is_dir()), None)


def _read_pixels(path: Path) -> np.ndarray:
    try:
        if (pixels := parse_plain_png(path.read_bytes())) is not None:
            return pixels
        with Image.open(path) as image:
            has_alpha = image.mode in ("RGBA", "LA")
            return np.asarray(image.convert("RGB") if has_alpha else image)
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError, ValueError) as error:
        raise MaskError(f"mask {path} cannot be read: {error}", "write it again") from error


def _sequence(images: Path, masks: Path, name: str) -> DavisSequence:
    if not (mask_files := list_masks(masks / name)):
        raise InputError(f"sequence {name} has no masks: no PNG in {masks / name}", "leave the sequence out")
    return DavisSequence(name, images / name, list_images(images / name), mask_files)


def _chosen(found: tuple[str, ...], names: Iterable[str] | None, folder: Path) -> tuple[str, ...]:
    if not found:
        raise InputError(f"no sequence in {folder}", "give a folder that holds one folder of images per sequence")
    if names is None:
        return found
    chosen = tuple(names)
    if missing := [name for name in chosen if name not in found]:
        raise UsageError(f"no sequence {', '.join(missing)} in {folder}", f"it holds {', '.join(found)}")
    return chosen


def inner_folder(root: Path, name: str) -> Path:
    """The folder of that name in a data set, or the one in it for a resolution; raises InputError if there is none."""
    if not (root / name).is_dir():
        raise InputError(f"{root} is not a data set in DAVIS layout: it has no folder {name}", "give its root folder")
    return _without_resolution(root / name)


def _without_resolution(folder: Path) -> Path:
    """The folder of the smallest resolution inside, where there is one."""
    return next((folder / name for name in RESOLUTIONS if (folder / name).is_dir()), folder)
