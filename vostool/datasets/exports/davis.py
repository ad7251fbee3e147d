"""Results in the layout of DAVIS 2017, as its tools, `vostool eval` and `vostool train` read it.

ROOT/JPEGImages/480p/CLIP/00000.jpg    frames, at their own size whatever the name of the folder
ROOT/Annotations/480p/CLIP/00000.png   indexed masks with the DAVIS palette
ROOT/ImageSets/2017/val.txt            names of clips
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vostool.datasets.exports.folder import FolderExport
from vostool.datasets.exports.places import FrameNames, Place, encode_jpeg
from vostool.types import FrameResult
from vostool.video.writing.sink_state import SinkState
from vostool.video.writing.stills import indexed_image

_LIST = "ImageSets/2017/val.txt"
_COMPRESS_LEVEL = 3


class DavisExport(FolderExport):
    """Frames and masks of a clip; frames are numbered, because the tools of DAVIS sort names as text."""

    def __init__(
        self,
        path: Path,
        clip: str,
        object_ids: Sequence[int],
        *,
        overwrite: bool = False,
        resume: SinkState | None = None,
    ) -> None:
        places = (Place(f"JPEGImages/480p/{clip}", "", ".jpg"), Place(f"Annotations/480p/{clip}", "", ".png"))
        self._clip = clip
        self._early: set[int] = set(resume["early"]) if resume else set()
        self._late: set[int] = set(resume["late"]) if resume else set()
        super().__init__(path, f"{path.name}.{clip}.part", places, FrameNames(), overwrite=overwrite, resume=resume)
        if sorted(object_ids) != list(range(1, len(object_ids) + 1)):
            found = ", ".join(map(str, sorted(object_ids)))
            self.warnings.append(f"objects {found} keep their numbers, but tools of DAVIS take them to be 1, 2, 3 on")

    def write(self, result: FrameResult) -> None:
        """As of any folder; remembers which objects the first frame does not show."""
        is_first = not self._num_written
        super().write(result)
        shown = {int(found) for found in np.flatnonzero(np.bincount(result.labels.ravel(), minlength=256)[1:]) + 1}
        if is_first:
            self._early = shown
        self._late |= shown - self._early

    def checkpoint(self) -> SinkState:
        """As of any folder, and which objects came when."""
        return super().checkpoint() | {"early": sorted(self._early), "late": sorted(self._late)}

    def finish(self) -> Path:
        """As of any folder; says which objects its evaluation does not know."""
        path = super().finish()
        if self._late:
            found = ", ".join(map(str, sorted(self._late)))
            advice = "the evaluation of DAVIS knows only objects of the first frame, that of YouTube-VOS all"
            self.warnings.append(f"objects {found} come in after the first frame of {path}: {advice}")
        return path

    def _encode(self, result: FrameResult) -> Sequence[bytes]:
        return encode_jpeg(result.frame.image), _encode_mask(result.labels)

    def _is_of_this_format(self) -> bool:
        return (self.path / "JPEGImages").is_dir() and (self.path / "Annotations").is_dir()

    def _lists(self) -> dict[str, str]:
        file = self.path / _LIST
        known = file.read_text(encoding="utf-8").split() if file.is_file() else []
        return {_LIST: "".join(f"{name}\n" for name in dict.fromkeys([*known, self._clip]))}


def _encode_mask(labels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    indexed_image(labels).save(buffer, "PNG", compress_level=_COMPRESS_LEVEL)
    return buffer.getvalue()
