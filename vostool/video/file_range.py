"""Parts of a video file: the very frames that reading from the beginning gives, in bounded memory.

What a seek led to is compared with what is known of the section; where it differs, decoding begins farther back, at
last at the beginning of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av

from vostool.errors import VideoError
from vostool.types import Frame
from vostool.video.interface import VideoReader
from vostool.video.packet_times import UnsureError
from vostool.video.sections import Section, SectionTable
from vostool.video.seeking import HeldPicture, SeekingReader, digest_picture, digest_time

# Pictures that are held at a time, as decoded, and the memory that they may take.
MOST_PICTURES = 64
MOST_BYTES = 512 * 2**20


class FileRange(VideoReader):
    """Frames ``start`` to ``stop`` - 1 of a file, with their numbers; see ``read_range``.

    Attributes:
        is_seeking: Whether it began in the middle of the file; known after the first frame.
    """

    def __init__(
        self, path: Path, start: int, stop: int | None, *, keeps_depth: bool = False, deinterlace: bool = True
    ) -> None:
        self._reader = SeekingReader(path, keeps_depth=keeps_depth, deinterlace=deinterlace)
        self._path, self._start, self._stop, self._deinterlace = path, start, stop, deinterlace
        self._renderer = self._reader.renderer
        self.is_seeking = False
        super().__init__(self._reader.info)

    @property
    def is_short(self) -> bool:
        return self._reader.is_short

    def close(self) -> None:
        self._reader.close()

    def _read(self) -> Iterator[Frame]:
        pictures = self._from_middle() if self._start and not self._reader.is_filtered else None
        if pictures is None:
            pictures = islice(self._reader.held(), self._start, None)
        count = None if self._stop is None else self._stop - self._start
        for index, held in enumerate(islice(pictures, count), self._start):
            yield held.render(index, self.info.time_base, self._renderer)
            # By which it sees whether all came that was promised.
            self._reader.num_frames_read = index + 1

    def _from_middle(self) -> Iterator[HeldPicture] | None:
        """The pictures from ``start`` on after a seek, None if it cannot be proven that they are the same."""
        try:
            table = SectionTable(self._path, deinterlace=self._deinterlace)
            section = table.cover(self._start + 1, may_decode=False)[-1]
            if section.seek_time is None or self._start != section.last_index:
                return None
            reader = SeekingReader(self._path, section.seek_time, deinterlace=self._deinterlace)
        except (UnsureError, av.error.FFmpegError, VideoError):
            return None
        pictures = reader.held()
        held = collect(reader, pictures, section, section.num_frames - 1, section.num_frames)
        if held is None:
            reader.close()
            return None
        self._reader.close()
        self._reader, self.is_seeking = reader, True
        return _chain(held, pictures)


class FileBackward(VideoReader):
    """Frames ``stop`` - 1 down to ``start`` of a file, with their numbers; see ``read_backward``.

    Args:
        table: Shared with other readers of the same file; None makes one.

    Attributes:
        num_restarts: How often decoding had to begin at the beginning of the file for want of a seek that is exact.
    """

    def __init__(
        self, path: Path, start: int, stop: int | None, *, keeps_depth: bool = False, deinterlace: bool = True,
        table: SectionTable | None = None,
    ) -> None:  # fmt: skip
        with SeekingReader(path, keeps_depth=keeps_depth, deinterlace=deinterlace) as reader:
            super().__init__(reader.info)
            self._renderer = reader.renderer
            self._most = max(1, min(MOST_PICTURES, MOST_BYTES // reader.num_picture_bytes))
            is_filtered = reader.is_filtered
        self._path, self._start, self._stop, self._deinterlace = path, start, stop, deinterlace
        self._table = table or SectionTable(path, deinterlace=deinterlace)
        if is_filtered and not self._table.is_decoded:
            self._table.distrust()
        # How many sections before its own decoding begins; more where the one before matters, as with filters.
        self._lead = 0
        self.num_restarts = 0

    @property
    def is_short(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing stays open between two sections."""

    def _read(self) -> Iterator[Frame]:
        stop = self._stop
        while True:
            try:
                for frame in self._read_down_from(stop):
                    stop = frame.index
                    yield frame
                return
            except UnsureError:
                self._table.distrust()

    def _read_down_from(self, stop: int | None) -> Iterator[Frame]:
        sections = self._table.cover(stop)
        for number in reversed(range(len(sections))):
            section = sections[number]
            low = max(0, self._start - section.first_index)
            high = section.num_frames if stop is None else min(stop - section.first_index, section.num_frames)
            entry: int | None = None
            while high > low:
                bottom = max(low, high - self._most)
                entry, held = self._exact(sections, number, bottom, high, entry)
                while held:
                    high -= 1
                    yield held.pop().render(section.first_index + high, self.info.time_base, self._renderer)

    def _exact(
        self, sections: list[Section], number: int, low: int, high: int, entry: int | None
    ) -> tuple[int, list[HeldPicture]]:
        """Pictures ``low`` to ``high`` - 1 of a section, and the section at which decoding began for them.

        Args:
            entry: Where to begin, if that was proven for this section.
        """
        tries = [entry] if entry is not None else self._entries(number)
        for begin in tries:
            held = self._collect(sections, number, begin, low, high, is_proven=begin == entry)
            if held is not None:
                self._lead = number - begin if begin else self._lead
                self.num_restarts += begin == 0 < number
                return begin, held
        if not self._table.is_decoded:
            raise UnsureError
        raise VideoError(f"{self._path} gives other pictures at each reading", "copy it again", code="video.unstable")

    def _entries(self, number: int) -> list[int]:
        """Sections to begin at, those nearest first."""
        leads = (self._lead, self._lead + 1) if self._table.is_decoded else (0,)
        return sorted({max(0, number - lead) for lead in (*leads, number)}, reverse=True)

    def _collect(
        self, sections: list[Section], number: int, begin: int, low: int, high: int, *, is_proven: bool
    ) -> list[HeldPicture] | None:
        try:
            with SeekingReader(self._path, sections[begin].seek_time, deinterlace=self._deinterlace) as reader:
                is_sure = is_proven or sections[begin].seek_time is None
                return collect(reader, reader.held(), sections[number], low, high, is_sure=is_sure)
        except (av.error.FFmpegError, VideoError):
            return None


def collect(
    reader: SeekingReader, pictures: Iterator[HeldPicture], section: Section, low: int, high: int, *,
    is_sure: bool = False,
) -> list[HeldPicture] | None:  # fmt: skip
    """Pictures ``low`` to ``high`` - 1 of a section.

    Args:
        is_sure: Whether the pictures, if not the times, are those of the section whatever they are.

    Returns:
        None if they are not those that reading from the beginning gives.
    """
    kept: list[HeldPicture] = []
    times, digest, is_clean = 0, 0, True
    num_seen = 0
    for held in pictures:
        if held.pts < section.first_pts:
            continue
        times = digest_time(times, held.pts)
        is_clean = is_clean and not held.is_corrupt
        if section.pictures is not None and not is_sure:
            digest = digest_picture(digest, held)
        if low <= num_seen < high:
            kept.append(held)
        num_seen += 1
        if num_seen == section.num_frames:
            break
    if times != section.times:
        return None
    if not is_sure:
        is_same = is_clean and not reader.is_filtered if section.pictures is None else digest == section.pictures
        return kept if is_same else None
    return kept


def _chain(held: list[HeldPicture], pictures: Iterator[HeldPicture]) -> Iterator[HeldPicture]:
    """Gives back the list's memory as it goes."""
    while held:
        yield held.pop(0)
    yield from pictures
