"""The two ends of a pipe as PyAV wants them: bytes as they come, bytes until all are gone."""

from __future__ import annotations

import select
from contextlib import suppress
from selectors import EVENT_READ, BaseSelector, DefaultSelector
from typing import BinaryIO

# How long a silent pipe keeps a reader from noticing that it was told to stop.
STOP_CHECK_SECONDS = 0.2


class Inlet:
    """Reads a pipe without waiting for more than there is, and without going back.

    Args:
        file: Stays the caller's to close.
    """

    def __init__(self, file: BinaryIO) -> None:
        # A buffered file would wait until its buffer is full.
        self._read_some = getattr(file, "read1", file.read)
        self._selector = _watch(file)
        self._start = b""
        self._is_stopped = False

    def peek(self, num_bytes: int) -> bytes:
        """The first bytes, which ``read`` gives again; fewer only where the pipe ends before."""
        while len(self._start) < num_bytes and (piece := self._read(num_bytes - len(self._start))):
            self._start += piece
        return self._start

    def read(self, num_bytes: int) -> bytes:
        """What has come, at most ``num_bytes``, or the next to come; nothing at the end or once stopped."""
        if self._start:
            piece, self._start = self._start[:num_bytes], self._start[num_bytes:]
            return piece
        return self._read(num_bytes)

    def stop(self) -> None:
        """End the stream for its reader, also where it waits in another thread."""
        self._is_stopped = True

    def _read(self, num_bytes: int) -> bytes:
        while self._wait():
            piece = self._read_some(num_bytes)
            # None: a pipe in non-blocking mode was empty.
            if piece is not None:
                return bytes(piece)
        return b""

    def _wait(self) -> bool:
        """Wait until there is something, be it the end; False if stopped."""
        while not self._is_stopped:
            if self._selector is None or self._selector.select(STOP_CHECK_SECONDS):
                return True
        return False

    def close(self) -> None:
        """Free what waiting needed."""
        if self._selector is not None:
            self._selector.close()
            self._selector = None


def _watch(file: BinaryIO) -> BaseSelector | None:
    """What can wait for the file; None for one in memory, or where the system waits for nothing but sockets."""
    selector = DefaultSelector()
    try:
        selector.register(file, EVENT_READ)
        selector.select(0)
    except (OSError, ValueError):
        selector.close()
        return None
    return selector


class Outlet:
    """Writes all of what it is given at once, and after a failure nothing any more, so that closing is quiet.

    Args:
        file: Stays the caller's to close.
    """

    def __init__(self, file: BinaryIO) -> None:
        file.flush()
        # Under the buffer: nothing waits in it.
        self._file: BinaryIO = getattr(file, "raw", file)
        self._is_broken = False

    def write(self, content: bytes) -> int:
        """Write all of ``content``.

        Raises:
            BrokenPipeError: Nobody reads any more.
            OSError: The system refuses otherwise.
        """
        if not self._is_broken:
            try:
                self._write_all(memoryview(content))
            except BaseException:
                self._is_broken = True
                raise
        return len(content)

    def flush(self) -> None:
        """Flush the file, unless that failed before."""
        if not self._is_broken:
            self._file.flush()

    def abandon(self) -> None:
        """Write nothing any more."""
        self._is_broken = True

    def _write_all(self, content: memoryview) -> None:
        while content:
            written: int | None = self._file.write(content)
            if written is None:
                # A pipe in non-blocking mode is full.
                with suppress(ValueError, OSError):
                    select.select([], [self._file], [])
            else:
                content = content[written:]
