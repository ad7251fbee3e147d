"""Write a folder of stills: indexed masks, or the pictures of any other kind as PNG."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from vostool.errors import InputError, VostoolError
from vostool.types import FrameResult, VideoInfo
from vostool.video.disk_errors import disk_errors
from vostool.video.output_kind import Kind, check_free, part_path
from vostool.video.pictures import PictureStyle
from vostool.video.stills import is_own_still, write_still

_NUMBERED = re.compile(r"\d{5,}")


class PictureFolder:
    """A sink of PNG files: ``NAME.part/`` grows file by file and gets its name when whole.

    Named ``00000.png`` onward for a video, after the images for a folder of images. A part folder that an earlier run
    left behind is cleared of our files at the first write. With ``overwrite`` the files move into the folder that is
    there; stills of an earlier run that this one does not have are removed, and nothing else is touched.
    """

    def __init__(self, kind: Kind, path: Path, info: VideoInfo, *, overwrite: bool = False) -> None:
        if len(set(info.frame_names)) != len(info.frame_names):
            raise InputError(f"two images in {info.path} have the same name but for the extension", "rename one")
        check_free(path, overwrite)
        self.path = path
        self.warnings: list[str] = []
        self._kind, self._overwrite, self._frame_names = kind, overwrite, info.frame_names
        self._part = part_path(path)
        self._num_written = 0

    def write(self, result: FrameResult) -> None:
        """Write one still, under a temporary name first."""
        with disk_errors(self.path, self._part):
            if not self._num_written:
                self._start()
            final = self._part / self._name(result.frame.index)
            temporary = final.with_name(final.name + ".part")
            write_still(self._kind, result, temporary, PictureStyle())
            os.replace(temporary, final)
            self._num_written += 1

    def finish(self) -> Path:
        """Give the folder its name, and return it.

        Raises:
            VostoolError: Nothing was written, or a still is missing.
            OutputError: The folder was taken meanwhile, or the disk refuses.
        """
        self._verify()
        check_free(self.path, self._overwrite)
        with disk_errors(self.path, self._part):
            if self.path.is_dir():
                self._move_into_place()
            else:
                os.replace(self._part, self.path)
        return self.path

    def __enter__(self) -> PictureFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Whatever was written stays as ``NAME.part/``."""

    def _name(self, index: int) -> str:
        return f"{self._frame_names[index]}.png" if self._frame_names else f"{index:05d}.png"

    def _start(self) -> None:
        """An empty part folder, but for what others put there."""
        self._part.mkdir(exist_ok=True)
        for leftover in [*_own_stills(self._part), *self._part.glob("*.png.part")]:
            leftover.unlink()

    def _verify(self) -> None:
        """Raise VostoolError unless the part folder holds a still for each result."""
        found = len(_own_stills(self._part)) if self._num_written else 0
        if found != self._num_written or not found:
            message = f"{self._part} holds {found} files of {self._num_written}"
            raise VostoolError(message, "two frames may have been given the same name", code="output.frames")

    def _move_into_place(self) -> None:
        """Replace files of the same name, then remove those of an earlier run that this one does not have."""
        written = {still.name for still in _own_stills(self._part)}
        for name in written:
            os.replace(self._part / name, self.path / name)
        for stale in _own_stills(self.path):
            is_ours = self._frame_names or _NUMBERED.fullmatch(stale.stem)
            if stale.name not in written and is_ours:
                stale.unlink()
        if not any(self._part.iterdir()):
            shutil.rmtree(self._part)


def _own_stills(folder: Path) -> list[Path]:
    """PNG files that vostool wrote."""
    return [path for path in _files(folder) if path.suffix == ".png" and is_own_still(path)]


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.iterdir() if path.is_file())
