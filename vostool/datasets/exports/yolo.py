"""Results as a segmentation data set of YOLO, as Ultralytics reads it.

ROOT/data.yaml                     folders and names of the classes; every object is a class
ROOT/images/train/CLIP_00000.jpg   frames
ROOT/labels/train/CLIP_00000.txt   a line for each object: class x1 y1 x2 y2 ..., as shares of width and height

An object has one line, so its parts are joined and its holes cut open by lines without width.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vostool.datasets.exports.fidelity import Fidelity
from vostool.datasets.exports.folder import FolderExport
from vostool.datasets.exports.places import FrameNames, Place, encode_jpeg
from vostool.datasets.exports.plan import object_name
from vostool.errors import OutputError
from vostool.types import FrameResult, VideoInfo
from vostool.video.masks.polygons import trace_whole
from vostool.video.writing.sink_state import SinkState

_LIST = "data.yaml"
_HEADER = """\
# All frames are training data; move some clips to images/val and labels/val and name them here.
train: images/train
val: images/train
names:
"""
_NAME = re.compile(r'^  (\d+): "?([^"\n]+?)"?$', re.MULTILINE)


class YoloExport(FolderExport):
    """Frames and polygons of a clip; the classes of a data set that is there already keep their numbers."""

    def __init__(
        self,
        path: Path,
        clip: str,
        info: VideoInfo,
        object_ids: Sequence[int],
        *,
        overwrite: bool = False,
        resume: SinkState | None = None,
    ) -> None:
        places = (Place("images/train", f"{clip}_", ".jpg"), Place("labels/train", f"{clip}_", ".txt"))
        names = FrameNames(info.frame_names)
        super().__init__(path, f"{path.name}.{clip}.part", places, names, overwrite=overwrite, resume=resume)
        self._fidelity = Fidelity()
        known = resume["classes"] if resume else _read_classes(path / _LIST)
        self._classes: list[str] = list(dict.fromkeys([*known, *map(object_name, object_ids)]))

    def checkpoint(self) -> SinkState:
        """As of any folder, and the classes that the labels are numbered by."""
        return super().checkpoint() | {"classes": self._classes}

    def finish(self) -> Path:
        """As of any folder; says how many polygons lie off."""
        path = super().finish()
        self.warnings += self._fidelity.warnings()
        return path

    def _encode(self, result: FrameResult) -> Sequence[bytes]:
        lines = [self._line(result.labels == found, found) for found in result.object_ids]
        return encode_jpeg(result.frame.image), "".join(lines).encode("ascii")

    def _line(self, mask: np.ndarray, object_id: int) -> str:
        """Class and polygon of an object; nothing where it is absent."""
        if not (tracing := trace_whole(mask)).polygons:
            return ""
        self._fidelity.add(tracing)
        # A pixel's centre lies half a pixel in; readers cut the product with the size down to the pixel.
        shares = (tracing.polygons[0] + 0.5) / (mask.shape[1], mask.shape[0])
        return f"{self._classes.index(object_name(object_id))} {' '.join(f'{share:.6f}' for share in shares.flat)}\n"

    def _is_of_this_format(self) -> bool:
        return (self.path / _LIST).is_file() and (self.path / "labels" / "train").is_dir()

    def _lists(self) -> dict[str, str]:
        known = _read_classes(self.path / _LIST)
        shared = min(len(known), len(self._classes))
        if known[:shared] != self._classes[:shared]:
            message = f"the classes of {self.path / _LIST} changed while labels were written"
            raise OutputError(message, "export the clip once more", code="output.classes")
        names = max(known, self._classes, key=len)
        return {_LIST: _HEADER + "".join(f"  {number}: {json.dumps(name)}\n" for number, name in enumerate(names))}


def _read_classes(file: Path) -> list[str]:
    """Names of the classes of a data set as they are written here; none if there is no file."""
    return [name for _, name in _NAME.findall(file.read_text(encoding="utf-8"))] if file.is_file() else []
