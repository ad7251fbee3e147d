"""Forward, backward and both ways: which pass speaks for which object, what is asked of the reader, what is left."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from direction_cases import OBJECT_IDS, SIZE, VALUES, FakeClip, FakeFollower, column, make_annotation, make_frame
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_network import tiny_network

from vostool.memory.policy import MEMORY_NAMES, build_bank, build_write_policy
from vostool.memory.readers import AttentionReader
from vostool.pipelines.directions import DIRECTIONS, Direction, Follower, PassName, follow, plan_passes, remove_spool
from vostool.propagation.propagator import Propagator, propagate
from vostool.propagation.segmenter import MemorySegmenter
from vostool.types import Annotation, Frame, FrameResult

NUM_FRAMES = 12
CLIP_SIZE = (40, 56)


def make_follower(name: PassName) -> FakeFollower:
    return FakeFollower(lambda frame: VALUES[name])


def run(
    clip: FakeClip,
    annotations: Mapping[int, Annotation],
    direction: Direction,
    folder: Path,
    drops: Mapping[int, tuple[int, ...]] | None = None,
) -> list[FrameResult]:
    passes = plan_passes(annotations, direction, stop=len(clip.frames), drops=drops or {})
    results = list(follow(passes, annotations, clip.forward, clip.backward, make_follower, folder / "spool"))
    assert not (folder / "spool").exists()
    assert clip.num_open == 0
    return results


def values_of(results: list[FrameResult], object_id: int) -> list[float]:
    """Probability of the object in its column, frame by frame; 0 where it is not known."""
    return [value_of(result, object_id) for result in results]


def value_of(result: FrameResult, object_id: int) -> float:
    if object_id not in result.object_ids:
        return 0.0
    return float(result.alpha[result.object_ids.index(object_id), 0, column(object_id)])


def test_backward_goes_from_the_last_mask_to_the_start(tmp_path: Path) -> None:
    clip = FakeClip(6)
    results = run(clip, {3: make_annotation(3, [5])}, "backward", tmp_path)
    assert clip.asked == [(0, 4)]
    assert [result.frame.index for result in results] == list(range(6))
    np.testing.assert_allclose(values_of(results, 5), [0.75, 0.75, 0.75, 1, 0, 0], atol=1e-5)
    assert results[4].object_ids == ()


def test_both_ways_from_one_mask(tmp_path: Path) -> None:
    clip = FakeClip(6)
    results = run(clip, {3: make_annotation(3, [5])}, "both", tmp_path)
    assert clip.asked == [(0, 4)]
    np.testing.assert_allclose(values_of(results, 5), [0.75, 0.75, 0.75, 1, 0.25, 0.25], atol=1e-5)


def test_between_two_masks_one_pass_goes_over_into_the_other(tmp_path: Path) -> None:
    annotations = {1: make_annotation(1, [5]), 5: make_annotation(5, [5])}
    clip = FakeClip(7)
    results = run(clip, annotations, "both", tmp_path)
    assert clip.asked == [(0, 6)]
    expected = [0.75, 1, 0.375, 0.5, 0.625, 1, 0.25]
    np.testing.assert_allclose(values_of(results, 5), expected, atol=1e-5)


def test_nothing_is_read_backward_where_nothing_needs_it(tmp_path: Path) -> None:
    clip = FakeClip(4)
    annotations = {0: make_annotation(0, [5]), 1: make_annotation(1, [5])}
    results = run(clip, annotations, "both", tmp_path)
    assert clip.asked == []
    np.testing.assert_allclose(values_of(results, 5), [1, 1, 0.25, 0.25])


def test_without_masks_there_is_nothing_to_see(tmp_path: Path) -> None:
    for direction in ("forward", "backward", "both"):
        clip = FakeClip(3)
        results = run(clip, {}, direction, tmp_path)
        assert [result.object_ids for result in results] == [()] * 3
        assert clip.asked == []


def test_a_dropped_object_is_another_when_it_is_drawn_again(tmp_path: Path) -> None:
    """No pass goes across the gap: before it only the forward pass speaks, after it there was nothing to go back to."""
    annotations = {1: make_annotation(1, [5]), 7: make_annotation(7, [5])}
    forward, backward, both = (
        values_of(run(FakeClip(9), annotations, direction, tmp_path, {4: (5,)}), 5)
        for direction in ("forward", "backward", "both")
    )
    np.testing.assert_allclose(forward, [0, 1, 0.25, 0.25, 0, 0, 0, 1, 0.25], atol=1e-5)
    np.testing.assert_allclose(backward, [0.75, 1, 0, 0, 0, 0, 0, 1, 0], atol=1e-5)
    np.testing.assert_allclose(both, [0.75, 1, 0.25, 0.25, 0, 0, 0, 1, 0.25], atol=1e-5)


def test_an_exact_mask_says_where_an_object_is_not(tmp_path: Path) -> None:
    """Up to it the pass from the mask before speaks, after it the pass from the mask behind."""
    annotations = {0: make_annotation(0, [5]), 3: make_annotation(3, [2], is_exact=True), 6: make_annotation(6, [5])}
    results = run(FakeClip(7), annotations, "both", tmp_path)
    np.testing.assert_allclose(values_of(results, 5), [1, 0.25, 0.25, 0, 0.75, 0.75, 1], atol=1e-5)
    np.testing.assert_allclose(values_of(results, 2), [0.75, 0.75, 0.75, 1, 0.25, 0.25, 0.25], atol=1e-5)


@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
def test_corrupt_frames_repeat_the_frame_before(direction: Direction, tmp_path: Path) -> None:
    """Also backward, where it comes later; probabilities tell of which frame they are."""
    clip = FakeClip(8, corrupt=(0, 3, 4))
    annotations = {6: make_annotation(6, [5])} if direction != "forward" else {1: make_annotation(1, [5])}
    passes = plan_passes(annotations, direction)
    results = list(
        follow(
            passes, annotations, clip.forward, clip.backward,
            lambda name: FakeFollower(lambda frame: float(frame.image[0, 0, 0]) / 100), tmp_path / "spool",
        )
    )  # fmt: skip
    assert [result.is_repeated for result in results[3:5]] == [True, True]
    np.testing.assert_allclose(values_of(results, 5)[2:5], [0.02, 0.02, 0.02], atol=1e-5)
    if direction != "forward":
        assert results[0].is_repeated
        assert value_of(results[0], 5) == pytest.approx(0.01, abs=1e-5)


def test_corrupt_frame_after_a_mask_blends_what_is_said_of_the_mask(tmp_path: Path) -> None:
    annotations = {0: make_annotation(0, [5]), 1: make_annotation(1, [5]), 4: make_annotation(4, [5])}
    results = run(FakeClip(5, corrupt=(2,)), annotations, "both", tmp_path)
    assert values_of(results, 5)[1:3] == [1, 1]


def test_cuts_that_the_backward_pass_finds_are_heeded(tmp_path: Path) -> None:
    cuts: set[int] = set()

    def find(num_done: int, num_frames: int) -> None:
        cuts.add(3)

    clip, annotations = FakeClip(6), {0: make_annotation(0, [5]), 5: make_annotation(5, [5])}
    passes = plan_passes(annotations, "both")
    results = list(
        follow(
            passes, annotations, clip.forward, clip.backward, make_follower, tmp_path / "spool",
            on_progress=find, cuts=cuts,
        )
    )  # fmt: skip
    np.testing.assert_allclose(values_of(results, 5), [1, 0.25, 0.25, 0.75, 0.75, 1], atol=1e-5)


def test_progress_is_told_and_errors_leave_nothing(tmp_path: Path) -> None:
    clip, told = FakeClip(5), []

    def listen(num_done: int, num_frames: int) -> None:
        told.append((num_done, num_frames))
        if num_done == 3:
            raise KeyboardInterrupt

    annotations = {4: make_annotation(4, [5])}
    passes = plan_passes(annotations, "both")
    results = follow(
        passes, annotations, clip.forward, clip.backward, make_follower, tmp_path / "spool",
        on_progress=listen, keeps_spool=True,
    )  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        next(results)
    assert told == [(1, 5), (2, 5), (3, 5)]
    assert list(tmp_path.iterdir()) == []
    assert clip.num_open == 0


def test_a_job_goes_on_with_the_backward_pass_that_it_has(tmp_path: Path) -> None:
    annotations = {2: make_annotation(2, [5]), 8: make_annotation(8, [5, 2])}
    whole = run(FakeClip(10), annotations, "both", tmp_path)
    clip, folder = FakeClip(10), tmp_path / "spool"
    passes = plan_passes(annotations, "both")
    followers: list[FakeFollower] = []

    def remember(name: PassName) -> Follower:
        followers.append(make_follower(name))
        return followers[-1]

    results = follow(passes, annotations, clip.forward, clip.backward, remember, folder, keeps_spool=True)
    for _ in range(5):
        next(results)
    results.close()  # type: ignore[attr-defined]
    restored = copy.deepcopy(followers[-1])

    def restore(name: PassName) -> Follower:
        assert name == "forward"
        return restored

    def rest() -> Iterator[Frame]:
        return iter(clip.frames[5:])

    again = list(
        follow(passes, annotations, rest, clip.backward, restore, folder, keeps_spool=True, resumes=True),
    )
    assert clip.asked == [(0, 9)]
    for expected, result in zip(whole[5:], again, strict=True):
        np.testing.assert_array_equal(result.alpha, expected.alpha)
        np.testing.assert_array_equal(result.labels, expected.labels)
    assert folder.exists()
    remove_spool(folder)
    assert list(tmp_path.iterdir()) == []


class Draft:
    """Masks of a clip as the search draws them: frame, objects drawn, objects listed without a pixel, exact or not."""

    masks = st.dictionaries(
        st.integers(0, NUM_FRAMES - 1),
        st.tuples(st.sets(st.sampled_from(OBJECT_IDS)), st.sets(st.sampled_from(OBJECT_IDS)), st.booleans()),
        max_size=4,
    )
    drops = st.dictionaries(
        st.integers(0, NUM_FRAMES - 1), st.sets(st.sampled_from(OBJECT_IDS), min_size=1).map(tuple), max_size=3
    )


def says(annotation: Annotation, object_id: int) -> bool | None:
    """Whether a mask shows an object; None if it says nothing of it."""
    if object_id in annotation.object_ids:
        return bool((annotation.labels == object_id).any())
    return False if annotation.is_exact else None


def expected_value(
    annotations: Mapping[int, Annotation],
    drops: Mapping[int, tuple[int, ...]],
    object_id: int,
    index: int,
    direction: Direction,
) -> float:
    """What must come out, told frame by frame without any of the package's notions."""
    masks = {at: seen for at, each in annotations.items() if (seen := says(each, object_id)) is not None}
    cuts = [at for at, ids in drops.items() if object_id in ids]
    latest_cut = max((cut for cut in cuts if cut <= index), default=-1)
    next_cut = min((cut for cut in cuts if cut > index), default=NUM_FRAMES)
    before = {at: seen for at, seen in masks.items() if latest_cut <= at <= index}
    behind = {at: seen for at, seen in masks.items() if index < at < next_cut}
    is_known_before, is_known_behind = any(before.values()), any(behind.values())
    if (latest_cut >= 0 and not is_known_before) or not (is_known_before or is_known_behind):
        return 0.0
    if index in masks:
        return float(masks[index])
    if direction == "forward":
        return 0.25 * before[max(before)] if is_known_before else 0.0
    if direction == "backward":
        return 0.75 * behind[min(behind)] if is_known_behind else 0.0
    forward = 0.25 * before[max(before)] if is_known_before else 0.0
    backward = 0.75 * behind[min(behind)] if is_known_behind else 0.0
    if not (is_known_before and is_known_behind):
        return forward + backward
    # An absence before says nothing against a mask behind, and the other way round: the fake passes say 0 there.
    if before[max(before)] != behind[min(behind)]:
        return forward + backward
    share = (index - max(before)) / (min(behind) - max(before))
    return (1 - share) * forward + share * backward


