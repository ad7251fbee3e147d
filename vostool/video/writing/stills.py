"""One result as one still on disk, in the format that its style names.

PNG has 16 bits for each colour where the source is deep. EXR has floats: alpha is the probability itself, and colour is
0..1 in the coding of the source, not made linear, so that a compositor reads it with the source's own transfer.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, PngImagePlugin

from vostool.types import FrameResult
from vostool.video.colour.palette import davis_palette
from vostool.video.writing.output_kind import Kind
from vostool.video.writing.pictures import Picture, PictureStyle, compose, only_object, quantise

# Our files are known by these, so that a later run removes its own leftovers and nothing else.
SOFTWARE = "vostool"
EXR_WRITER = b"writer\0string\0\x04\0\0\0vost"
_LIBAV_EXR_WRITER = b"writer\0string\0\x04\0\0\0lavc"

_COMPRESS_LEVEL = 3
# Signature and header of a PNG; what we add goes behind them.
_PNG_HEADER_BYTES = 33
_EXR_HEADER_BYTES = 1024


def still_suffix(kind: Kind, style: PictureStyle) -> str:
    """Extension of the stills of an output; masks are PNG in any style."""
    return ".png" if kind == "masks" else style.still_suffix


def write_still(kind: Kind, result: FrameResult, path: Path, style: PictureStyle) -> None:
    """Write the still of a result: labels for masks, RGB, RGBA or grey for the others.

    Args:
        path: File to write, under any name; the format is that of ``still_suffix``.
    """
    if kind == "masks":
        _save(mask_image(result, style), path)
        return
    picture = compose(kind, result, style)
    if still_suffix(kind, style) == ".exr":
        path.write_bytes(encode_exr(picture))
    elif picture.colour is not None and picture.colour.dtype == np.uint16:
        path.write_bytes(_encode_deep_png(picture))
    else:
        _save(_image(picture), path)


def is_own_still(path: Path) -> bool:
    """Whether the file is one that ``write_still`` made."""
    if path.suffix.lower() == ".exr":
        return _is_own_exr(path)
    try:
        with Image.open(path) as image:
            return image.info.get("Software") == SOFTWARE
    except OSError:
        return False


def mask_image(result: FrameResult, style: PictureStyle) -> Image.Image:
    """Labels as numbers with the DAVIS palette, or 0 and 255 if the style is binary."""
    labels = only_object(result, style.object_id).labels
    if style.is_binary:
        return Image.fromarray(np.where(labels > 0, np.uint8(255), np.uint8(0)))
    return indexed_image(labels)


def indexed_image(labels: np.ndarray) -> Image.Image:
    """HxW uint8 labels as a picture with the DAVIS palette."""
    image = Image.fromarray(labels)
    image.putpalette(davis_palette().tobytes())
    return image


def encode_exr(picture: Picture) -> bytes:
    """An OpenEXR file of 32-bit floats: RGBA, RGB, or Y for a matte."""
    # Here, so that masks can be written where there is no PyAV.
    from vostool.video.writing.exr import encode_floats

    planes = []
    if picture.colour is not None:
        highest = np.iinfo(picture.colour.dtype).max
        planes = [picture.colour[:, :, channel] / np.float32(highest) for channel in range(3)]
    planes += [] if picture.alpha is None else [picture.alpha]
    return encode_floats(planes).replace(_LIBAV_EXR_WRITER, EXR_WRITER, 1)


def _save(image: Image.Image, path: Path) -> None:
    software = PngImagePlugin.PngInfo()
    software.add_text("Software", SOFTWARE)
    image.save(path, "PNG", compress_level=_COMPRESS_LEVEL, pnginfo=software)


def _image(picture: Picture) -> Image.Image:
    """RGB, RGBA or L with 8 bits."""
    if picture.alpha is None:
        assert picture.colour is not None
        return Image.fromarray(picture.colour)
    alpha = quantise(picture.alpha, 255)
    return Image.fromarray(alpha if picture.colour is None else np.dstack([picture.colour, alpha]))


def _encode_deep_png(picture: Picture) -> bytes:
    """RGB or RGBA with 16 bits, which Pillow cannot write; our text chunk is put in behind the header."""
    assert picture.colour is not None
    pixels = picture.colour[:, :, ::-1]
    if picture.alpha is not None:
        pixels = np.dstack([pixels, quantise(picture.alpha, 65535)])
    _, encoded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, _COMPRESS_LEVEL])
    content = encoded.tobytes()
    return content[:_PNG_HEADER_BYTES] + _text_chunk("Software", SOFTWARE) + content[_PNG_HEADER_BYTES:]


def _text_chunk(keyword: str, text: str) -> bytes:
    """A tEXt chunk, PNG specification section 11.3.3.2."""
    body = b"tEXt" + keyword.encode("latin-1") + b"\0" + text.encode("latin-1")
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def _is_own_exr(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return EXR_WRITER in file.read(_EXR_HEADER_BYTES)
    except OSError:
        return False
