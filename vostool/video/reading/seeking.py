"""Decoded pictures from any key frame of a file on, not yet turned into RGB."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import av

from vostool.video.reading.decoding import FileReader
from vostool.video.reading.rendering import HeldPicture, Renderer


class SeekingReader(FileReader):
    """A reader that begins wherever a seek leads to; made by those who check where that was.

    Args:
        seek_time: In units of the stream's time base; None for the beginning.
    """

    def __init__(
        self, path: Path, seek_time: int | None = None, *, keeps_depth: bool = False, deinterlace: bool = True
    ) -> None:
        self._seek_time = seek_time
        super().__init__(path, keeps_depth=keeps_depth, deinterlace=deinterlace)

    @property
    def renderer(self) -> Renderer:
        """Makes frames of its pictures."""
        return self._render

    @property
    def is_filtered(self) -> bool:
        """True once there was an interlaced picture, from where on each depends on the one before."""
        return self._deinterlacer.is_used

    @property
    def num_picture_bytes(self) -> int:
        """Memory that a decoded picture takes."""
        first = self._first_pictures[-1].frame
        assert first is not None
        return sum(plane.buffer_size for plane in first.planes)

    def _prepare(self, deinterlace: bool) -> None:
        super()._prepare(deinterlace)
        if self._seek_time is not None:
            self._container.seek(self._seek_time, stream=self._stream)

    def close(self) -> None:
        """Close the file, and let go of the decoder's pictures."""
        super().close()
        # They refer to the reader: without them its decoder is freed at once.
        self._pictures, self._first_pictures = iter(()), []


def digest_time(digest: int, pts: int) -> int:
    """A checksum, of 0 to begin with, with one more time."""
    return zlib.crc32(struct.pack("<q", pts), digest)


def digest_picture(digest: int, held: HeldPicture) -> int:
    """A checksum with one more picture, down to its last bit."""
    digest = zlib.crc32(bytes([held.is_corrupt]), digest)
    for number, plane in enumerate(held.picture.planes):
        num_bytes = _row_bytes(held.picture, number, plane.width)
        content = memoryview(plane)
        if num_bytes >= plane.line_size:
            digest = zlib.crc32(content, digest)
            continue
        # What fills up the rows is not part of the picture.
        for start in range(0, plane.height * plane.line_size, plane.line_size):
            digest = zlib.crc32(content[start : start + num_bytes], digest)
    return digest


def _row_bytes(picture: av.VideoFrame, plane: int, width: int) -> int:
    layout = picture.format
    if len(picture.planes) == 1:
        return -(-width * layout.padded_bits_per_pixel // 8)
    return width * sum(-(-component.bits // 8) for component in layout.components if component.plane == plane)
