"""Independent tasks over processes or threads, with the results and the first error in the order of the tasks."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import cv2

Task = TypeVar("Task")
Result = TypeVar("Result")


def map_over_processes(function: Callable[[Task], Result], tasks: Sequence[Task], num_jobs: int) -> Iterator[Result]:
    """Results in the order of the tasks, as ``map`` gives them; what comes after an error is not begun.

    Args:
        function: Of a module's top level.
        tasks: To be sent to processes.
        num_jobs: Processes; with 1, or with one task, all is done in this one.
    """
    if min(num_jobs, len(tasks)) <= 1:
        yield from map(function, tasks)
        return
    # Forked processes may inherit a lock that a thread of torch or OpenCV holds.
    context = get_context("spawn")
    with ProcessPoolExecutor(min(num_jobs, len(tasks)), context, _use_one_thread) as pool:
        yield from pool.map(function, tasks)


def map_ahead(function: Callable[[Task], Result], tasks: Iterable[Task], num_threads: int) -> Iterator[Result]:
    """Results in the order of the tasks, as ``map`` gives them, made by threads that run a few tasks ahead.

    Args:
        function: Should spend its time where Python's lock is free: in zlib, OpenCV or NumPy.
        tasks: Taken one at a time.
        num_threads: With 1, all is done in this one, when it is asked for.
    """
    if num_threads <= 1:
        yield from map(function, tasks)
        return
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(num_threads, "vostool-ahead") as pool:
        try:
            for task in tasks:
                waiting.append(pool.submit(function, task))
                if len(waiting) > num_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def num_usable_processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _use_one_thread() -> None:
    cv2.setNumThreads(1)