@pytest.mark.parametrize("direction", DIRECTIONS)
@settings(max_examples=80)
@given(masks=Draft.masks, drops=Draft.drops)
def test_results_are_what_the_masks_mean(
    tmp_path_factory: pytest.TempPathFactory,
    direction: Direction,
    masks: dict[int, tuple[set[int], set[int], bool]],
    drops: dict[int, tuple[int, ...]],
) -> None:
    # Naming a dropped object without showing it means nothing: left out, as masks of files cannot do it.
    annotations = {
        at: make_annotation(at, drawn, is_exact=is_exact, listed=() if drops else listed)
        for at, (drawn, listed, is_exact) in masks.items()
    }
    clip = FakeClip(NUM_FRAMES)
    results = run(clip, annotations, direction, tmp_path_factory.mktemp("clip"), drops)
    expected = {
        each: [expected_value(annotations, drops, each, index, direction) for index in range(NUM_FRAMES)]
        for each in OBJECT_IDS
    }
    for object_id in OBJECT_IDS:
        np.testing.assert_allclose(values_of(results, object_id), expected[object_id], atol=2e-5)
    for at, annotation in annotations.items():
        drawn = annotation.labels > 0
        np.testing.assert_array_equal(results[at].labels[drawn], annotation.labels[drawn])
        assert results[at].labels.shape == SIZE
    needs = [index for each in expected.values() for index, value in enumerate(each) if 0.25 < value < 1]
    assert not needs or clip.asked[0][0] <= min(needs)


