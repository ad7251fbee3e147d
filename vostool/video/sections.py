"""A file cut into runs of frames that can each be decoded on their own, and how to tell that this went right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from vostool.video.packet_times import PacketTime, UnsureError, packet_times
from vostool.video.seeking import HeldPicture, SeekingReader, digest_picture, digest_time

# Where every picture is a key frame, opening the file anew for each would cost more than decoding some more.
FEWEST_FRAMES = 24


@dataclass(slots=True)
class Section:
    """Frames from a key frame on; all that is kept of them.

    Attributes:
        first_index: Number of the first one.
        first_pts: Its time, in units of the stream's time base.
        seek_time: Where to seek for it; None for the beginning of the file.
        num_frames: How many there are.
        times: Checksum of their times.
        pictures: Checksum of their pictures, None if they were not decoded.
    """

    first_index: int
    first_pts: int
    seek_time: int | None
    num_frames: int = 0
    times: int = 0
    pictures: int | None = None

    @property
    def last_index(self) -> int:
        """Number of the last one."""
        return self.first_index + self.num_frames - 1

    def add(self, pts: int) -> None:
        """Count one more frame."""
        self.num_frames += 1
        self.times = digest_time(self.times, pts)


class SectionTable:
    """The sections of a file, found when they are first asked for; may be shared by several readers, one at a time.

    Packets tell them where they do so for certain. Otherwise the file is decoded once, and the checksums of its
    pictures decide later whether a seek gave the same ones.

    Attributes:
        is_decoded: True if the pictures were decoded.
    """

    def __init__(self, path: Path, *, deinterlace: bool = True) -> None:
        self.is_decoded = False
        self._path, self._deinterlace = path, deinterlace
        self._sections: list[Section] = []
        self._num_frames = 0
        self._is_whole = False

    def cover(self, stop: int | None, *, may_decode: bool = True) -> list[Section]:
        """The sections that hold the frames before ``stop``, or all that there are for None; a new last one ends there.

        Raises:
            UnsureError: Packets do not tell, and the file may not be decoded.
            VideoError: The file cannot be read.
        """
        if not self._is_whole and (stop is None or stop > self._num_frames):
            self._find(stop, may_decode=may_decode)
        return self._sections

    def distrust(self) -> None:
        """The packets were wrong: decode the file."""
        self.is_decoded, self._is_whole, self._num_frames = True, False, 0

    def _find(self, stop: int | None, *, may_decode: bool) -> None:
        if not self.is_decoded:
            try:
                self._keep(_from_packets(packet_times(self._path), stop), stop)
                return
            except UnsureError:
                if not may_decode:
                    raise
                self.distrust()
        with SeekingReader(self._path, deinterlace=self._deinterlace) as reader:
            self._keep(_from_pictures(reader.held(), stop), stop)

    def _keep(self, sections: Iterator[Section], stop: int | None) -> None:
        self._sections = list(sections)
        last = self._sections[-1]
        self._num_frames = last.last_index + 1
        self._is_whole = stop is None or self._num_frames < stop


def _from_packets(times: Iterator[PacketTime], stop: int | None) -> Iterator[Section]:
    section: Section | None = None
    for index, time in enumerate(islice(times, stop)):
        if section is None or (time.is_entry and section.num_frames >= FEWEST_FRAMES):
            yield from () if section is None else (section,)
            section = Section(index, time.pts, time.seek_time if index else None)
        section.add(time.pts)
    yield from () if section is None else (section,)


def _from_pictures(pictures: Iterator[HeldPicture], stop: int | None) -> Iterator[Section]:
    section: Section | None = None
    for index, held in enumerate(islice(pictures, stop)):
        is_entry = held.picture.key_frame and not held.is_corrupt
        if section is None or (is_entry and section.num_frames >= FEWEST_FRAMES):
            yield from () if section is None else (section,)
            section = Section(index, held.pts, held.pts if index else None)
        section.add(held.pts)
        section.pictures = digest_picture(section.pictures or 0, held)
    yield from () if section is None else (section,)
