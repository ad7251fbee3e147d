"""The other ends of pipes, for tests."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def piped(content: bytes) -> Iterator[BinaryIO]:
    """The reading end of a pipe through which ``content`` comes; the writer may be left alone."""
    read_end, write_end = os.pipe()

    def write() -> None:
        try:
            with os.fdopen(write_end, "wb") as file:
                file.write(content)
        except BrokenPipeError:
            pass

    thread = threading.Thread(target=write)
    thread.start()
    try:
        with os.fdopen(read_end, "rb") as file:
            yield file
    finally:
        thread.join()


@contextmanager
def piped_file(path: Path) -> Iterator[BinaryIO]:
    """The reading end of a pipe through which a file comes."""
    with piped(path.read_bytes()) as file:
        yield file


class Collector(io.RawIOBase):
    """A file that takes everything and cannot go back."""

    def __init__(self) -> None:
        self.content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: object) -> int:
        piece = bytes(content)  # type: ignore[call-overload]
        self.content += piece
        return len(piece)

    def save(self, path: Path) -> Path:
        path.write_bytes(self.content)
        return path


class Dribble(Collector):
    """Takes a little at a time, and now and then nothing, as a pipe in non-blocking mode does."""

    def __init__(self) -> None:
        super().__init__()
        self.num_calls = 0

    def write(self, content: object) -> int | None:  # type: ignore[override]
        self.num_calls += 1
        if self.num_calls % 5 == 0:
            return None
        return super().write(bytes(content)[:1000])  # type: ignore[call-overload]
