"""Work shared out over processes and threads: what is chosen, and order and errors whatever is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from vostool.pipelines import scoring_work
from vostool.pipelines.processes import map_ahead
from vostool.pipelines.scoring_work import plan_work


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Three sequences of two masks of 1,000 pixels."""
    found = [tmp_path / name for name in "abc"]
    for folder in found:
        folder.mkdir()
        for index in range(2):
            Image.new("L", (50, 20)).save(folder / f"{index}.png")
    return found


@pytest.mark.parametrize(
    ("num_processors", "pixels_per_process", "expected"),
    [(1, 10**9, (1, 1)), (2, 10**9, (1, 2)), (16, 10**9, (1, 4)), (16, 3000, (2, 4)), (2, 1, (2, 1)), (8, 1, (3, 2))],
)
def test_processes_are_chosen_where_each_has_enough_to_do(
    folders: list[Path], monkeypatch: pytest.MonkeyPatch, num_processors: int, pixels_per_process: int,
    expected: tuple[int, int],
) -> None:  # fmt: skip
    monkeypatch.setattr(scoring_work, "num_usable_processors", lambda: num_processors)
    monkeypatch.setattr(scoring_work, "PIXELS_PER_PROCESS", pixels_per_process)
    assert plan_work(folders, None) == expected


def test_a_number_that_is_asked_for_is_taken(folders: list[Path]) -> None:
    assert plan_work(folders, 5) == (5, 1)


def test_what_cannot_be_read_does_not_count(folders: list[Path]) -> None:
    for folder in folders:
        (folder / "0.png").write_bytes(b"no picture")
    assert plan_work(folders, None)[0] == 1


@pytest.mark.parametrize("num_threads", [1, 3])
def test_results_and_the_first_error_keep_their_order(num_threads: int) -> None:
    def invert(number: int) -> float:
        return 1 / (5 - number)

    results: list[float] = []
    with pytest.raises(ZeroDivisionError):
        results.extend(map_ahead(invert, range(10), num_threads))
    assert results == [1 / 5, 1 / 4, 1 / 3, 1 / 2, 1]


def test_threads_run_only_a_few_tasks_ahead_and_end() -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = map_ahead(str, tasks(), 2)
    assert [next(results), next(results)] == ["0", "1"]
    assert len(taken) <= 5
    results.close()  # type: ignore[attr-defined]
    assert not [each for each in threading.enumerate() if each.name.startswith("vostool-ahead")]
