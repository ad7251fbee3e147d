"""Stopping in order: the first signal is remembered until the loop asks, the second stops at once.

A run that is simply killed by a signal loses what its encoder holds; one that breaks its loop can flush and close.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """What has arrived so far.

    Attributes:
        signal_number: Of the first signal, or None.
        on_stop: Called when it arrives: wakes what may wait for something that never comes.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self.on_stop: Callable[[], None] = lambda: None

    def receive(self, number: int, frame: FrameType | None) -> None:
        """The handler."""
        if self.signal_number is not None:
            raise KeyboardInterrupt
        self.signal_number = number
        self.on_stop()


@contextmanager
def catch_stop_signals() -> Iterator[StopRequest]:
    """Collects SIGINT and SIGTERM while the block runs; outside the main thread Python allows no handlers."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, request.receive) for number in STOPPING}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
