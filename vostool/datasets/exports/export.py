"""Exports: one sink for each, used like those of ``vostool.video.writing.sinks``.

with open_export("davis", path, info, object_ids, source=clip) as sink:
    for result in results:
        sink.write(result)
    sink.finish()
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vostool.datasets.exports.coco import CocoExport
from vostool.datasets.exports.davis import DavisExport
from vostool.datasets.exports.labelme import LabelmeExport
from vostool.datasets.exports.plan import ExportKind, clip_name
from vostool.datasets.exports.yolo import YoloExport
from vostool.errors import OutputError, UsageError
from vostool.types import VideoInfo
from vostool.video.writing.sink_state import SinkState
from vostool.video.writing.sinks import Sink


def open_export(
    kind: ExportKind,
    path: Path,
    info: VideoInfo,
    object_ids: Sequence[int],
    *,
    source: Path | None = None,
    overwrite: bool = False,
    resume: SinkState | None = None,
) -> Sink:
    """A sink for one export; nothing is created, and no earlier part replaced, before the first frame.

    Args:
        path: Where it goes: a file named .json for COCO, else a folder. Folders of DAVIS and YOLO take clip after clip.
        info: Of the source; decides size, times, and the names of frames.
        object_ids: That the results will have.
        source: The clip, which gives its name to folders and files; None for the path in ``info``.
        overwrite: Replace what an earlier export of the same clip wrote.
        resume: A checkpoint of this export by an earlier process: frames that were written later are discarded, and
            the next one to write is that after the checkpoint.

    Raises:
        UsageError: The export would lie over or around its source.
        OutputError: The path is taken and ``overwrite`` is not set, its folder is missing, or the files of the
            checkpoint are not whole.
    """
    assert all(0 < object_id < 256 for object_id in object_ids)
    _refuse_source(path, source or info.path)
    _require_parent(path)
    clip = clip_name(source or info.path)
    if kind == "coco":
        return CocoExport(path, clip, info, object_ids, overwrite=overwrite, resume=resume)
    if kind == "yolo":
        return YoloExport(path, clip, info, object_ids, overwrite=overwrite, resume=resume)
    if kind == "davis":
        return DavisExport(path, clip, object_ids, overwrite=overwrite, resume=resume)
    return LabelmeExport(path, info, overwrite=overwrite, resume=resume)


def _refuse_source(path: Path, source: Path) -> None:
    """Raise UsageError if files of the export could replace the pictures that it is made of."""
    place, origin = path.resolve(), source.resolve()
    if place == origin or place in origin.parents:
        message = f"export {path} would overwrite the source {source}"
        raise UsageError(message, "give another place", code="output.source")


def _require_parent(path: Path) -> None:
    """Raise OutputError if the folder that is to hold an export is missing."""
    if not path.absolute().parent.is_dir():
        message = f"the folder {path.parent} of export {path.name} is missing"
        raise OutputError(message, "create it", code="output.folder")
