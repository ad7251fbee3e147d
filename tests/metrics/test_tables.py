"""Rows of scores, transfer errors, and what missing frames do to a mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from vostool.metrics.report import FramePair, ObjectScores, Scores, SequenceScores, score_frames
from vostool.metrics.tables import join_systems, region_rows, score_rows, transfer_rows
from vostool.metrics.transfer import DISTANCES, SequenceTransfer, TransferScores, transfer_error

LABELS = npst.arrays(np.uint8, (9, 11), elements=st.integers(0, 2))


def two_sequences(*marks: bool | None) -> Scores:
    first = ObjectScores(1, (0.9,) * 4, (0.5,) * 4, is_seen=marks[0])
    second = ObjectScores(2, (0.3,) * 3, (0.1,) * 3, is_seen=marks[1])
    third = ObjectScores(1, (0.6,) * 2, (0.6,) * 2, is_seen=marks[2])
    return Scores((SequenceScores("a", (first, second)), SequenceScores("b", (third,))))


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=5), st.data())
def test_leaving_a_frame_out_never_raises_a_score(
    pairs: list[tuple[np.ndarray, np.ndarray]], data: st.DataObject
) -> None:
    """Also where the truth is empty, for which an empty prediction would be right."""
    left_out = data.draw(st.integers(0, len(pairs) - 1))
    whole = [FramePair(str(index), *pair, (1, 2)) for index, pair in enumerate(pairs)]
    partial = list(whole)
    partial[left_out] = FramePair(whole[left_out].name, None, whole[left_out].truth, (1, 2))
    before, after = score_frames("clip", whole), score_frames("clip", partial)
    assert after.num_missing == 1
    for full, less in zip(before.objects, after.objects, strict=True):
        assert less.regions[left_out] == less.boundaries[left_out] == 0.0
        assert less.region.mean <= full.region.mean + 1e-12
        assert less.boundary.mean <= full.boundary.mean + 1e-12


def test_objects_keep_the_names_of_their_own_frames() -> None:
    labels = np.ones((4, 4), np.uint8)
    frames = [FramePair("a", labels, labels, (1,)), FramePair("b", labels, labels, (1, 2))]
    assert [each.frames for each in score_frames("clip", frames).objects] == [("a", "b"), ("b",)]


def test_rows_are_objects_then_sequences_then_all() -> None:
    rows = score_rows(two_sequences(None, None, None))
    assert [(row["sequence"], row["object"], row["frames"]) for row in rows] == [
        ("a", "1", 4), ("a", "2", 3), ("a", "all", 4), ("b", "1", 2), ("b", "all", 2), ("all", "all", 6),
    ]  # fmt: skip
    assert rows[2]["J"] == pytest.approx(0.6)
    assert rows[-1]["J&F"] == pytest.approx((0.6 + 0.4) / 2)
    assert list(region_rows(two_sequences(None, None, None))[0]) == ["sequence", "object", "frames", "IoU"]
    assert [row["system"] for row in join_systems({"x": rows[:1], "y": rows[:1]})] == ["x", "y"]


def test_overall_is_the_mean_of_seen_and_unseen() -> None:
    scores = two_sequences(True, False, True)
    assert scores.overall == pytest.approx(((0.9 + 0.6) / 2 + (0.5 + 0.6) / 2 + 0.3 + 0.1) / 4)
    rows = {row["sequence"]: row for row in score_rows(scores)}
    assert rows["seen"]["J"] == pytest.approx(0.75)
    assert rows["unseen"]["F"] == pytest.approx(0.1)
    record = scores.to_dict()
    assert record["overall"] == scores.overall
    assert {"seen", "unseen"} <= set(record)


@pytest.mark.parametrize("mark", [None, True, False])
def test_no_overall_without_both_kinds(mark: bool | None) -> None:
    scores = two_sequences(mark, mark, mark)
    assert scores.overall is None
    assert "overall" not in scores.to_dict()


@given(npst.arrays(bool, (6, 7)), npst.arrays(bool, (6, 7)))
def test_transfer_error_counts_wrong_pixels_per_pixel_of_the_object(prediction: np.ndarray, truth: np.ndarray) -> None:
    truth[0, 0] = True
    wrong = sum(p != t for p, t in zip(prediction.ravel(), truth.ravel(), strict=True))
    assert transfer_error(prediction, truth) == wrong / truth.sum()
    assert transfer_error(np.zeros_like(truth), truth) == 1.0


def test_transfer_means_are_over_sequences() -> None:
    """Sequence b is too short for 16 and 32."""
    long, short = ((0.1, 0.3), (0.2,), (0.4,)), ((0.6,), (), ())
    sequences = (
        SequenceTransfer(name, dict(zip(DISTANCES, errors, strict=True)))
        for name, errors in {"a": long, "b": short}.items()
    )
    rows = transfer_rows(TransferScores(tuple(sequences)))
    assert rows[1] == {"sequence": "b", "d=8": 0.6, "d=16": "", "d=32": ""}
    assert rows[2]["d=8"] == pytest.approx((0.2 + 0.6) / 2)
    assert (rows[2]["d=16"], rows[2]["d=32"]) == (0.2, 0.4)
