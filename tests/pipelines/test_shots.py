"""What is done at a cut, whoever follows the objects."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from segment_jobs import two_shots

from vostool.pipelines.shots import SCENE_CUT_POLICIES, ShotFollower
from vostool.types import Annotation, Frame, FrameResult

NUM_FIRST, NUM_SECOND = 4, 3
ANNOTATION = Annotation(0, np.ones((48, 64), np.uint8), (1,))


class Recorder:
    """A follower that writes down what it is asked for."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def step(self, frame: Frame, annotation: Annotation | None = None) -> FrameResult:
        self.calls.append(frame.index if annotation is None else (frame.index, annotation))
        return FrameResult(frame, np.zeros((48, 64), np.uint8), np.zeros((0, 48, 64), np.float32), ())

    def drop(self, object_ids: Collection[int]) -> None:
        self.calls.append(("drop", *object_ids))

    def reset(self) -> None:
        self.calls.append("reset")

    def pause(self) -> None:
        self.calls.append("pause")

    def state(self) -> dict[str, Any]:
        return {"calls": list(self.calls)}

    def restore(self, state: dict[str, Any]) -> None:
        self.calls = state["calls"]


def frames() -> list[Frame]:
    return [Frame(index, index, Fraction(1, 25), image) for index, image in enumerate(two_shots(NUM_FIRST, NUM_SECOND))]


@pytest.mark.parametrize(("policy", "done"), [("warn", []), ("off", []), ("reset", ["reset"]), ("stop", ["pause"])])
def test_what_is_done_before_the_first_frame_of_a_shot(policy: Any, done: list[str]) -> None:
    recorder, cuts = Recorder(), list[int]()
    follower = ShotFollower(recorder, policy, cuts.append)
    results = [follower.step(frame) for frame in frames()]
    assert [result.frame.index for result in results] == list(range(7))
    assert recorder.calls == [0, 1, 2, 3, *done, 4, 5, 6]
    assert cuts == [NUM_FIRST] * len(done)


def test_every_policy_is_tested() -> None:
    assert set(SCENE_CUT_POLICIES) == {"warn", "off", "reset", "stop"}


def test_masks_and_drops_are_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    follower = ShotFollower(recorder, "stop")
    all_frames = frames()
    follower.step(all_frames[0], ANNOTATION)
    follower.drop((2, 3))
    follower.step(all_frames[4], ANNOTATION)
    # A mask on the first frame of a shot ends the pause that begins with it.
    assert recorder.calls == [(0, ANNOTATION), ("drop", 2, 3), "pause", (4, ANNOTATION)]


@pytest.mark.parametrize("stop", range(1, 7))
def test_a_restored_follower_sees_the_same_cuts(stop: int) -> None:
    first = ShotFollower(Recorder(), "reset")
    for frame in frames()[:stop]:
        first.step(frame)
    recorder, cuts = Recorder(), list[int]()
    second = ShotFollower(recorder, "reset", cuts.append)
    second.restore(first.state())
    for frame in frames()[stop:]:
        second.step(frame)
    assert recorder.calls == [0, 1, 2, 3, "reset", 4, 5, 6]
    assert cuts == ([NUM_FIRST] if stop <= NUM_FIRST else [])