@given(Draft.masks)
def test_a_single_pass_is_the_same_in_a_mirror(
    tmp_path_factory: pytest.TempPathFactory, masks: dict[int, tuple[set[int], set[int], bool]]
) -> None:
    """Without drops, backward is forward over the clip in reverse."""
    annotations = {at: make_annotation(at, drawn, is_exact=exact) for at, (drawn, _, exact) in masks.items()}
    mirrored = {NUM_FRAMES - 1 - at: each for at, each in annotations.items()}
    folder = tmp_path_factory.mktemp("mirror")
    backward = run(FakeClip(NUM_FRAMES), annotations, "backward", folder)
    forward = run(FakeClip(NUM_FRAMES), mirrored, "forward", folder)
    for object_id in OBJECT_IDS:
        expected = [value if value in (0, 1) else 0.75 for value in values_of(forward, object_id)]
        np.testing.assert_allclose(values_of(backward, object_id)[::-1], expected, atol=1e-5)


def make_clip(size: tuple[int, int], num_frames: int) -> list[Frame]:
    """Noise over which a bright square moves to the right."""
    noise = np.random.default_rng(0).integers(0, 90, (*size, 3), dtype=np.uint8)
    frames = [replace(make_frame(index), image=noise.copy()) for index in range(num_frames)]
    for index, frame in enumerate(frames):
        frame.image[10:26, 8 + index : 24 + index] = (230, 200, 40)
    return frames


