"""Memory that ends in the middle of a clip, in every way in which it may."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from direction_cases import make_frame
from tiny_network import tiny_network

from vostool.errors import MemoryExhausted
from vostool.pipelines.job_state import load_state, save_state
from vostool.pipelines.limits import Setting
from vostool.pipelines.robust import RobustFollower
from vostool.propagation.propagator import Propagator
from vostool.propagation.segmenter import FrameInput
from vostool.systems import find_system, make_segmenter
from vostool.types import Annotation, Frame, FrameResult

# Made anew for each use: an error that was raised holds all that was being computed.
ERRORS: dict[str, Callable[[], Exception]] = {
    "gpu": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB\nmore"),
    "cpu": lambda: RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: 9 bytes"),
    "python": lambda: MemoryError(),
}
LARGE = Setting(480, 4.0)
CPU = torch.device("cpu")
SIZE = (120, 160)
PLACES = {3: (slice(20, 60), slice(20, 70)), 5: (slice(60, 110), slice(90, 150))}


def make_clip_frame(index: int) -> Frame:
    image = np.random.default_rng(index).integers(0, 60, (*SIZE, 3), dtype=np.uint8)
    for colour, place in zip(((230, 200, 40), (40, 90, 230)), PLACES.values(), strict=True):
        image[place] = colour
    return Frame(index, 10 * index, make_frame(0).time_base, image)


def annotate(index: int, *object_ids: int) -> Annotation:
    labels = np.zeros(SIZE, np.uint8)
    for object_id in object_ids:
        labels[PLACES[object_id]] = object_id
    return Annotation(index, labels, object_ids)


class Fake:
    """Writes down what it is asked for; needs more memory than there is with a setting that is too large."""

    def __init__(self, story: list[Any], setting: tuple[int, float | None], fits: Callable[[int], bool]) -> None:
        self._story = story
        self._fits = fits
        self._ids: tuple[int, ...] = ()
        story.append(("made", *setting))

    def step(self, frame: Frame, annotation: Annotation | None = None) -> FrameResult:
        ids = annotation.object_ids if annotation else ()
        self._story.append(("step", frame.index, ids, bool(annotation and annotation.is_exact)))
        if not self._fits(frame.index):
            raise ERRORS["gpu"]()
        self._ids += tuple(each for each in ids if each not in self._ids)
        labels = annotation.labels if annotation else np.full(SIZE, frame.index, np.uint8)
        alpha = np.zeros((len(self._ids), *SIZE), np.float32)
        return FrameResult(frame, labels, alpha, self._ids, is_repeated=frame.is_corrupt)

    def drop(self, object_ids: Collection[int]) -> None:
        self._story.append(("drop", *object_ids))

    def reset(self) -> None:
        self._story.append("reset")

    def pause(self) -> None:
        self._story.append("pause")

    def state(self) -> dict[str, Any]:
        return {"ids": list(self._ids)}

    def restore(self, state: dict[str, Any]) -> None:
        self._ids = tuple(state["ids"])


class Case:
    """A robust follower over fakes that fail on some frames until the picture is small enough."""

    def __init__(self, start: Setting = LARGE, *, fails_at: int = 4, fits: int = 10**9) -> None:
        self.story: list[Any] = []
        self.warnings: list[str] = []
        self.num_made = 0
        self._fails_at, self._fits = fails_at, fits
        self.follower = RobustFollower(self._make, start, self.warnings.append)

    def _make(self, short_side: int, memory_frames: float | None) -> Fake:
        self.num_made += 1
        is_first = self.num_made == 1
        fits = self._fits

        def has_room(index: int) -> bool:
            return index != self._fails_at or (not is_first and short_side * (memory_frames or 1) <= fits)

        return Fake(self.story, (short_side, memory_frames), has_room)

    def run(self, *indices: int, annotated: Collection[int] = (0,)) -> list[FrameResult]:
        return [
            self.follower.step(make_clip_frame(index), annotate(index, 3, 5) if index in annotated else None)
            for index in indices
        ]

    @property
    def after_the_first(self) -> list[Any]:
        """What was asked of the followers after the first one."""
        made = [place for place, entry in enumerate(self.story) if entry[0] == "made"]
        return self.story[made[1] :]


def test_begins_again_from_what_is_known() -> None:
    case = Case()
    results = case.run(*range(6))
    assert [each.frame.index for each in results] == list(range(6))
    assert case.after_the_first == [
        ("made", 480, 2.0),
        ("step", 0, (3, 5), True),
        ("step", 3, (3, 5), True),
        ("step", 4, (), False),
        ("step", 5, (), False),
    ]
    assert case.warnings == [
        "out of GPU memory (CUDA out of memory. Tried to allocate 2 GiB) at frame 4 with size 480 and a memory of 4 "
        "frames; going on with size 480 and a memory of 2 frames"
    ]
    assert case.follower.setting == Setting(480, 2.0)


def test_shrinks_until_it_fits() -> None:
    case = Case(fits=300)
    case.run(*range(5))
    assert [entry[1:] for entry in case.story if entry[0] == "made"] == [
        (480, 4.0), (480, 2.0), (480, 1.0), (352, 1.0), (256, 1.0),
    ]  # fmt: skip
    assert len(case.warnings) == 4


def test_gives_up_after_the_smallest() -> None:
    case = Case(Setting(200, None), fits=0)
    with pytest.raises(MemoryExhausted, match="at frame 4, even with size 96;") as caught:
        case.run(*range(5))
    assert caught.value.exit_code == 5
    assert [entry[1] for entry in case.story if entry[0] == "made"] == [200, 144, 112, 96]


def test_keeps_the_first_and_the_newest_masks() -> None:
    case = Case(fails_at=8)
    case.run(*range(9), annotated=range(0, 8, 1))
    assert [entry[1] for entry in case.after_the_first[1:]] == [0, 5, 6, 7, 8]


def test_what_was_wished_is_wished_again() -> None:
    case = Case()
    case.run(0, 1)
    case.follower.drop([5])
    case.run(2)
    case.follower.reset()
    case.run(4)
    assert case.after_the_first[3:] == [("drop", 5), "reset", ("step", 4, (), False)]
    case.follower.pause()
    case.run(5)
    state = case.follower.state()
    assert state["is_paused"]
    assert not state["is_cut"]
    assert state["last"]["index"] == 4
    case.run(6, annotated=[6])
    state = case.follower.state()
    assert (state["is_paused"], state["dropped_ids"], state["last"]["index"]) == (False, [], 6)


def test_a_damaged_frame_is_nothing_to_begin_from() -> None:
    case = Case()
    case.run(0, 1)
    whole = make_clip_frame(2)
    case.follower.step(Frame(2, 2, whole.time_base, whole.image, is_corrupt=True))
    case.run(4)
    assert [entry[1] for entry in case.after_the_first[1:]] == [0, 1, 4]


def test_memory_may_end_on_the_very_first_frame() -> None:
    case = Case(fails_at=0)
    case.run(0, 1)
    assert case.after_the_first[1:] == [("step", 0, (3, 5), False), ("step", 1, (), False)]


def test_other_errors_pass() -> None:
    def fail(short_side: int, memory_frames: float | None) -> Fake:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        RobustFollower(fail, Setting(480, 4.0), pytest.fail).step(make_clip_frame(0))


def test_goes_on_from_a_state(tmp_path: Path) -> None:
    before = Case()
    before.run(*range(6))
    save_state(tmp_path / "state", before.follower.state())
    after = Case(fails_at=7)
    after.follower.restore(load_state(tmp_path / "state"))
    assert after.story == [("made", 480, 2.0)]
    after.run(6, 7)
    assert [entry[1] for entry in after.after_the_first[1:]] == [0, 6, 7]
    assert after.follower.setting == Setting(480, 1.0)
    again = after.follower.state()
    assert torch.equal(again["annotated"][0]["image"], before.follower.state()["annotated"][0]["image"])


def test_a_sight_comes_back_as_it_was() -> None:
    case = Case()
    case.run(0)
    state = case.follower.state()
    other = Case()
    other.follower.restore(state)
    sight = other.follower._annotated[0]
    assert (sight.frame.pts, sight.frame.time_base) == (0, make_clip_frame(0).time_base)
    np.testing.assert_array_equal(sight.frame.image, make_clip_frame(0).image)
    np.testing.assert_array_equal(sight.labels, annotate(0, 3, 5).labels)


@pytest.mark.parametrize("kind", ERRORS)
def test_a_real_network_goes_on(kind: str) -> None:
    network = tiny_network()
    segmenters: list[weakref.ref[Any]] = []

    def make(short_side: int, memory_frames: float | None) -> Propagator:
        gc.collect()
        assert not any(each() for each in segmenters), "the one before is gone"
        segmenter = make_segmenter(find_system("lite"), network, CPU, memory_frames=memory_frames)
        if not segmenters:
            predict = segmenter.predict

            def fail_once(frame: FrameInput) -> Any:
                if frame.index == 3:
                    raise ERRORS[kind]()
                return predict(frame)

            segmenter.predict = fail_once  # type: ignore[method-assign]
        segmenters.append(weakref.ref(segmenter))
        return Propagator(segmenter, short_side)

    warnings: list[str] = []
    follower = RobustFollower(make, Setting(96, 4.0), warnings.append)
    results = [follower.step(make_clip_frame(i), annotate(i, 3, 5) if i == 0 else None) for i in range(6)]
    assert len(segmenters) == 2
    assert len(warnings) == 1
    for result in results:
        assert result.object_ids == (3, 5)
        assert result.labels.shape == SIZE
    np.testing.assert_array_equal(results[0].labels, annotate(0, 3, 5).labels)
