"""Where DAVIS keeps things on disk, and its masks as they were written.

ROOT/JPEGImages/[480p/]SEQUENCE/*.jpg      frames, of any image format
ROOT/Annotations/[480p/]SEQUENCE/*.png     masks, named like their frames
ROOT/ImageSets/YEAR/SPLIT.txt              names of sequences, one a line; may be absent
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vostool.datasets.plain_png import parse_plain_png
from vostool.errors import InputError, MaskError, UsageError
from vostool.video.images import IMAGE_SUFFIXES, natural_key

# Sequences of the training half of DAVIS-2016 that shipped weights are never trained on, so that they can be scored.
VALIDATION_SEQUENCES = ("bus", "dog-agility", "horsejump-low", "kite-walk", "rhino")
VOID = 255
# Folders that DAVIS puts between, smallest pictures first.
RESOLUTIONS = ("480p", "1080p", "Full-Resolution")


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
    images, masks = inner_folder(root, "JPEGImages"), inner_folder(root, "Annotations")
    found = sequence_names(images)
    return [_sequence(images, masks, name) for name in _chosen(found, names, images)]


def find_mask_folders(folder: Path, names: Iterable[str] | None = None) -> list[Path]:
    """Folders FOLDER/SEQUENCE of those names, or all; FOLDER may also be the root of a data set, or its Annotations.

    Raises:
        UsageError: If a name is not there.
        InputError: If there is no folder of masks.
    """
    root = inner_folder(folder, "Annotations") if (folder / "Annotations").is_dir() else _without_resolution(folder)
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


def sequence_names(folder: Path) -> tuple[str, ...]:
    """Names of the folders in a folder that hold images, sorted."""
    return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and list_images(path)))


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
    pixels = _read_pixels(path)
    if year == 2016:
        is_object = pixels != 0
        return (is_object.any(axis=-1) if pixels.ndim == 3 else is_object).view(np.uint8)
    if pixels.ndim != 2 or pixels.dtype not in (np.uint8, np.bool_):
        raise MaskError(f"mask {path} holds colours or wide values, not ids", "give indexed or 8-bit grey PNG")
    return pixels.astype(np.uint8)


def _read_pixels(path: Path) -> np.ndarray:
    try:
        if (pixels := parse_plain_png(path.read_bytes())) is not None:
            return pixels
        with Image.open(path) as image:
            has_alpha = image.mode in ("RGBA", "LA")
            return np.asarray(image.convert("RGB") if has_alpha else image)
    except FileNotFoundError as error:
        raise MaskError(f"mask {path} is missing", "check the folder") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise MaskError(f"mask {path} cannot be read: {error}", "write it again") from error


def _sequence(images: Path, masks: Path, name: str) -> DavisSequence:
    mask_files = list_images(masks / name, frozenset({".png"})) if (masks / name).is_dir() else ()
    if not mask_files:
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
