"""The reading thread: order, bounds, errors and its end."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from vostool.video.reading.prefetch import prefetch


def num_prefetch_threads() -> int:
    return sum(thread.name == "vostool-prefetch" for thread in threading.enumerate())


@pytest.mark.parametrize("depth", [1, 2, 8])
def test_items_come_in_order_and_the_thread_ends(depth: int) -> None:
    assert list(prefetch(range(50), depth)) == list(range(50))
    assert num_prefetch_threads() == 0


def test_an_empty_source_ends_at_once() -> None:
    assert list(prefetch([])) == []


def test_the_source_runs_in_another_thread() -> None:
    names = list(prefetch(threading.current_thread().name for _ in range(2)))
    assert set(names) == {"vostool-prefetch"}


def test_an_error_comes_after_the_items_before_it() -> None:
    def source() -> Iterator[int]:
        yield 1
        yield 2
        raise RuntimeError("third")

    items = prefetch(source())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(RuntimeError, match="third"):
        next(items)
    assert num_prefetch_threads() == 0


def test_closing_stops_an_infinite_source() -> None:
    with closing(prefetch(itertools.count(), depth=3)) as items:
        assert list(itertools.islice(items, 5)) == [0, 1, 2, 3, 4]
        assert num_prefetch_threads() == 1
    assert num_prefetch_threads() == 0


def test_the_queue_is_bounded() -> None:
    taken = []
    depth_reached = threading.Event()

    def source() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            if number == 3:
                depth_reached.set()
            yield number

    with closing(prefetch(source(), depth=3)) as items:
        next(items)
        # One was taken, so that three more may wait; a fifth must not be asked for.
        assert depth_reached.wait(timeout=10)
        assert not threading.Event().wait(timeout=0.2)
        assert taken == [0, 1, 2, 3]


def test_an_abandoned_generator_does_not_hold_up_the_end_of_the_program() -> None:
    program = (
        "import itertools, sys; from vostool.video.reading.prefetch import prefetch;"
        "sys.kept = prefetch(itertools.count()); next(sys.kept); raise SystemExit(7)"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 7
