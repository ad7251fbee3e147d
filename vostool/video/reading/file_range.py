"""Parts of a video file: the very frames that reading from the beginning gives, in bounded memory.

What a seek led to is compared with what is known of the section; where it differs, decoding begins farther back, at
last at the beginning of the file.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from pathlib import Path

import av

from vostool.errors import VideoError
from vostool.types import Frame
from vostool.video.reading.interface import VideoReader
from vostool.video.reading.packet_times import UnsureError
from vostool.video.reading.rendering import HeldPicture
from vostool.video.reading.sections import Section, SectionTable
from vostool.video.reading.seeking import SeekingReader, digest_picture, digest_time


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
            pictures = itertools.islice(self._reader.held(), self._start, None)
        count = None if self._stop is None else self._stop - self._start
        # By which it sees whether all came that was promised.
        self._reader.num_frames_read = self._start
        for index, held in enumerate(itertools.islice(pictures, count), self._start):
            yield held.render(index, self.info.time_base, self._renderer)
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
        held = collect(reader, pictures, section)
        if held is None:
            reader.close()
            return None
        self._reader.close()
        self._reader, self.is_seeking = reader, True
        return itertools.chain(held[-1:], pictures)


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
        self._path, self._start, self._stop, self._deinterlace = path, start, stop, deinterlace
        self._table = table or SectionTable(path, deinterlace=deinterlace)
        # How many key frames before its own decoding begins; more where those before matter, as with filters.
        self._lead = 0
        self.num_restarts = 0

    @property
    def is_short(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing stays open between two sections."""

    def _read(self) -> Iterator[Frame]:
        last: Frame | None = None
        try:
            for last in self._read_down_from(self._stop):
                yield last
        except UnsureError:
            self._table.distrust()
            again = self._read_down_from(self._stop if last is None else last.index + 1)
            if last is not None:
                self._require_same(last, next(again, None))
            yield from again

    def _require_same(self, before: Frame, now: Frame | None) -> None:
        """The frames given so far must have had their true numbers."""
        if now is None or now.pts != before.pts:
            message = (
                f"{self._path} contradicts its own index: frame {before.index} has another time when all is decoded"
            )
            raise VideoError(message, "convert it, for example with ffmpeg -i CLIP -c copy", code="video.unstable")

    def _read_down_from(self, stop: int | None) -> Iterator[Frame]:
        sections = self._table.cover(stop)
        for number in reversed(range(len(sections))):
            section = sections[number]
            if section.last_index < self._start:
                return
            high = section.num_frames if stop is None else min(stop - section.first_index, section.num_frames)
            held = self._exact(sections, number)[: max(0, high)] if high > 0 else []
            while held and (index := section.first_index + len(held) - 1) >= self._start:
                yield held.pop().render(index, self.info.time_base, self._renderer)

    def _exact(self, sections: list[Section], number: int) -> list[HeldPicture]:
        """The pictures of a section, from as near as it goes."""
        entries = _entries(sections, number)
        leads = (self._lead, self._lead + 1) if self._table.is_decoded else (0,)
        for lead in sorted({min(each, len(entries) - 1) for each in (*leads, len(entries) - 1)}):
            held = self._read_section(sections[number], entries[lead])
            if held is not None:
                is_restart = entries[lead] is None and len(entries) > 1
                self._lead = self._lead if is_restart else lead
                self.num_restarts += is_restart
                return held
        if not self._table.is_decoded:
            raise UnsureError
        raise VideoError(f"{self._path} gives other times at each reading", "copy it again", code="video.unstable")

    def _read_section(self, section: Section, seek_time: int | None) -> list[HeldPicture] | None:
        try:
            with SeekingReader(self._path, seek_time, deinterlace=self._deinterlace) as reader:
                return collect(reader, reader.held(), section, is_sure=seek_time is None)
        except (av.error.FFmpegError, VideoError):
            return None


def _entries(sections: list[Section], number: int) -> list[int | None]:
    """Where to seek for a section, nearest first; the beginning is the last."""
    times = dict.fromkeys(section.seek_time for section in reversed(sections[: number + 1]))
    return [*(time for time in times if time is not None), None]


def collect(
    reader: SeekingReader, pictures: Iterator[HeldPicture], section: Section, *, is_sure: bool = False
) -> list[HeldPicture] | None:
    """The pictures of a section, and no further; None if they are not those that reading from the beginning gives.

    Args:
        is_sure: Whether that is what is done, so that only the times can differ.
    """
    kept = list(itertools.islice((held for held in pictures if held.pts >= section.first_pts), section.num_frames))
    if functools.reduce(digest_time, (held.pts for held in kept), 0) != section.times:
        return None
    if is_sure:
        return kept
    if section.pictures is not None:
        return kept if functools.reduce(digest_picture, kept, 0) == section.pictures else None
    return None if reader.is_filtered or any(held.is_corrupt for held in kept) else kept
