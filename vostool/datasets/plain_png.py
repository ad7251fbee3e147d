"""The commonest PNG of a mask, read without detours: one byte a pixel, rows as they are.

Pillow copies what it reads several times over, which takes as long as inflating it. Files of any other form are left
to Pillow, damaged ones too, so that its errors are the only ones.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Length and kind of the header chunk; width, height; then bit depth, colour type and three methods.
_HEADER = struct.Struct(">8s4s4sII5s4s")
_GREY, _INDEXED = b"\x08\x00\x00\x00\x00", b"\x08\x03\x00\x00\x00"
# Beyond that Pillow asks whether the file is meant to exhaust the memory.
_MAX_PIXELS = 1 << 26


def parse_plain_png(content: bytes) -> np.ndarray | None:
    """Pixels of an 8-bit grey or indexed PNG whose rows are neither filtered nor interlaced.

    Args:
        content: Of the file.

    Returns:
        HxW uint8, read-only; None if the file is of another form or damaged.
    """
    if len(content) < _HEADER.size:
        return None
    signature, length, kind, width, height, form, checksum = _HEADER.unpack_from(content)
    is_whole = zlib.crc32(content[12:29]).to_bytes(4, "big") == checksum
    if signature != _SIGNATURE or length + kind != b"\0\0\0\rIHDR" or form not in (_GREY, _INDEXED) or not is_whole:
        return None
    size = height * (width + 1)
    if not 0 < width * height <= _MAX_PIXELS or (rows := _inflate(content, size)) is None:
        return None
    # Each row begins with the number of its filter.
    pixels = np.frombuffer(rows, np.uint8).reshape(height, width + 1)
    return None if pixels[:, 0].any() else pixels[:, 1:]


def _inflate(content: bytes, size: int) -> bytes | None:
    """What the data chunks hold, if it is of that size and whole; its checksum is zlib's own."""
    if (data := _join_data(content)) is None:
        return None
    stream = zlib.decompressobj()
    try:
        rows = stream.decompress(data, size + 1)
    except zlib.error:
        return None
    return rows if stream.eof and len(rows) == size else None


def _join_data(content: bytes) -> bytes | None:
    """The data chunks of a file that goes on to its end."""
    parts = []
    position = _HEADER.size
    while (kind := content[position + 4 : position + 8]) != b"IEND":
        length = int.from_bytes(content[position : position + 4], "big")
        if position + length + 12 > len(content):
            return None
        if kind == b"IDAT":
            parts.append(content[position + 8 : position + 8 + length])
        position += length + 12
    return b"".join(parts)
