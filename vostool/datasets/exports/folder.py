"""A sink whose result is a folder of files for each frame; what they hold is told by the formats that inherit."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

from vostool.datasets.exports.places import FrameNames, Place, is_half, own_files, replace_file
from vostool.errors import OutputError
from vostool.types import FrameResult
from vostool.video.writing.growing_folder import MOVING, GrowingFolder
from vostool.video.writing.sink_state import SinkState


class FolderExport(GrowingFolder):
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
        self._places, self._names = tuple(places), names
        super().__init__(path, path.with_name(part), overwrite=overwrite, resume=resume)

    @abstractmethod
    def _encode(self, result: FrameResult) -> Sequence[bytes]:
        """Content of the files of a frame, in the order of the places."""

    def _lists(self) -> dict[str, str]:
        """Text files of the whole folder by their path in it, made of what the folder at ``path`` has already."""
        return {}

    def _is_of_this_format(self) -> bool:
        """Whether the folder at ``path`` is a data set that takes more clips."""
        return False

    def _files(self, folder: Path, index: int) -> Sequence[Path]:
        return [place.file(folder, self._names[index]) for place in self._places]

    def _write_files(self, result: FrameResult) -> None:
        for file, content in zip(self._files(self._part, result.frame.index), self._encode(result), strict=True):
            replace_file(file, content)

    def _prepare(self) -> None:
        for place in self._places:
            (self._part / place.folder).mkdir(parents=True, exist_ok=True)
        for _, file, index in own_files(self._part, self._places, self._names):
            if is_half(file) or not self._is_written(index):
                file.unlink()

    def _check_free(self, overwrite: bool) -> None:
        """A file is in the way always, a folder unless this clip may go into it."""
        if self.path.exists() and not self.path.is_dir():
            raise OutputError(f"export {self.path} is a file, not a folder", "give another name", code="output.exists")
        if overwrite or not self.path.is_dir() or not any(self.path.iterdir()):
            return
        is_data_set = self._is_of_this_format()
        if not is_data_set or any(own_files(self.path, self._places, self._names)):
            what = "holds this clip already" if is_data_set else "exists"
            message = f"export {self.path} {what}"
            raise OutputError(message, "give another name or --overwrite", code="output.exists")

    def _rename(self) -> None:
        for name, text in self._lists().items():
            _write_text(self._part / name, text)
        super()._rename()

    def _move_into_place(self) -> None:
        """Replace files of the same name, remove those that this clip no longer has, bring the lists up to date."""
        marker = self._part / MOVING
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
