"""Write a folder of stills: indexed masks, or the pictures of any other kind."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from vostool.errors import InputError, VostoolError
from vostool.types import FrameResult, VideoInfo
from vostool.video.disk_errors import disk_errors
from vostool.video.durable import sync
from vostool.video.output_kind import Kind, check_free, part_path
from vostool.video.pictures import PictureStyle
from vostool.video.sink_state import SinkState, cannot_resume
from vostool.video.stills import is_own_still, still_suffix, write_still

_NUMBERED = re.compile(r"\d{5,}")
_SUFFIXES = (".png", ".exr")
# Stands in the part folder while stills move from it into a folder that was there before.
MOVING = "moving.part"


class PictureFolder:
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
        self.path = path
        self.warnings: list[str] = []
        self._kind, self._frame_names = kind, info.frame_names
        self._overwrite = overwrite or (resume is not None and resume["overwrite"])
        self._style = style or PictureStyle()
        self._suffix = still_suffix(kind, self._style)
        self._part = part_path(path)
        self._has_begun = False
        self._num_written = resume["num_frames"] if resume else 0
        # Indices of frames: of the first one, after the last one, after the last one that is on the disk.
        self._first = resume["first_index"] if resume else 0
        self._end = self._synced_end = resume["end_index"] if resume else 0
        # What a run that was killed in finish() had moved counts as written, and is no stranger's.
        self._was_moving = resume is not None and (self._part / MOVING).exists()
        self._is_finished = resume is not None and self._has_its_name()
        if not self._is_finished:
            check_free(path, self._overwrite or self._was_moving)
            self._require_whole()

    @property
    def parts(self) -> tuple[Path, ...]:
        """The part folder, once it is begun."""
        return (self._part,) if self._num_written else ()

    def write(self, result: FrameResult) -> None:
        """Write one still, under a temporary name first."""
        if self._is_finished:
            check_free(self.path, overwrite=False)
        with disk_errors(self.path, self._part):
            self._begin()
            final = self._part / self._name(result.frame.index)
            temporary = final.with_name(final.name + ".part")
            write_still(self._kind, result, temporary, self._style)
            os.replace(temporary, final)
            self._count(result.frame.index)

    def checkpoint(self) -> SinkState:
        """Wait until all stills are on the disk, and say what ``resume`` needs."""
        with disk_errors(self.path, self._part):
            for index in range(self._synced_end, self._end):
                if (still := self._part / self._name(index)).is_file():
                    sync(still)
            if self._end > self._synced_end:
                sync(self._part)
                sync(self._part.absolute().parent)
        self._synced_end = self._end
        return {
            "num_frames": self._num_written,
            "first_index": self._first,
            "end_index": self._end,
            "overwrite": self._overwrite,
        }

    def finish(self) -> Path:
        """Give the folder its name, and return it.

        Raises:
            VostoolError: Nothing was written, or a still is missing.
            OutputError: The folder was taken meanwhile, or the disk refuses.
        """
        if self._is_finished:
            return self.path
        if not self._num_written:
            raise VostoolError(f"no frame was written to {self.path}", code="output.frames")
        with disk_errors(self.path, self._part):
            self._begin()
            self._verify()
            check_free(self.path, self._overwrite or self._was_moving)
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
        return still_name(self._frame_names, index, self._suffix)

    def _count(self, index: int) -> None:
        """Note that the still of a frame was written."""
        if not self._num_written:
            self._first, self._end, self._synced_end = index, index, index
        self._num_written += 1
        self._end = max(self._end, index + 1)

    def _names(self) -> set[str]:
        """Those of the stills that were written."""
        return {self._name(index) for index in range(self._first, self._end)}

    def _has_its_name(self) -> bool:
        """Whether a run that was killed at its very end had already put this output in place."""
        return self._num_written > 0 and not self._part.exists() and not self._missing_from(self.path)

    def _missing_from(self, *folders: Path) -> int:
        """How many of the stills that were written are in none of the folders."""
        found = sum(any((folder / name).is_file() for folder in folders) for name in self._names())
        return self._num_written - found

    def _require_whole(self) -> None:
        """Raise OutputError unless the stills of the checkpoint are there."""
        folders = [self._part, self.path] if self._was_moving else [self._part]
        if missing := self._missing_from(*folders):
            found = f"{missing} of {self._num_written} files are missing in {self._part.name}"
            raise cannot_resume(self.path, found)

    def _begin(self) -> None:
        """Once: a part folder without leftovers of what was not checkpointed; what others put there stays."""
        if self._has_begun:
            return
        self._has_begun = True
        self._part.mkdir(exist_ok=True)
        kept = self._names()
        for path in list(_files(self._part)):
            is_half = path.name.endswith(tuple(f"{suffix}.part" for suffix in _SUFFIXES))
            if is_half or (path.name not in kept and _is_own(path)):
                path.unlink()

    def _verify(self) -> None:
        """Raise VostoolError unless there is a still for each result."""
        found = len(_own_stills(self._part))
        if self._was_moving:
            found += sum((self.path / name).is_file() and not (self._part / name).exists() for name in self._names())
        if found != self._num_written:
            message = f"{self._part} holds {found} files of {self._num_written}"
            raise VostoolError(message, "two frames may have been given the same name", code="output.frames")

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
