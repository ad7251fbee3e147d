"""One result as one still on disk, in the format that its style names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from vostool.types import FrameResult
from vostool.video.output_kind import Kind
from vostool.video.palette import davis_palette
from vostool.video.pictures import PictureStyle, compose, quantise

# Our files are known by this text chunk, so that a later run removes its own leftovers and nothing else.
SOFTWARE = "vostool"
_COMPRESS_LEVEL = 3


def write_still(kind: Kind, result: FrameResult, path: Path, style: PictureStyle) -> None:
    """Write the still of a result: indexed labels for masks, RGB, RGBA or grey for the others.

    Args:
        path: File to write, under any name; the format is that of ``style.still_suffix``.
    """
    software = PngImagePlugin.PngInfo()
    software.add_text("Software", SOFTWARE)
    _picture(kind, result).save(path, "PNG", compress_level=_COMPRESS_LEVEL, pnginfo=software)


def is_own_still(path: Path) -> bool:
    """Whether the file is one that ``write_still`` made."""
    try:
        with Image.open(path) as image:
            return image.info.get("Software") == SOFTWARE
    except OSError:
        return False


def indexed_image(labels: np.ndarray) -> Image.Image:
    """HxW uint8 labels as a picture with the DAVIS palette."""
    image = Image.fromarray(labels)
    image.putpalette(davis_palette().tobytes())
    return image


def _picture(kind: Kind, result: FrameResult) -> Image.Image:
    """The still of a result: P for masks, RGB, RGBA or L for the others."""
    if kind == "masks":
        return indexed_image(result.labels)
    picture = compose(kind, result)
    if picture.alpha is None:
        assert picture.colour is not None
        return Image.fromarray(picture.colour)
    alpha = quantise(picture.alpha, 255)
    return Image.fromarray(alpha if picture.colour is None else np.dstack([picture.colour, alpha]))
