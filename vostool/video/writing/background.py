"""Let a sink work in a thread of its own; PyAV and NumPy release the lock of the interpreter while they encode."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from types import TracebackType

from vostool.types import FrameResult
from vostool.video.writing.sink_state import SinkState
from vostool.video.writing.sinks import Sink


def background(sink: Sink, depth: int = 4) -> Sink:
    """The same sink behind a queue of at most ``depth`` results.

    An error in the thread is raised by the next ``write()`` or by ``finish()``. Leaving the ``with`` waits until all
    that was taken is written, and so does a checkpoint. The arrays of a result must not change after ``write()``.
    """
    return _BackgroundSink(sink, depth)


class _BackgroundSink:
    def __init__(self, sink: Sink, depth: int) -> None:
        self._sink = sink
        self._queue: queue.Queue[FrameResult | None] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    @property
    def path(self) -> Path:
        return self._sink.path

    @property
    def warnings(self) -> list[str]:
        return self._sink.warnings

    @property
    def notes(self) -> tuple[str, ...]:
        return self._sink.notes

    @property
    def parts(self) -> tuple[Path, ...]:
        return self._sink.parts

    def write(self, result: FrameResult) -> None:
        self._raise()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=f"write {self.path.name}")
            self._thread.start()
        self._queue.put(result)

    def checkpoint(self) -> SinkState:
        self._queue.join()
        self._raise()
        return self._sink.checkpoint()

    def finish(self) -> Path:
        self._join()
        self._raise()
        return self._sink.finish()

    def __enter__(self) -> Sink:
        self._sink.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._join()
        self._sink.__exit__(kind, error, trace)
        if kind is None:
            self._raise()

    def _work(self) -> None:
        """Write until None comes; after an error keep emptying the queue, so that no one waits for room in it."""
        while (result := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._sink.write(result)
                except BaseException as error:
                    self._error = error
            self._queue.task_done()

    def _join(self) -> None:
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
            self._queue.task_done()

    def _raise(self) -> None:
        """Raise the thread's error, once."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error
