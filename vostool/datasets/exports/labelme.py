"""Results as labelme keeps them: a picture and a JSON of polygons for each frame, side by side.

ROOT/00000.jpg, ROOT/00000.json

Parts of one object are polygons of one label and one ``group_id``, the object's number; holes are cut open by a line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vostool.datasets.exports.fidelity import Fidelity
from vostool.datasets.exports.folder import FolderExport
from vostool.datasets.exports.places import FrameNames, Place, encode_jpeg
from vostool.datasets.exports.plan import object_name
from vostool.types import FrameResult, VideoInfo
from vostool.video.masks.polygons import trace_parts
from vostool.video.writing.sink_state import SinkState

# Of the format; labelme warns of files that are newer than itself by the first number only.
_VERSION = "5.5.0"


class LabelmeExport(FolderExport):
    """Frames and polygons of a clip, named as its images or by number."""

    def __init__(
        self, path: Path, info: VideoInfo, *, overwrite: bool = False, resume: SinkState | None = None
    ) -> None:
        places = (Place("", "", ".jpg"), Place("", "", ".json"))
        self._frame_names = FrameNames(info.frame_names)
        self._fidelity = Fidelity()
        super().__init__(path, f"{path.name}.part", places, self._frame_names, overwrite=overwrite, resume=resume)

    def finish(self) -> Path:
        """As of any folder; says how many polygons lie off."""
        path = super().finish()
        self.warnings += self._fidelity.warnings()
        return path

    def _encode(self, result: FrameResult) -> Sequence[bytes]:
        height, width = result.labels.shape
        page = {
            "version": _VERSION,
            "flags": {},
            "shapes": [shape for found in result.object_ids for shape in self._shapes(result.labels == found, found)],
            "imagePath": f"{self._frame_names[result.frame.index]}.jpg",
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        return encode_jpeg(result.frame.image), json.dumps(page, indent=1).encode("ascii")

    def _shapes(self, mask: np.ndarray, object_id: int) -> list[dict[str, Any]]:
        """A polygon for each part of an object."""
        tracing = trace_parts(mask)
        if tracing.polygons:
            self._fidelity.add(tracing)
        return [
            {
                "label": object_name(object_id),
                "points": polygon.astype(float).tolist(),
                "group_id": object_id,
                "description": "",
                "shape_type": "polygon",
                "flags": {},
                "mask": None,
            }
            for polygon in tracing.polygons
        ]
