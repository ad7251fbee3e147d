"""Which frames are the worst, and how errors are painted."""

from __future__ import annotations

import numpy as np
import pytest

from vostool.metrics.report import ObjectScores, Scores, SequenceScores
from vostool.pipelines.report_worst import (
    EXTRA_COLOUR,
    MIN_DISTANCE,
    MISSED_COLOUR,
    NUM_WORST,
    choose_worst,
    errors_over,
)


def scores_of(*series: list[float]) -> Scores:
    """One sequence for each series, with one object; F as J."""
    return Scores(tuple(
        SequenceScores(
            f"sequence{number}",
            (ObjectScores(1, tuple(each), tuple(each), tuple(f"{index:05d}" for index in range(len(each)))),),
        )
        for number, each in enumerate(series)
    ))  # fmt: skip


def test_one_dip_gives_one_frame() -> None:
    dip = [0.9] * 10 + [0.3, 0.1, 0.2] + [0.9] * 10 + [0.5]
    chosen = choose_worst(scores_of(dip))
    assert [(each.frame, each.region) for each in chosen] == [("00011", 0.1), ("00023", 0.5)]


def test_every_object_comes_once_before_any_comes_twice() -> None:
    bad, good = [0.1] * 20, [0.9] * 19 + [0.8]
    chosen = choose_worst(scores_of(bad, *[good] * (NUM_WORST - 1)))
    assert {each.sequence for each in chosen} == {f"sequence{number}" for number in range(NUM_WORST)}
    assert chosen[0].region == 0.1


def test_two_of_an_object_are_apart_and_worst_first() -> None:
    generator = np.random.default_rng(0)
    chosen = choose_worst(scores_of(*generator.random((3, 60)).tolist()))
    assert len(chosen) == 6
    assert [each.region for each in chosen] == sorted(each.region for each in chosen)
    for name in {each.sequence for each in chosen}:
        first, second = (each.index for each in chosen if each.sequence == name)
        assert abs(first - second) >= MIN_DISTANCE


@pytest.mark.parametrize("frame", [None, np.full((1, 4, 3), 200, np.uint8)])
def test_errors_are_told_apart(frame: np.ndarray | None) -> None:
    truth, prediction = np.array([[False, True, True, False]]), np.array([[False, True, False, True]])
    background, right, missed, extra = errors_over(frame, truth, prediction)[0].astype(int)
    assert background.max() < right.max()
    assert frame is None or (right == 200).all()
    assert missed[2] > missed[0] + 50
    assert extra[0] > extra[2] + 50
    if frame is None:
        assert (tuple(missed), tuple(extra)) == (MISSED_COLOUR, EXTRA_COLOUR)
