"""Independent tasks over processes, with the results and the first error in the order of the tasks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
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


def num_usable_processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _use_one_thread() -> None:
    cv2.setNumThreads(1)
