"""Times put in order, repaired and found again, without any video."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from vostool.video.reading.timestamps import (
    LONGEST_DELAY,
    LostPictures,
    Picture,
    in_order,
    strictly_increasing,
    with_lost,
)

STEP = 40


def repaired(*times: int | None) -> list[int | None]:
    return [picture.pts for picture in strictly_increasing([Picture(time) for time in times], STEP)]


def test_good_times_are_not_touched() -> None:
    assert repaired(-80, -79, 5, 1000) == [-80, -79, 5, 1000]


def test_missing_times_are_filled_in() -> None:
    assert repaired(None, None, None) == [0, 40, 80]
    assert repaired(0, None, 80) == [0, 40, 80]
    assert repaired(None, 100, 140) == [60, 100, 140]
    assert repaired(0, 40, None) == [0, 40, 80]


def test_a_repeated_time_moves_and_those_after_it_stay() -> None:
    assert repaired(0, 40, 40, 120) == [0, 40, 80, 120]
    assert repaired(0, 40, 40, 80) == [0, 40, 60, 80]
    assert repaired(0, 40, 40, 40, 80) == [0, 40, 41, 60, 80]


def test_a_picture_stays_until_the_next_one() -> None:
    pictures = strictly_increasing([Picture(0), Picture(100, 30), Picture(150)], STEP)
    assert [picture.duration for picture in pictures] == [100, 50, STEP]


def test_the_last_duration_is_the_container_s() -> None:
    assert [picture.duration for picture in strictly_increasing([Picture(0), Picture(100, 30)], STEP)] == [100, 30]


@given(st.lists(st.none() | st.integers(-1000, 1000)), st.integers(1, 100))
def test_times_always_rise(times: list[int | None], step: int) -> None:
    result = [picture.pts for picture in strictly_increasing([Picture(time) for time in times], step)]
    assert len(result) == len(times)
    assert all(earlier < later for earlier, later in itertools.pairwise(result))  # type: ignore[operator]


def test_pictures_too_early_by_a_few_are_put_right() -> None:
    times = [0, 79, 113, 146, 133, 213]
    assert [picture.pts for picture in in_order([Picture(time) for time in times])] == sorted(times)


def test_pictures_without_a_time_keep_their_place() -> None:
    times = [3, 1, None, 0, 2]
    assert [picture.pts for picture in in_order([Picture(time) for time in times])] == [1, 3, None, 0, 2]


def sent(lost: LostPictures, *times: int) -> None:
    for time in times:
        lost.sent(time, STEP, is_keyframe=time == 0)


def test_a_gap_with_an_error_is_a_loss() -> None:
    lost = LostPictures()
    sent(lost, 0, 40, 80, 120)
    lost.failed()
    shown = with_lost([Picture(0), Picture(80), Picture(120)], lost)
    assert [picture.pts for picture in shown] == [0, 40, 80, 120]


def test_a_gap_without_an_error_is_a_hidden_packet() -> None:
    lost = LostPictures()
    sent(lost, 0, 39, 40, 80)
    assert [picture.pts for picture in with_lost([Picture(0), Picture(40), Picture(80)], lost)] == [0, 40, 80]


def test_a_gap_without_an_error_is_a_loss_where_every_packet_is_shown() -> None:
    lost = LostPictures(is_every_gap_lost=True)
    sent(lost, 0, 40, 80)
    assert [picture.pts for picture in with_lost([Picture(40)], lost)] == [0, 40, 80]


def test_packets_before_the_first_keyframe_are_not_missed() -> None:
    lost = LostPictures()
    lost.sent(-80, STEP, is_keyframe=False)
    lost.failed()
    sent(lost, 0, 40)
    assert [picture.pts for picture in with_lost([Picture(0), Picture(40)], lost)] == [0, 40]


def test_an_old_error_explains_nothing() -> None:
    lost = LostPictures()
    sent(lost, 0)
    lost.failed()
    sent(lost, *range(STEP, STEP * (LONGEST_DELAY + 3), STEP))
    assert lost.before(STEP * 2) == []
