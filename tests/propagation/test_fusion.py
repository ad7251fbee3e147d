"""Lives of objects, and results of two passes made one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vostool.propagation.fusion import Anchor, Life, blend, find_lives
from vostool.types import Frame, FrameResult

FRAME = Frame(3, 3, Fraction(1, 25), np.zeros((1, 4, 3), np.uint8))


def make_result(planes: dict[int, list[float]], *, is_repeated: bool = False, measures: bool = False) -> FrameResult:
    alpha = np.array(list(planes.values()), np.float32).reshape(len(planes), 1, 4)
    background = 1.0 - alpha.sum(axis=0, keepdims=True)
    labels = np.array([0, *planes], np.uint8)[np.concatenate([background, alpha]).argmax(axis=0)]
    confidence = np.full(len(planes), 0.5, np.float32) if measures else None
    return FrameResult(FRAME, labels, alpha, tuple(planes), is_repeated, confidence)


def life(*anchors: int, absent: tuple[int, ...] = ()) -> Life:
    (found,) = find_lives([*(Anchor(at, True) for at in anchors), *(Anchor(at, False) for at in absent)], [])
    return found


def test_shares_between_masks() -> None:
    shares = [life(2, 6).backward_share(index) for index in range(9)]
    assert shares == [1, 1, 0, 0.25, 0.5, 0.75, 0, 0, 0]


def test_shares_beside_a_mask_that_shows_the_object_to_be_absent() -> None:
    shares = [life(1, 7, absent=(0, 4, 9)).backward_share(index) for index in range(11)]
    assert shares == [1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0]


def test_no_pass_speaks_across_a_cut_for_the_shot_of_a_mask() -> None:
    """In a shot between two cuts there is no mask, and both are as good."""
    found = life(0, 8)
    assert [found.backward_share(index, [5]) for index in range(9)] == [0, 0, 0, 0, 0, 1, 1, 1, 0]
    shares = [found.backward_share(index, [3, 5]) for index in range(9)]
    assert shares == [0, 0, 0, 0.375, 0.5, 1, 1, 1, 0]
    assert found.backward_share(4, [0, 9]) == 0.5
    assert found.backward_share(7, [8]) == 0


def test_lives_end_where_the_object_is_dropped_and_begin_where_it_is_drawn() -> None:
    anchors = [Anchor(at, is_shown) for at, is_shown in ((2, True), (9, True), (6, False), (5, True))]
    first, second, third = find_lives(anchors, [4, 7, 8, 30])
    assert (first.start, first.end, first.anchors) == (None, 4, (Anchor(2, True),))
    assert (second.start, second.end) == (5, 7)
    assert (third.start, third.end) == (9, 30)
    assert [third.has(index) for index in (8, 9, 29, 30)] == [False, True, True, False]
    assert find_lives([Anchor(9, False)], []) == ()


@given(st.dictionaries(st.integers(0, 9), st.booleans()).filter(lambda masks: any(masks.values())), st.integers(0, 5))
def test_the_backward_pass_sees_all_that_needs_it(masks: dict[int, bool], clip_start: int) -> None:
    (found,) = find_lives((Anchor(at, is_shown) for at, is_shown in masks.items() if at >= clip_start), []) or (None,)
    if found is None:
        return
    needing = [index for index in range(clip_start, 12) if found.backward_share(index) > 0]
    first = found.first_backward(clip_start)
    assert (first is None) == (not needing)
    if first is not None:
        assert clip_start <= first <= min(needing) <= max(needing) < found.last_shown
        assert first >= min(needing) - 1


def test_what_one_pass_speaks_for_is_left_as_it_is() -> None:
    forward, backward = make_result({7: [0.9, 0.2, 0, 0]}, measures=True), make_result({7: [0.1, 0.2, 0.8, 0]})
    for share, expected in ((0.0, forward), (1.0, backward)):
        result = blend(FRAME, forward, backward, {7: share})
        assert result.labels is expected.labels
        assert result.alpha is expected.alpha
        assert result.confidence is expected.confidence


def test_passes_are_mixed_by_their_shares() -> None:
    forward, backward = make_result({7: [0.8, 0.2, 0, 1]}), make_result({7: [0.4, 0.8, 0, 1]}, is_repeated=True)
    result = blend(FRAME, forward, backward, {7: 0.25})
    np.testing.assert_allclose(result.alpha, [[[0.7, 0.35, 0, 1]]], rtol=1e-6)
    assert result.labels.tolist() == [[7, 0, 0, 7]]
    assert result.is_repeated
    np.testing.assert_allclose(result.confidence, [1.7 / 2.35], rtol=1e-6)


def test_objects_of_different_passes_share_the_pixels_that_both_claim() -> None:
    """The likelier one has them; together they are never more than everything."""
    forward, backward = make_result({7: [0.9, 0.6, 0.5, 0]}), make_result({4: [0.6, 0.9, 0.25, 0]})
    result = blend(FRAME, forward, backward, {7: 0.0, 4: 1.0})
    assert result.object_ids == (4, 7)
    assert result.labels.tolist() == [[7, 4, 7, 0]]
    np.testing.assert_allclose(result.alpha[:, 0].sum(axis=0), [1, 1, 0.75, 0], rtol=1e-6)


def test_what_has_to_be_absent_is_not_shown() -> None:
    repeated = make_result({4: [0.9, 0, 0, 0], 7: [0, 0.9, 0, 0]}, is_repeated=True)
    result = blend(FRAME, repeated, None, {7: 0.0})
    assert result.object_ids == (4, 7)
    assert result.labels.tolist() == [[0, 7, 0, 0]]
    assert not result.alpha[0].any()


def test_a_pass_that_says_nothing() -> None:
    result = blend(FRAME, None, None, {7: 1.0})
    assert (result.object_ids, result.alpha.shape, result.labels.shape) == ((), (0, 1, 4), (1, 4))
