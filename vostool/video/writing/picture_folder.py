"""Write a folder of stills: indexed masks, or the pictures of any other kind."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from vostool.errors import InputError
from vostool.types import FrameResult, VideoInfo
from vostool.video.writing.growing_folder import MOVING, GrowingFolder
from vostool.video.writing.output_kind import Kind, check_free, part_path
from vostool.video.writing.pictures import PictureStyle
from vostool.video.writing.sink_state import SinkState
from vostool.video.writing.stills import is_own_still, still_suffix, write_still

_NUMBERED = re.compile(r"\d{5,}")
_SUFFIXES = (".png", ".exr")


class PictureFolder(GrowingFolder):
    """A sink of stills: ``NAME.part/`` grows file by file and gets its name when whole.

    Named ``00000.png`` onward for a video, after the images for a folder of images. A part folder that an earlier run
    left behind is cleared of our files at the first write. With ``overwrite`` the files move into the folder that is
    there; stills of an earlier run that this one does not have are removed, and nothing else is touched.
    """

    def __init__(
        self,
        kind: Kind,
        path: Path,
        info: VideoInfo,
        *,
        overwrite: bool = False,
        style: PictureStyle | None = None,
        resume: SinkState | None = None,
    ) -> None:
        if len(set(info.frame_names)) != len(info.frame_names):
            raise InputError(f"two images in {info.path} have the same name but for the extension", "rename one")
        self._kind, self._frame_names = kind, info.frame_names
        self._style = style or PictureStyle()
        self._suffix = still_suffix(kind, self._style)
        super().__init__(path, part_path(path), overwrite=overwrite, resume=resume)

    def _files(self, folder: Path, index: int) -> Sequence[Path]:
        return (folder / self._name(index),)

    def _write_files(self, result: FrameResult) -> None:
        (final,) = self._files(self._part, result.frame.index)
        temporary = final.with_name(final.name + ".part")
        write_still(self._kind, result, temporary, self._style)
        os.replace(temporary, final)

    def _check_free(self, overwrite: bool) -> None:
        check_free(self.path, overwrite)

    def _name(self, index: int) -> str:
        return still_name(self._frame_names, index, self._suffix)

    def _names(self) -> set[str]:
        """Those of the stills that were written."""
        return {self._name(index) for index in range(self._first, self._end)}

    def _prepare(self) -> None:
        """What others put into the part folder stays."""
        self._part.mkdir(exist_ok=True)
        kept = self._names()
        for path in list(_files(self._part)):
            is_half = path.name.endswith(tuple(f"{suffix}.part" for suffix in _SUFFIXES))
            if is_half or (path.name not in kept and _is_own(path)):
                path.unlink()

    def _move_into_place(self) -> None:
        """Replace files of the same name, then remove those of an earlier run that this one does not have."""
        marker = self._part / MOVING
        marker.touch()
        for still in _own_stills(self._part):
            os.replace(still, self.path / still.name)
            # To rename one of two links of a file does nothing, and says nothing.
            still.unlink(missing_ok=True)
        written = self._names()
        for stale in _own_stills(self.path):
            is_ours = self._frame_names or _NUMBERED.fullmatch(stale.stem)
            if stale.name not in written and is_ours:
                stale.unlink()
        marker.unlink()
        if not any(self._part.iterdir()):
            shutil.rmtree(self._part)


def still_name(frame_names: Sequence[str], index: int, suffix: str) -> str:
    """What the still of a frame is called: as the image that it was made of, or by its number."""
    return f"{frame_names[index]}{suffix}" if frame_names else f"{index:05d}{suffix}"


def _own_stills(folder: Path) -> list[Path]:
    """Stills that vostool wrote."""
    return [path for path in _files(folder) if _is_own(path)]


def _is_own(path: Path) -> bool:
    return path.suffix in _SUFFIXES and is_own_still(path)


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.iterdir() if path.is_file())
