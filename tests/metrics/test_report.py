"""Statistics and averages: objects weigh alike, whatever sequence they are in."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vostool.metrics.report import ObjectScores, Scores, SequenceScores, score_sequence, summarise, table_rows


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(1, 80))
def test_mean_and_recall_do_not_depend_on_order(scores: list[float], num_repeats: int) -> None:
    forward, backward = summarise(scores * num_repeats), summarise((scores * num_repeats)[::-1])
    assert forward.mean == pytest.approx(backward.mean) == pytest.approx(sum(scores) / len(scores))
    assert forward.recall == pytest.approx(sum(score > 0.5 for score in scores) / len(scores))


@pytest.mark.parametrize("num_frames", [8, 255, 256, 257, 400, 1000])
def test_decay_of_a_falling_score(num_frames: int) -> None:
    """Of a straight line from 1 to 0 the first quarter lies three quarters of the way above the last."""
    assert summarise(np.linspace(1, 0, num_frames).tolist()).decay == pytest.approx(0.75, abs=0.75 / num_frames)


def test_half_is_no_hit() -> None:
    assert summarise([0.5, 0.5 + 1e-9]).recall == 0.5


def test_one_frame_does_not_decay() -> None:
    assert summarise([0.3]).decay == 0.0


def scores_of(name: str, *regions: float) -> SequenceScores:
    objects = [ObjectScores(number, (region,) * 5, (0.5,) * 5) for number, region in enumerate(regions, start=1)]
    return SequenceScores(name, tuple(objects))


def test_means_are_over_objects() -> None:
    scores = Scores((scores_of("one", 0.9), scores_of("three", 0.1, 0.2, 0.3)))
    assert scores.sequences[1].region.mean == pytest.approx(0.2)
    assert scores.region.mean == pytest.approx((0.9 + 0.1 + 0.2 + 0.3) / 4)
    assert scores.region_and_boundary == pytest.approx((scores.region.mean + 0.5) / 2)


def test_score_sequence_keeps_objects_apart() -> None:
    truth = np.zeros((20, 20), np.uint8)
    truth[:10], truth[12:] = 3, 7
    prediction = np.where(truth == 3, truth, 0)
    scores = score_sequence("clip", [(prediction, truth)] * 4, (3, 7))
    assert [(each.object_id, each.region.mean) for each in scores.objects] == [(3, 1.0), (7, 0.0)]
    assert scores.objects[0].boundary.mean == 1.0


def test_to_dict_has_full_precision_under_sequence_object_metric() -> None:
    scores = Scores((scores_of("one", 1 / 3), scores_of("two", 0.1, 0.2)))
    record = json.loads(json.dumps(scores.to_dict()))
    assert record["sequences"]["one"]["objects"]["1"]["J"]["mean"] == pytest.approx(1 / 3, rel=1e-15)
    assert record["sequences"]["two"]["J"]["mean"] == scores.sequences[1].region.mean
    assert record["J"] == scores.region.to_dict()
    assert record["J&F"] == scores.region_and_boundary


def test_table_rows_name_every_sequence() -> None:
    scores = Scores((scores_of("one", 0.9), scores_of("two", 0.1)))
    columns = ["system", "one", "two", "J", "F", "J&F"]
    assert [list(row) for row in table_rows({"a": scores, "b": scores})] == [columns, columns]
    assert table_rows({"a": scores})[0]["two"] == pytest.approx(0.1)