def draw_square(index: int, object_id: int = 7) -> Annotation:
    labels = np.zeros(CLIP_SIZE, np.uint8)
    labels[10:26, 8 + index : 24 + index] = object_id
    return Annotation(index, labels, (object_id,))


def make_propagator(memory: str) -> Propagator:
    segmenter = MemorySegmenter(
        tiny_network(),
        AttentionReader("l2", 20),
        lambda: build_bank(memory, 2, pin=False),
        build_write_policy(memory, 2),
        torch.device("cpu"),
    )
    return Propagator(segmenter, None)


@pytest.mark.parametrize("memory", MEMORY_NAMES)
def test_memories_work_backward_as_they_do_forward(memory: str, tmp_path: Path) -> None:
    """A real network over the clip in reverse: whatever a memory counts, it counts the same."""
    frames = make_clip(CLIP_SIZE, 9)
    last = len(frames) - 1
    annotations = {index: draw_square(index, object_id) for index, object_id in ((last, 7), (4, 7), (3, 9))}
    reverse = [replace(frame, index=last - frame.index) for frame in reversed(frames)]
    propagator = make_propagator(memory)
    expected = [propagator.step(frame, annotations.get(last - frame.index)) for frame in reverse]
    results = list(
        follow(
            plan_passes(annotations, "backward"), annotations, lambda: frames,
            lambda start, stop: frames[start:stop][::-1], lambda name: make_propagator(memory), tmp_path / "spool",
        )
    )  # fmt: skip
    for result, wanted in zip(reversed(results), expected, strict=True):
        assert result.frame is frames[last - wanted.frame.index]
        assert result.object_ids == wanted.object_ids
        np.testing.assert_array_equal(result.labels, wanted.labels)
        np.testing.assert_allclose(result.alpha, wanted.alpha, atol=1 / 65535)


def test_both_passes_may_use_one_segmenter(tmp_path: Path) -> None:
    """Each begins a clip of its own; after the last mask the result is the forward pass's to the bit."""
    frames, annotations = make_clip(CLIP_SIZE, 7), {2: draw_square(2), 4: draw_square(4)}
    propagator = make_propagator("lfu")
    segmenter = propagator._segmenter
    results = list(
        follow(
            plan_passes(annotations, "both"), annotations, lambda: frames,
            lambda start, stop: frames[start:stop][::-1], lambda name: Propagator(segmenter, None), tmp_path / "spool",
        )
    )  # fmt: skip
    alone = list(propagate(segmenter, frames, annotations, short_side=None))
    for index in (2, 4, 5, 6):
        np.testing.assert_array_equal(results[index].alpha, alone[index].alpha)
        np.testing.assert_array_equal(results[index].labels, alone[index].labels)
    assert results[0].object_ids == (7,)
    assert not np.array_equal(results[3].alpha, alone[3].alpha)


def test_a_real_network_drops_objects_in_both_passes(tmp_path: Path) -> None:
    frames = make_clip(CLIP_SIZE, 8)
    annotations = {1: draw_square(1), 6: draw_square(6), 7: replace(draw_square(7, 9), is_exact=True)}
    passes = plan_passes(annotations, "both", drops={3: (7,)})
    results = list(
        follow(
            passes, annotations, lambda: frames, lambda start, stop: frames[start:stop][::-1],
            lambda name: make_propagator("lfu"), tmp_path / "spool",
        )
    )  # fmt: skip
    assert [index for index in range(3, 6) if (results[index].labels == 7).any()] == []
    assert [float(results[index].alpha[results[index].object_ids.index(7)].max()) for index in (3, 4, 5, 7)] == [0] * 4
    for index in (1, 6, 7):
        drawn = annotations[index].labels
        np.testing.assert_array_equal(results[index].labels[drawn > 0], drawn[drawn > 0])
    assert all(result.confidence is not None for result in results)
    assert 7 in results[0].object_ids
