"""Pictures and masks on disk as pixels: read, understood, scaled down.

Shapes: H, W size of one picture.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import TypeVar

import cv2
import numpy as np
from PIL import Image

from vostool.datasets.layout import VOID
from vostool.errors import VideoError
from vostool.types import MAX_OBJECTS
from vostool.video.masks.kinds import label_picture
from vostool.video.masks.picture import read_picture
from vostool.video.reading.images import read_image

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

MAX_THREADS = 16
EXIF_ORIENTATION = 0x0112
LYING_ORIENTATIONS = (5, 6, 7, 8)

# The careful reader changes how Python warns while it reads, which only one thread at a time may do.
_careful = Lock()


def map_in_threads(function: Callable[[Item], Outcome], items: Iterable[Item]) -> list[Outcome]:
    """The function of each item, in their order; Pillow and OpenCV release the lock of the interpreter."""
    with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as pool:
        return list(pool.map(function, items))


def read_size(path: Path) -> tuple[int, int] | None:
    """Height and width of an upright image by its header; None if it cannot be read."""
    try:
        with Image.open(path) as image:
            # To look for EXIF behind the pixels, as PNG allows, Pillow would decode them.
            has_exif = image.format != "PNG" or "exif" in image.info
            is_lying = has_exif and image.getexif().get(EXIF_ORIENTATION) in LYING_ORIENTATIONS
            return image.size if is_lying else (image.height, image.width)
    # Pillow has no base error: damaged files raise any of these.
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def require_image(path: Path) -> np.ndarray:
    """HxWx3 uint8 RGB of an image; raises VideoError if it cannot be read."""
    image = read_image(path)
    if image is None:
        raise VideoError(f"{path} is damaged or not an image", "copy it again", code="video.no_picture")
    return image


def read_values(path: Path, *, holds_ids: bool = False) -> np.ndarray:
    """What a mask says of each pixel, before it is known whether 255 marks an object or means void.

    Args:
        path: Indexed or grey values are taken as they are; colours, alpha and soft edges as ``vostool segment`` does.
        holds_ids: Take all grey levels as ids; otherwise many large ones are the shades of a soft edge.

    Returns:
        HxW uint8.

    Raises:
        MaskError: It cannot be read, or is ambiguous.
    """
    values = _read_plain(path, holds_ids)
    if values is not None:
        return values
    with _careful:
        return label_picture(read_picture(path)).ids


def _read_plain(path: Path, holds_ids: bool) -> np.ndarray | None:
    """Values of an indexed or grey picture; None for other kinds and where soft edges are likely."""
    try:
        with Image.open(path) as image:
            is_plain = image.mode == "P" or (image.mode in ("L", "1") and "transparency" not in image.info)
            if not is_plain or EXIF_ORIENTATION in image.getexif():
                return None
            values = np.asarray(image).astype(np.uint8)
            return values if image.mode == "P" or holds_ids or _are_ids(values) else None
    # The careful reader says in words what is wrong.
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        return None


def _are_ids(values: np.ndarray) -> bool:
    """True for grey levels that are small, or one alone."""
    levels = present_values(values)
    return len(levels) <= 1 or max(levels - {VOID}) <= MAX_OBJECTS


def present_values(values: np.ndarray) -> frozenset[int]:
    """The values of a mask other than 0."""
    return frozenset(int(value) for value in np.flatnonzero(np.bincount(values.ravel(), minlength=256)[1:]) + 1)


def number_objects(masks: Sequence[frozenset[int]], year: int | None = None) -> np.ndarray:
    """What each value means in the masks of one clip: 0 background, 1..k its objects in rising order.

    Args:
        masks: Values other than 0 of each mask.
        year: 2016: every value is the one object. 2017: values are ids and 255 is void. None: as 2017, but 255 is the
            object where it never stands beside ids, as in masks painted in white.

    Returns:
        (256,) uint8, to be indexed with a mask.
    """
    table = np.zeros(256, np.uint8)
    values = sorted(frozenset().union(*masks))
    if year == 2016:
        table[values] = 1
        return table
    objects = [value for value in values if value != VOID]
    table[objects] = np.arange(1, len(objects) + 1)
    is_white = VOID in values and len(objects) <= 1 and not any(VOID in mask and len(mask) > 1 for mask in masks)
    table[VOID] = year is None and is_white
    return table


def shrunken_size(size: tuple[int, int], short_side: int) -> tuple[int, int]:
    """Height and width with a short side of at most that many pixels."""
    factor = min(1.0, short_side / min(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def shrink_image(image: np.ndarray, short_side: int) -> np.ndarray:
    """HxWx3 uint8 scaled down, never up, each pixel the mean of what it covers."""
    height, width = shrunken_size((image.shape[0], image.shape[1]), short_side)
    if (height, width) == image.shape[:2]:
        return image
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def shrink_labels(labels: np.ndarray, short_side: int) -> np.ndarray:
    """HxW uint8 ids scaled down, never up, each pixel the one nearest to its centre."""
    height, width = shrunken_size((labels.shape[0], labels.shape[1]), short_side)
    if (height, width) == labels.shape:
        return labels
    return cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT).astype(np.uint8, copy=False)
