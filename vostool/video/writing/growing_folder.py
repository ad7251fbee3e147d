"""A sink whose result is a folder of files for each frame: how it grows, is gone on with, and gets its name."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from vostool.errors import VostoolError
from vostool.types import FrameResult
from vostool.video.disk_errors import disk_errors
from vostool.video.durable import sync
from vostool.video.writing.sink_state import SinkState, cannot_resume

# Stands in the part folder while files move from it into a folder that was there before.
MOVING = "moving.part"


class GrowingFolder(ABC):
    """Grows as a part folder, which gets its name when whole, or whose files move into the folder that is there.

    What inherits sets its own attributes before those of this class.

    Args:
        part: The folder in which it grows, beside ``path``.
    """

    def __init__(self, path: Path, part: Path, *, overwrite: bool, resume: SinkState | None) -> None:
        self.path = path
        self.warnings: list[str] = []
        self._part = part
        self._overwrite: bool = overwrite or (resume is not None and resume["overwrite"])
        self._has_begun = False
        self._num_written: int = resume["num_frames"] if resume else 0
        # Indices of frames: of the first one, after the last one, after the last one that is on the disk.
        self._first: int = resume["first_index"] if resume else 0
        self._end: int = resume["end_index"] if resume else 0
        self._synced_end = self._end
        # What a run that was killed in finish() had moved counts as written, and is no stranger's.
        self._was_moving = resume is not None and (part / MOVING).exists()
        # A run that was killed at its very end may have put this output in place.
        self._is_finished = self._num_written > 0 and not part.exists() and not self._num_missing(path)
        if not self._is_finished:
            self._check_free(self._overwrite or self._was_moving)
            self._require_whole()

    @property
    def notes(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def parts(self) -> tuple[Path, ...]:
        """The part folder, once it is begun."""
        return (self._part,) if self._num_written else ()

    @abstractmethod
    def _files(self, folder: Path, index: int) -> Sequence[Path]:
        """Where the files of a frame lie in a folder; of every frame as many."""

    @abstractmethod
    def _write_files(self, result: FrameResult) -> None:
        """Write those of one frame into the part folder, each under a temporary name first."""

    @abstractmethod
    def _check_free(self, overwrite: bool) -> None:
        """Raise OutputError if the path is taken."""

    @abstractmethod
    def _prepare(self) -> None:
        """Make the part folder, without files of frames that were not checkpointed."""

    @abstractmethod
    def _move_into_place(self) -> None:
        """Bring the files into the folder that is there."""

    def _rename(self) -> None:
        """Give the part folder its name."""
        os.replace(self._part, self.path)

    def write(self, result: FrameResult) -> None:
        """Write the files of one frame."""
        if self._is_finished:
            self._check_free(overwrite=False)
        with disk_errors(self.path, self._part):
            self._begin()
            self._write_files(result)
            self._count(result.frame.index)

    def checkpoint(self) -> SinkState:
        """Wait until all files are on the disk, and say what ``resume`` needs."""
        with disk_errors(self.path, self._part):
            self._sync()
        return {
            "num_frames": self._num_written,
            "first_index": self._first,
            "end_index": self._end,
            "overwrite": self._overwrite,
        }

    def finish(self) -> Path:
        """Give the folder its name, and return it.

        Raises:
            VostoolError: Nothing was written, or a file is missing.
            OutputError: The folder was taken meanwhile, or the disk refuses.
        """
        if self._is_finished:
            return self.path
        if not self._num_written:
            raise VostoolError(f"no frame was written to {self.path}", code="output.frames")
        with disk_errors(self.path, self._part):
            self._begin()
            if lack := self._lack():
                message = f"{self._part} {lack}"
                raise VostoolError(message, "two frames may have been given the same name", code="output.frames")
            self._check_free(self._overwrite or self._was_moving)
            self._move_into_place() if self.path.is_dir() else self._rename()
        return self.path

    def __enter__(self) -> Self:
        return self

    def __exit__(  # noqa: B027
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Whatever was written stays in the part folder."""

    def _begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._prepare()

    def _count(self, index: int) -> None:
        """Note that the files of a frame were written."""
        if not self._num_written:
            self._first, self._end, self._synced_end = index, index, index
        self._num_written += 1
        self._end = max(self._end, index + 1)

    def _sync(self) -> None:
        folders = set()
        for index in range(self._synced_end, self._end):
            for file in self._files(self._part, index):
                folders |= {file.parent, self._part, self._part.absolute().parent}
                if file.is_file():
                    sync(file)
        for folder in folders:
            sync(folder)
        self._synced_end = self._end

    def _is_written(self, index: int) -> bool:
        return self._num_written > 0 and self._first <= index < self._end

    def _homes(self) -> tuple[Path, ...]:
        """Where files that were written may be."""
        return (self._part, self.path) if self._was_moving else (self._part,)

    def _num_missing(self, *folders: Path) -> int:
        """How many of the files that were written are in none of the folders."""
        found = 0
        for index in range(self._first, self._end):
            for places in zip(*(self._files(folder, index) for folder in folders), strict=True):
                found += any(place.is_file() for place in places)
        return self._num_files - found

    @property
    def _num_files(self) -> int:
        """That were written."""
        return self._num_written and self._num_written * len(self._files(self._part, self._first))

    def _lack(self) -> str:
        """What is missing of the files that were written, in words; empty if nothing is."""
        missing = self._num_missing(*self._homes())
        return f"lacks {missing} of {self._num_files} files" if missing else ""

    def _require_whole(self) -> None:
        """Raise OutputError unless the files of the checkpoint are there."""
        if lack := self._lack():
            raise cannot_resume(self.path, f"{self._part.name} {lack}")
