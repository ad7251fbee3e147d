"""Parts of a folder of images, forward or backward."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

from vostool.types import Frame
from vostool.video.reading.images import ImageFolderReader, read_image
from vostool.video.reading.interface import VideoReader

# Of one block, held as frames.
MOST_BYTES = 256 * 2**20
MOST_IMAGES = 16


class _Tail(ImageFolderReader):
    """The frames from one on, with numbers that begin at 0; an image that cannot be read repeats what it should."""

    def __init__(self, path: Path, frame_rate: Fraction, *, keeps_depth: bool) -> None:
        super().__init__(path, frame_rate, keeps_depth=keeps_depth)
        self._all_paths = self._paths

    def frames_from(self, start: int) -> Iterator[Frame]:
        """Frames with their true numbers; may be called again."""
        begin = min(start, len(self._all_paths))
        while 0 < begin < len(self._all_paths) and read_image(self._all_paths[begin]) is None:
            begin -= 1
        self._paths = self._all_paths[begin:]
        for frame in islice(self._read(), start - begin, None):
            yield replace(frame, index=frame.index + begin, pts=frame.pts + begin)


class ImageRange(VideoReader):
    """Images ``start`` to ``stop`` - 1 of a folder; see ``read_range``."""

    def __init__(
        self, path: Path, frame_rate: Fraction, start: int, stop: int | None, *, keeps_depth: bool = False
    ) -> None:
        self._tail = _Tail(path, frame_rate, keeps_depth=keeps_depth)
        super().__init__(self._tail.info)
        num_frames = self.info.num_frames or 0
        self._start, self._stop = start, num_frames if stop is None else min(stop, num_frames)

    @property
    def is_short(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing stays open between two images."""

    def _read(self) -> Iterator[Frame]:
        return islice(self._tail.frames_from(self._start), max(0, self._stop - self._start))


class ImagesBackward(ImageRange):
    """The same in falling order; see ``read_backward``."""

    def _read(self) -> Iterator[Frame]:
        most = max(1, min(MOST_IMAGES, MOST_BYTES // (9 * self.info.width * self.info.height)))
        high = self._stop
        while high > self._start:
            low = max(self._start, high - most)
            block = list(islice(self._tail.frames_from(low), high - low))
            while block:
                yield block.pop()
            high = low
