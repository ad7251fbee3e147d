"""What was measured of every frame, as lines of JSON on disk: nothing of it is held in memory."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from vostool.errors import InputError, OutputError, UsageError
from vostool.pipelines.watch import FrameRecord
from vostool.video.disk_errors import disk_errors


class RecordFile:
    """A file that grows by a line for each frame.

    Args:
        path: Replaced, unless ``num_bytes`` says how much of it stays.
        num_bytes: Length at the checkpoint to go on from; None to begin.

    Raises:
        OutputError: The disk refuses, here and in every other method.
        InputError: There is less in the file than there was at the checkpoint.
    """

    def __init__(self, path: Path, num_bytes: int | None = None) -> None:
        self._path = path
        with disk_errors(path, path):
            self._file = path.open("r+b" if num_bytes is not None else "wb")
            if num_bytes is not None:
                self._require(num_bytes)
                self._file.truncate(num_bytes)
                self._file.seek(num_bytes)

    def _require(self, num_bytes: int) -> None:
        found = os.fstat(self._file.fileno()).st_size
        if found < num_bytes:
            self._file.close()
            message = f"{self._path} holds {found} bytes of {num_bytes}"
            raise InputError(message, "start anew without resuming", code="state.damaged")

    def add(self, record: FrameRecord) -> None:
        """Writes one line."""
        with disk_errors(self._path, self._path):
            self._file.write(json.dumps(record.to_dict(), separators=(",", ":")).encode() + b"\n")

    def checkpoint(self) -> int:
        """Makes all lines durable, and tells the length of the file."""
        with disk_errors(self._path, self._path):
            self._file.flush()
            os.fsync(self._file.fileno())
            return self._file.tell()

    def close(self) -> None:
        """Flushes and closes it; may be called twice."""
        self._file.close()


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a finished file, one at a time."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def check_records(path: Path | None, overwrite: bool, others: Iterable[Path]) -> None:
    """Refuses, before any work, a file that could not be written at the end.

    Args:
        others: The source, masks and outputs of the job.

    Raises:
        UsageError: It is one of the others.
        OutputError: It exists, or its folder does not.
    """
    if path is None:
        return
    if path.resolve() in {other.resolve() for other in others}:
        message = f"--records {path} is the clip, a mask or another output"
        raise UsageError(message, "give another name", code="output.source")
    if path.exists() and (path.is_dir() or not overwrite):
        raise OutputError(f"output {path} exists", "give another name or --overwrite", code="output.exists")
    if not path.parent.is_dir():
        raise OutputError(f"the folder {path.parent} of {path.name} is missing", "create it", code="output.folder")
    if not os.access(path.parent, os.W_OK):
        message = f"cannot write output {path}: its folder is not open for writing"
        raise OutputError(message, "choose a folder that can be written to", code="output.folder")


def deliver_records(spool: Path, path: Path) -> None:
    """Copies the finished records to their final place, in one step; the spool stays, to be gone on with.

    Raises:
        OutputError: The disk refuses.
    """
    with disk_errors(path, spool):
        temporary = path.with_name(path.name + ".part")
        shutil.copyfile(spool, temporary)
        os.replace(temporary, path)
