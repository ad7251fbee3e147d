"""A sink whose result is a folder of files for each frame; what they hold is told by the formats that inherit."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from vostool.datasets.exports.places import FrameNames, Place, is_half, own_files, replace_file
from vostool.errors import OutputError, VostoolError
from vostool.types import FrameResult
from vostool.video.disk_errors import disk_errors
from vostool.video.durable import sync
from vostool.video.sink_state import SinkState, cannot_resume

# Stands in the part folder while files move from it into a folder that was there before.
_MOVING = "moving.part"


class FolderExport(ABC):
    """``NAME.part/`` grows frame by frame and gets its name when whole, or moves into the folder that is there.

    A folder of the same format takes clips one after the other, each under its own name. With ``overwrite`` files of
    this clip are replaced, those that it no longer has are removed, and nothing else is touched.

    Args:
        part: Name of the folder in which it grows, beside ``path``.
        places: Files that each frame has.
    """

    def __init__(
        self,
        path: Path,
        part: str,
        places: Sequence[Place],
        names: FrameNames,
        *,
        overwrite: bool = False,
        resume: SinkState | None = None,
    ) -> None:
        self.path = path
        self.warnings: list[str] = []
        self._part = path.with_name(part)
        self._places, self._names, self._overwrite = tuple(places), names, overwrite
        self._has_begun = False
        self._num_written: int = resume["num_frames"] if resume else 0
        # Indices of frames: of the first one, after the last one, after the last one that is on the disk.
        self._first: int = resume["first_index"] if resume else 0
        self._end: int = resume["end_index"] if resume else 0
        self._synced_end = self._end
        # What a run that was killed in finish() had moved counts as written.
        self._was_moving = resume is not None and (self._part / _MOVING).exists()
        self._is_finished = self._num_written > 0 and not self._part.exists() and not self._num_missing(path)
        if not self._is_finished:
            self._check_free()
            self._require_whole()

    @property
    def parts(self) -> tuple[Path, ...]:
        """The part folder, once it is begun."""
        return (self._part,) if self._num_written else ()

    @abstractmethod
    def _encode(self, result: FrameResult) -> Sequence[bytes]:
        """Content of the files of a frame, in the order of the places."""

    def _lists(self) -> dict[str, str]:
        """Text files of the whole folder by their path in it, made of what the folder at ``path`` has already."""
        return {}

    def _is_of_this_format(self) -> bool:
        """Whether the folder at ``path`` is a data set that takes more clips."""
        return False

    def write(self, result: FrameResult) -> None:
        """Write the files of one frame, each under a temporary name first."""
        if self._is_finished:
            raise self._taken()
        with disk_errors(self.path, self._part):
            self._begin()
            index = result.frame.index
            for place, content in zip(self._places, self._encode(result), strict=True):
                replace_file(place.file(self._part, self._names[index]), content)
            self._count(index)

    def checkpoint(self) -> SinkState:
        """Wait until all files are on the disk, and say what ``resume`` needs."""
        with disk_errors(self.path, self._part):
            self._sync()
        return {"num_frames": self._num_written, "first_index": self._first, "end_index": self._end}

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
            if missing := self._num_missing(*self._homes()):
                message = f"{missing} files of {self._part} are missing"
                raise VostoolError(message, "two frames may have been given the same name", code="output.frames")
            self._check_free()
            self._move_into_place() if self.path.is_dir() else self._rename()
        return self.path

    def __enter__(self) -> FolderExport:
        return self

    def __exit__(  # noqa: B027
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Whatever was written stays in the part folder."""

    def _count(self, index: int) -> None:
        """Note that the files of a frame were written."""
        if not self._num_written:
            self._first, self._end, self._synced_end = index, index, index
        self._num_written += 1
        self._end = max(self._end, index + 1)

    def _begin(self) -> None:
        """Once: the part folder, without files of frames that were not checkpointed."""
        if self._has_begun:
            return
        self._has_begun = True
        for place in self._places:
            (self._part / place.folder).mkdir(parents=True, exist_ok=True)
        for _, file, index in own_files(self._part, self._places, self._names):
            if is_half(file) or not self._is_written(index):
                file.unlink()

    def _sync(self) -> None:
        for index in range(self._synced_end, self._end):
            for place in self._places:
                if (file := place.file(self._part, self._names[index])).is_file():
                    sync(file)
        if self._end > self._synced_end:
            for folder in {self._part / place.folder for place in self._places} | {self._part}:
                sync(folder)
            sync(self._part.absolute().parent)
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
            name = self._names[index]
            found += sum(any(place.file(folder, name).is_file() for folder in folders) for place in self._places)
        return self._num_written * len(self._places) - found

    def _require_whole(self) -> None:
        """Raise OutputError unless the files of the checkpoint are there."""
        if missing := self._num_missing(*self._homes()):
            raise cannot_resume(self.path, f"{missing} files of {self._num_written} frames are missing")

    def _check_free(self) -> None:
        """Raise OutputError if the path is taken, by a file always, by a folder unless this clip may go into it."""
        if self.path.exists() and not self.path.is_dir():
            raise OutputError(f"export {self.path} is a file, not a folder", "give another name", code="output.exists")
        if self._overwrite or self._was_moving or not self.path.is_dir() or not any(self.path.iterdir()):
            return
        if not self._is_of_this_format() or any(own_files(self.path, self._places, self._names)):
            raise self._taken()

    def _taken(self) -> OutputError:
        what = "holds this clip already" if self._is_of_this_format() else "exists"
        return OutputError(f"export {self.path} {what}", "give another name or --overwrite", code="output.exists")

    def _rename(self) -> None:
        for name, text in self._lists().items():
            _write_text(self._part / name, text)
        os.replace(self._part, self.path)

    def _move_into_place(self) -> None:
        """Replace files of the same name, remove those that this clip no longer has, bring the lists up to date."""
        marker = self._part / _MOVING
        marker.touch()
        for place, file, index in own_files(self._part, self._places, self._names):
            target = place.file(self.path, self._names[index])
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, target)
        for _, file, index in own_files(self.path, self._places, self._names):
            if not self._is_written(index):
                file.unlink()
        for name, text in self._lists().items():
            _write_text(self.path / name, text)
            (self._part / name).unlink(missing_ok=True)
        marker.unlink()
        _remove_empty(self._part)


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, text.encode("utf-8"))


def _remove_empty(folder: Path) -> None:
    """Remove a tree as far as there is no file in it."""
    for path in list(folder.iterdir()):
        if path.is_dir():
            _remove_empty(path)
    if not any(folder.iterdir()):
        folder.rmdir()
