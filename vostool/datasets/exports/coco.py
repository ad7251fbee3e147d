"""Results as one JSON file of COCO instances, with masks as run lengths.

A frame is an image, an object a category, and each object that a frame shows an annotation: its ``segmentation`` is
{"size": [height, width], "counts": string}, exact, and ``track_id`` is the number of the object. Images have the names
of the pictures of a folder, or 00000.jpg on, as ``--export davis`` writes them, with time stamps of the video beside.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from vostool.datasets.exports.lines import JsonLines
from vostool.datasets.exports.plan import object_name
from vostool.errors import OutputError, VostoolError
from vostool.types import FrameResult, VideoInfo
from vostool.video.disk_errors import disk_errors
from vostool.video.durable import sync
from vostool.video.masks.run_length import encode_runs, pack_runs
from vostool.video.reading.images import list_images
from vostool.video.writing.sink_state import SinkState, cannot_resume

_MIDDLE, _END = b'],\n"annotations":[', b"]}\n"


class CocoExport:
    """Grows as two files, NAME.images.part.json and NAME.annotations.part.json, that are put together at the end."""

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
        self.path = path
        self.warnings: list[str] = []
        self._overwrite: bool = overwrite or (resume is not None and resume["overwrite"])
        self._names = _ImageNames(info)
        self._head = _head(clip, info, object_ids)
        self._num_frames: int = resume["num_frames"] if resume else 0
        self._images = JsonLines(path.with_suffix(".images.part.json"), resume and resume["images"])
        self._annotations = JsonLines(path.with_suffix(".annotations.part.json"), resume and resume["annotations"])
        # A run that was killed at its very end may have put this output in place.
        self._is_finished = bool(resume) and path.is_file() and path.stat().st_size == self._num_bytes()
        if not self._is_finished:
            self._check_free()
            for lines in (self._images, self._annotations) if resume else ():
                if problem := lines.problem():
                    raise cannot_resume(path, problem)

    @property
    def notes(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def parts(self) -> tuple[Path, ...]:
        """The two files, once they are begun."""
        return (self._images.path, self._annotations.path) if self._num_frames else ()

    def write(self, result: FrameResult) -> None:
        """Add a frame and the objects that it shows."""
        if self._is_finished:
            raise self._taken()
        shown = [found for found in result.object_ids if (result.labels == found).any()]
        first_id = self._annotations.num_records + 1
        records = [_annotation(result, found, first_id + place) for place, found in enumerate(shown)]
        with disk_errors(self.path, self._images.path):
            self._images.append([_image(result, self._names[result.frame.index])])
            self._annotations.append(records)
        self._num_frames += 1

    def checkpoint(self) -> SinkState:
        """Wait until both files are on the disk, and say how long they are."""
        with disk_errors(self.path, self._images.path):
            images, annotations = self._images.checkpoint(), self._annotations.checkpoint()
        return {
            "num_frames": self._num_frames,
            "images": images,
            "annotations": annotations,
            "overwrite": self._overwrite,
        }

    def finish(self) -> Path:
        """Put the file together under its name, and return it.

        Raises:
            VostoolError: Nothing was written.
            OutputError: The path was taken meanwhile, a part vanished, or the disk refuses.
        """
        if not self._num_frames:
            raise VostoolError(f"no frame was written to {self.path}", code="output.frames")
        with disk_errors(self.path, self._images.path):
            if not self._is_finished:
                self._check_free()
                self._put_together()
            self._images.remove()
            self._annotations.remove()
        return self.path

    def __enter__(self) -> CocoExport:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Whatever was written stays in the two files."""
        self._images.close()
        self._annotations.close()

    def _put_together(self) -> None:
        joined = self.path.with_suffix(".joined.part.json")
        self._images.checkpoint()
        self._annotations.checkpoint()
        with joined.open("wb") as file:
            file.write(self._head)
            self._images.copy_to(file)
            file.write(_MIDDLE)
            self._annotations.copy_to(file)
            file.write(_END)
        sync(joined)
        os.replace(joined, self.path)

    def _check_free(self) -> None:
        if self.path.is_dir() or (self.path.exists() and not self._overwrite):
            raise self._taken()

    def _taken(self) -> OutputError:
        return OutputError(f"export {self.path} exists", "give another name or --overwrite", code="output.exists")

    def _num_bytes(self) -> int:
        """Length of the whole file."""
        return len(self._head) + self._images.num_bytes + len(_MIDDLE) + self._annotations.num_bytes + len(_END)


def _head(clip: str, info: VideoInfo, object_ids: Sequence[int]) -> bytes:
    """Everything that comes before the images."""
    video = {"id": 1, "name": clip, "width": info.width, "height": info.height}
    categories = [{"id": found, "name": object_name(found), "supercategory": "object"} for found in object_ids]
    about = {"description": f"{clip}, segmented by vostool"}
    text = json.dumps({"info": about, "licenses": [], "videos": [video], "categories": categories})
    return f'{text[:-1]},\n"images":['.encode("ascii")


def _image(result: FrameResult, file_name: str) -> dict[str, Any]:
    """The record of a frame; ids begin with 1, because readers take 0 for none."""
    frame, (height, width) = result.frame, result.labels.shape
    return {
        "id": frame.index + 1,
        "file_name": file_name,
        "width": width,
        "height": height,
        "video_id": 1,
        "frame_id": frame.index,
        "pts": frame.pts,
        "time_base": str(frame.time_base),
    }


def _annotation(result: FrameResult, object_id: int, annotation_id: int) -> dict[str, Any]:
    """The record of an object that a frame shows."""
    mask = result.labels == object_id
    record = {
        "id": annotation_id,
        "image_id": result.frame.index + 1,
        "category_id": object_id,
        "track_id": object_id,
        "video_id": 1,
        "segmentation": {"size": list(mask.shape), "counts": pack_runs(encode_runs(mask))},
        "area": int(np.count_nonzero(mask)),
        "bbox": list(cv2.boundingRect(mask.view(np.uint8))),
        "iscrowd": 0,
    }
    if result.confidence is not None:
        record["score"] = round(float(result.confidence[result.object_ids.index(object_id)]), 4)
    return record


class _ImageNames:
    """Names of the pictures of a folder, or the numbers of frames."""

    def __init__(self, info: VideoInfo) -> None:
        self._names = [path.name for path in list_images(info.path)] if info.is_image_folder else []

    def __getitem__(self, index: int) -> str:
        return self._names[index] if self._names else f"{index:05d}.jpg"
