"""Stills on disk: pictures with masks, cut-outs whose alpha is the mask, and backgrounds.

ROOT/.../SET/images/NAME.*     pictures, of any image format
ROOT/.../SET/masks/NAME.png    their masks
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vostool.datasets.pixels import (
    number_objects,
    present_values,
    read_values,
    require_image,
    shrink_image,
    shrink_labels,
)
from vostool.errors import InputError, MaskError
from vostool.video.reading.images import IMAGE_SUFFIXES

# Alpha from which a pixel of a cut-out belongs to the object.
OPAQUE = 128


@dataclass(frozen=True, slots=True)
class StillFiles:
    """Where a still lies.

    Attributes:
        name: Its path below the root, without suffix.
        picture: The picture; for a cut-out a file with alpha.
        mask: Its mask; None for a cut-out.
    """

    name: str
    picture: Path
    mask: Path | None = None


def find_pictures(root: Path) -> list[Path]:
    """All pictures below a folder, links followed, sorted; raises InputError if there are none."""
    files = (Path(folder, name) for folder, _, names in os.walk(root, followlinks=True) for name in names)
    pictures = sorted(path for path in files if path.suffix.lower() in IMAGE_SUFFIXES and path.name[0] != ".")
    if not pictures:
        raise InputError(f"no pictures in {root}", "give a folder with pictures in it or below")
    return pictures


def find_stills(root: Path) -> list[StillFiles]:
    """Pairs of SET/images/NAME.* and SET/masks/NAME.png below a folder; raises InputError if there are none."""
    pairs = []
    for picture in find_pictures(root):
        mask = picture.parent.parent / "masks" / f"{picture.stem}.png"
        if picture.parent.name == "images" and mask.is_file():
            pairs.append(StillFiles(_name(picture, root).replace("/images/", "/"), picture, mask))
    if not pairs:
        raise InputError(f"no pictures with masks in {root}", "put them in SET/images/NAME.* and SET/masks/NAME.png")
    return pairs


def find_cutouts(root: Path) -> list[StillFiles]:
    """All pictures below a folder as cut-outs; raises InputError if there are none."""
    return [StillFiles(_name(picture, root), picture) for picture in find_pictures(root)]


def read_still(files: StillFiles, short_side: int) -> tuple[np.ndarray, np.ndarray]:
    """Reads a still or a cut-out, scaled down to a short side.

    Returns:
        HxWx3 uint8 RGB, and HxW uint8: 0 background, 1..k objects.

    Raises:
        InputError: One of its files cannot be read, they differ in size, or no pixel marks an object.
    """
    image, labels = _read_cutout(files.picture) if files.mask is None else _read_pair(files.picture, files.mask)
    if labels.shape != image.shape[:2]:
        found, expected = (f"{shape[1]}x{shape[0]}" for shape in (labels.shape, image.shape))
        raise MaskError(f"{files.mask} is {found}, its picture {expected}", "give a mask of the size of the picture")
    if not labels.any():
        raise MaskError(f"{files.mask or files.picture} is empty, no pixel marks an object", "leave it out")
    return shrink_image(image, short_side), shrink_labels(labels, short_side)


def _read_pair(picture: Path, mask: Path) -> tuple[np.ndarray, np.ndarray]:
    values = read_values(mask, holds_ids=True)
    return require_image(picture), number_objects([present_values(values)])[values]


def _read_cutout(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with Image.open(path) as opened:
            pixels = np.array(opened.convert("RGBA"))
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"{path} is damaged or not an image", "copy it again") from error
    return np.ascontiguousarray(pixels[..., :3]), (pixels[..., 3] >= OPAQUE).astype(np.uint8)


def _name(picture: Path, root: Path) -> str:
    return picture.relative_to(root).with_suffix("").as_posix()
