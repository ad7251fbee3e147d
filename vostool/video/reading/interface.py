"""What every source of frames offers, be it a file or a folder of images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from vostool.types import Frame, VideoInfo


class VideoReader(ABC):
    """A context manager that yields the frames of a video once, in presentation order, one at a time.

    Attributes:
        info: What is known of the video before its frames are read.
        num_frames_read: Frames that were yielded so far.
        num_corrupt: How many of them were damaged or lost.
    """

    def __init__(self, info: VideoInfo) -> None:
        self.info = info
        self.num_frames_read = 0
        self.num_corrupt = 0
        self._frames: Iterator[Frame] | None = None

    @abstractmethod
    def _read(self) -> Iterator[Frame]:
        """Yield the frames; called once."""

    @property
    @abstractmethod
    def is_short(self) -> bool:
        """True, once the end was reached, if the file promised more than came."""

    @abstractmethod
    def close(self) -> None:
        """Close the file; may be called twice."""

    def __iter__(self) -> Iterator[Frame]:
        if self._frames is None:
            self._frames = self._count(self._read())
        return self._frames

    def _count(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self.num_frames_read += 1
            self.num_corrupt += frame.is_corrupt
            yield frame

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
