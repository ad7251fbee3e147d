"""Results of a pass that runs before they are needed, on disk: written in any order, read by the index of a frame.

Two files in a folder. The table has a header and, for each frame, where its record begins; the records lie one after
the other as they were written. Only a spool that was finished can be opened again. Numbers are little-endian.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vostool.errors import OutputError
from vostool.types import Frame, FrameResult
from vostool.video.disk_errors import is_disk_full

RECORDS_NAME, TABLE_NAME = "backward.records", "backward.table"
MAGIC = b"VOSSPOOL1"
# Magic, whether it is finished, first frame, number of frames, bytes of records.
HEADER = struct.Struct("<9s?QQQ")
# Where the record begins, and whether it is that of another frame; 0 where there is none.
PLACE = struct.Struct("<Q?")
# Height, width, number of objects, whether it was repeated already, bytes of confidence, labels and alpha; the ids and
# these three follow.
RECORD = struct.Struct("<IIB?QQQ")
# Alpha is kept in steps of 1 / 65535, as finely as any output writes it.
STEPS = 65535
# Level 1 is fast, and higher levels save 3 % of what differences leave.
LEVEL = 1


class Spool:
    """Results of the frames of a range, on disk; a context manager that only closes its files.

    Args:
        folder: Is made where it does not exist; an older spool in it is replaced.
        frames: Indices of the frames that may be written.

    Raises:
        OutputError: The disk refuses, here and in every other method.
    """

    def __init__(self, folder: Path, frames: range) -> None:
        with _disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._open(folder, frames, "w+b")
            self._write_header(is_finished=False)
            self._records.write(MAGIC)
        self._newest = 0

    def _open(self, folder: Path, frames: range, mode: str) -> None:
        self.folder, self.frames = folder, frames
        self._records = _open_binary(folder / RECORDS_NAME, mode)
        self._table = _open_binary(folder / TABLE_NAME, mode)

    @classmethod
    def open_existing(cls, folder: Path, frames: range) -> Spool | None:
        """The finished spool of just these frames; None if there is none."""
        spool = cls.__new__(cls)
        try:
            spool._open(folder, frames, "rb")
        except OSError:
            return None
        if spool._is_whole():
            return spool
        spool.close()
        return None

    def _is_whole(self) -> bool:
        header = self._table.read(HEADER.size)
        size = os.fstat(self._records.fileno()).st_size
        return header == HEADER.pack(MAGIC, True, self.frames.start, len(self.frames), size)

    def write(self, result: FrameResult) -> None:
        """Keeps the result of one frame."""
        confidence = b"" if result.confidence is None else result.confidence.astype("<f4").tobytes()
        labels = zlib.compress(result.labels.tobytes(), LEVEL)
        parts = (confidence, labels, zlib.compress(_to_bytes(result.alpha), LEVEL))
        height, width = result.labels.shape
        head = RECORD.pack(height, width, len(result.object_ids), result.is_repeated, *map(len, parts))
        with _disk_errors(self.folder):
            self._newest = self._records.seek(0, os.SEEK_END)
            self._records.writelines([head, bytes(result.object_ids), *parts])
            self._place(result.frame.index, is_repeated=False)

    def repeat(self, index: int) -> None:
        """Lets a frame have the result that was written last."""
        if self._newest:
            with _disk_errors(self.folder):
                self._place(index, is_repeated=True)

    def _place(self, index: int, *, is_repeated: bool) -> None:
        self._table.seek(self._place_of(index))
        self._table.write(PLACE.pack(self._newest, is_repeated))

    def _place_of(self, index: int) -> int:
        assert index in self.frames, "frames of a spool lie in its range"
        return HEADER.size + (index - self.frames.start) * PLACE.size

    def finish(self) -> None:
        """Makes everything durable, and then says that it is all there."""
        with _disk_errors(self.folder):
            for file in (self._records, self._table):
                _flush(file)
            self._write_header(is_finished=True)
            _flush(self._table)

    def _write_header(self, *, is_finished: bool) -> None:
        self._table.seek(0)
        self._table.write(HEADER.pack(MAGIC, is_finished, self.frames.start, len(self.frames), self.num_bytes))

    def read(self, frame: Frame) -> FrameResult | None:
        """The result of a frame, which it gets; None if there is none.

        Raises:
            OutputError: The files were damaged.
        """
        if frame.index not in self.frames:
            return None
        self._table.seek(self._place_of(frame.index))
        place = self._table.read(PLACE.size).ljust(PLACE.size, b"\0")
        offset, is_repeated = PLACE.unpack(place)
        if not offset:
            return None
        try:
            result = self._read_record(frame, offset)
        except (struct.error, zlib.error, ValueError) as error:
            raise OutputError(f"{self.folder} is damaged", "remove it and start anew", code="output.spool") from error
        return replace(result, is_repeated=result.is_repeated or is_repeated)

    def _read_record(self, frame: Frame, offset: int) -> FrameResult:
        self._records.seek(offset)
        height, width, num_objects, is_repeated, *lengths = RECORD.unpack(self._records.read(RECORD.size))
        object_ids = tuple(self._records.read(num_objects))
        confidence, labels, alpha = (self._records.read(length) for length in lengths)
        return FrameResult(
            frame,
            np.frombuffer(zlib.decompress(labels), np.uint8).reshape(height, width).copy(),
            _from_bytes(zlib.decompress(alpha), (num_objects, height, width)),
            object_ids,
            is_repeated,
            np.frombuffer(confidence, "<f4").astype(np.float32) if confidence else None,
        )

    @property
    def num_bytes(self) -> int:
        """Of all records."""
        self._records.flush()
        return os.fstat(self._records.fileno()).st_size

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the files; what a full disk keeps from being flushed is lost, as the spool is not finished then."""
        for file in (self._records, self._table):
            with suppress(OSError):
                file.close()

    def remove(self) -> None:
        """Closes and deletes the files, and the folder if nothing else is in it."""
        self.close()
        self.clear(self.folder)

    @staticmethod
    def clear(folder: Path) -> None:
        """Deletes the files of a spool that nobody has open, and the folder if nothing else is in it."""
        with suppress(OSError):
            for name in (RECORDS_NAME, TABLE_NAME):
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()


def _to_bytes(alpha: np.ndarray) -> bytes:
    """(K, H, W) float32 in 0..1 to bytes that compress well.

    Differences between neighbours, both ways, are small; their high bytes are mostly equal, so they come first.
    """
    steps = np.rint(alpha * STEPS).astype(np.uint16)
    for axis in (2, 1):
        steps = np.diff(steps, axis=axis, prepend=np.uint16(0))
    return (steps >> 8).astype(np.uint8).tobytes() + (steps & 255).astype(np.uint8).tobytes()


def _from_bytes(data: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """The way back from ``_to_bytes``; sums wrap around as differences did."""
    high, low = np.frombuffer(data, np.uint8).reshape(2, *shape).astype(np.uint16)
    steps = (high << 8) | low
    for axis in (1, 2):
        steps = steps.cumsum(axis=axis, dtype=np.uint16)
    return steps.astype(np.float32) / np.float32(STEPS)


def _open_binary(path: Path, mode: str) -> BinaryIO:
    file: BinaryIO = path.open(mode)  # type: ignore[assignment]
    return file


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Raise OutputError for a disk that refuses."""
    try:
        yield
    except OSError as error:
        full = is_disk_full(error)
        reason = (error.strerror or str(error)).lower()
        hint = "free some space: the backward pass is kept there until the job ends" if full else ""
        code = "output.disk_full" if full else "output.refused"
        raise OutputError(f"cannot write {folder}: {reason}", hint, code=code) from error
