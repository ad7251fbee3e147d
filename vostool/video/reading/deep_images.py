"""Images with 16 bits for each colour, which Pillow cuts to 8 (PNG) or does not read (TIFF)."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
from PIL import ExifTags, Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
TIFF_SIGNATURES = (b"II*\0", b"MM\0*")
BITS_PER_SAMPLE = 258

# Mirror from left to right, then quarter turns counter-clockwise, by EXIF orientation (CIPA DC-008 section 4.6.4).
ORIENTATIONS = {1: (0, 0), 2: (1, 0), 3: (0, 2), 4: (1, 2), 5: (1, 1), 6: (0, 3), 7: (1, 3), 8: (0, 1)}


def read_deep_image(path: Path) -> np.ndarray | None:
    """HxWx3 uint16 RGB, upright, alpha dropped; None if the image has no 16 bits or cannot be read."""
    if not has_sixteen_bits(path):
        return None
    try:
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if pixels is None or pixels.dtype != np.uint16:
        return None
    is_mirrored, turns = ORIENTATIONS.get(_orientation(path), (0, 0))
    colour = _to_rgb(np.asarray(pixels))
    return np.ascontiguousarray(np.rot90(colour[:, ::-1] if is_mirrored else colour, turns))


def has_sixteen_bits(path: Path) -> bool:
    """Whether the header of a PNG or TIFF says that there are 16 bits."""
    try:
        with path.open("rb") as file:
            start = file.read(26)
            if start.startswith(PNG_SIGNATURE):
                return start[24:25] == b"\x10"
            return start.startswith(TIFF_SIGNATURES) and 16 in _tiff_bits(start + file.read())
    except (OSError, struct.error):
        return False


def _tiff_bits(content: bytes) -> tuple[int, ...]:
    """Bits of each sample of the first picture, TIFF 6.0 section 2."""
    order = "<" if content[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + "I", content, 4)
    (num_entries,) = struct.unpack_from(order + "H", content, start)
    for place in range(start + 2, start + 2 + 12 * num_entries, 12):
        tag, _, count = struct.unpack_from(order + "HHI", content, place)
        if tag == BITS_PER_SAMPLE:
            where = place + 8 if count <= 2 else struct.unpack_from(order + "I", content, place + 8)[0]
            return struct.unpack_from(f"{order}{count}H", content, where)
    return ()


def _to_rgb(pixels: np.ndarray) -> np.ndarray:
    """From HxW grey, HxWx3 BGR or HxWx4 BGRA."""
    if pixels.ndim == 2:
        return np.repeat(pixels[:, :, None], 3, axis=2)
    return pixels[:, :, 2::-1]


def _orientation(path: Path) -> int:
    try:
        with Image.open(path) as image:
            return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except (OSError, ValueError, SyntaxError, TypeError):
        return 1
