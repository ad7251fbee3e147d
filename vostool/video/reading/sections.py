"""A file cut into runs of frames that fit into memory: where to enter it for each, and how to tell if it went right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from vostool.video.reading.packet_times import PacketTime, UnsureError, packet_times
from vostool.video.reading.rendering import HeldPicture
from vostool.video.reading.seeking import SeekingReader, digest_picture, digest_time

# Where every picture is a key frame, opening the file anew for each would cost more than decoding some more.
FEWEST_PICTURES = 48

# What may be held of a section, as it was decoded.
MOST_PICTURES = 64
MOST_BYTES = 512 * 2**20


@dataclass(slots=True)
class Section:
    """Frames that follow each other; all that is kept of them.

    Attributes:
        first_index: Number of the first one.
        first_pts: Its time, in units of the stream's time base.
        seek_time: Where to seek for the key frame that it is, or that comes before; None for the beginning of the file.
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
        with SeekingReader(self._path, deinterlace=self._deinterlace) as reader:
            most = max(1, min(MOST_PICTURES, MOST_BYTES // reader.num_picture_bytes))
            # A filter needs pictures from before a key frame, which only a comparison of pictures shows.
            self.is_decoded = self.is_decoded or reader.is_filtered
            if not self.is_decoded:
                try:
                    self._keep(_from_packets(packet_times(self._path), stop, most), stop)
                    return
                except UnsureError:
                    self.distrust()
            if not may_decode:
                raise UnsureError
            self._keep(_from_pictures(reader.held(), stop, most), stop)

    def _keep(self, sections: Iterator[Section], stop: int | None) -> None:
        self._sections = list(sections)
        self._num_frames = self._sections[-1].last_index + 1
        self._is_whole = stop is None or self._num_frames < stop


class _Cutter:
    """Says with which frames sections begin."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seek_time: int | None = None
        self.section: Section | None = None

    def begin(self, index: int, pts: int, entry: int | None) -> Section | None:
        """Go on to a frame; the section that ended before it.

        Args:
            entry: Where to seek for the frame if decoding can begin with it.
        """
        ended = self.section
        is_new = ended is None or ended.num_frames >= self._most
        if entry is not None:
            # The beginning needs no seek.
            self._seek_time = entry if index else None
            is_new = is_new or (ended is not None and ended.num_frames >= FEWEST_PICTURES)
        if not is_new:
            return None
        self.section = Section(index, pts, self._seek_time)
        return ended


def _from_packets(times: Iterator[PacketTime], stop: int | None, most: int) -> Iterator[Section]:
    cutter = _Cutter(most)
    for index, time in enumerate(islice(times, stop)):
        ended = cutter.begin(index, time.pts, time.seek_time if time.is_entry else None)
        yield from () if ended is None else (ended,)
        assert cutter.section is not None
        cutter.section.add(time.pts)
    yield from () if cutter.section is None else (cutter.section,)


def _from_pictures(pictures: Iterator[HeldPicture], stop: int | None, most: int) -> Iterator[Section]:
    cutter = _Cutter(most)
    for index, held in enumerate(islice(pictures, stop)):
        is_entry = held.picture.key_frame and not held.is_corrupt
        ended = cutter.begin(index, held.pts, held.pts if is_entry else None)
        yield from () if ended is None else (ended,)
        assert cutter.section is not None
        cutter.section.add(held.pts)
        cutter.section.pictures = digest_picture(cutter.section.pictures or 0, held)
    yield from () if cutter.section is None else (cutter.section,)
