from __future__ import annotations

import pytest
from memory_cases import entry_of

from vostool.errors import UsageError
from vostool.memory.bank import GrowingBank
from vostool.memory.lfu import LfuBank
from vostool.memory.policy import MEMORY_NAMES, WritePolicy, build_bank, build_write_policy


def test_writes_the_first_frame_and_every_so_many_after_it() -> None:
    assert [tick for tick in range(12) if WritePolicy(5).should_write(tick)] == [0, 5, 10]


@pytest.mark.parametrize("every", [0, -1])
def test_refuses_an_interval_below_one(every: int) -> None:
    with pytest.raises(UsageError, match=f"every {every} frames"):
        WritePolicy(every)


@pytest.mark.parametrize(("name", "every"), [("lfu", 5), ("every-k", 5), ("first-latest", 1)])
def test_default_intervals(name: str, every: int) -> None:
    assert build_write_policy(name) == WritePolicy(every, temporary_previous=False)
    assert build_write_policy(name, 3, temporary_previous=True) == WritePolicy(3, temporary_previous=True)


@pytest.mark.parametrize(("name", "frames"), [("lfu", 1 + 2), ("every-k", 10), ("first-latest", 2)])
@pytest.mark.parametrize("has_temporary", [False, True])
def test_banks_by_name_keep_what_their_name_says(name: str, frames: float, has_temporary: bool) -> None:
    bank = build_bank(name, 2, has_temporary=has_temporary)
    for tick in range(10):
        bank.write(entry_of(1, 2), tick, pinned=tick == 0)
    assert bank.num_frames == frames
    if has_temporary:
        bank.set_temporary(entry_of(1, 2), 10)
        assert bank.num_frames == frames + 1


@pytest.mark.parametrize(("name", "frames"), [("lfu", 2), ("every-k", 5), ("first-latest", 2)])
def test_without_pins_an_annotated_frame_is_like_any_other(name: str, frames: float) -> None:
    bank = build_bank(name, 2, pin=False)
    for tick in range(5):
        bank.write(entry_of(1, 2), tick, pinned=True)
    assert bank.num_frames == frames


def test_kinds_of_bank() -> None:
    assert [type(build_bank(name)) for name in MEMORY_NAMES] == [LfuBank, GrowingBank, GrowingBank]


@pytest.mark.parametrize("build", [build_bank, build_write_policy])
def test_an_unknown_memory_is_refused_with_those_that_there_are(build) -> None:
    with pytest.raises(UsageError, match=r"'lru'.*lfu, every-k, first-latest"):
        build("lru")


@pytest.mark.parametrize("frames", [0, 0.5, -3])
def test_a_memory_too_small_for_one_frame_is_refused(frames: float) -> None:
    with pytest.raises(UsageError, match=f"{frames:g} frames"):
        build_bank("lfu", frames)
