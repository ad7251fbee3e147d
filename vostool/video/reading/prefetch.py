"""Run an iterable ahead of its consumer, in a thread with a bounded queue."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")

# How often a waiting thread looks whether the program is ending; it costs nothing while items flow.
SHUTDOWN_CHECK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _End:
    """The last entry of the queue: the iterable ended, with ``error`` if it failed."""

    error: BaseException | None = None


class _Worker(Generic[Item]):
    """The thread, the queue, and the count of places that are free in it."""

    def __init__(self, iterable: Iterable[Item], depth: int) -> None:
        self.items: queue.SimpleQueue[Item | _End] = queue.SimpleQueue()
        self._iterable = iterable
        self._places = threading.Semaphore(depth)
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="vostool-prefetch")
        self._thread.start()

    def release(self) -> None:
        """Give back the place of an item that was taken."""
        self._places.release()

    def stop(self) -> None:
        """End the thread after the item that it is at, and wait for it."""
        self._is_stopped = True
        self._places.release()
        self._thread.join()

    def _run(self) -> None:
        error = None
        try:
            iterator = iter(self._iterable)
            while self._has_place():
                self.items.put(next(iterator))
        except StopIteration:
            pass
        except BaseException as caught:
            error = caught
        self.items.put(_End(error))

    def _has_place(self) -> bool:
        """Wait for a free place; False if nobody will take another item."""
        while not self._places.acquire(timeout=SHUTDOWN_CHECK_SECONDS):
            # An abandoned generator is not closed before the interpreter waits for its threads: do not hold it up.
            if not threading.main_thread().is_alive():
                return False
        return not self._is_stopped


def prefetch(iterable: Iterable[Item], depth: int = 8) -> Generator[Item, None, None]:
    """Yield the items of ``iterable``, which runs up to ``depth`` items ahead in a thread of its own.

    An error of the iterable is raised here, after the items before it. Closing the generator, which the end of a
    ``with contextlib.closing(...)`` does, stops the thread and joins it; whatever the iterable holds open stays the
    caller's to close, after that.
    """
    worker = _Worker(iterable, depth)
    try:
        while not isinstance(item := worker.items.get(), _End):
            worker.release()
            yield item
        if item.error is not None:
            raise item.error
    finally:
        worker.stop()
