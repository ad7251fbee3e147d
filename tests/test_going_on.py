"""Runs that go on from a saved state against runs that were never interrupted: bit for bit the same."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from golden_fill import fill_network
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_all_systems import annotate, make_frames
from tiny_network import tiny_network

from vostool.memory.policy import MEMORY_NAMES
from vostool.memory.readers import COUNTINGS
from vostool.pipelines.job_state import load_state, save_state
from vostool.propagation.ensemble import ensemble
from vostool.propagation.propagator import Propagator
from vostool.propagation.segmenter import Segmenter
from vostool.systems import SYSTEMS, find_system, make_segmenter
from vostool.types import Annotation, Frame, FrameResult

CPU = torch.device("cpu")
COUNT = 9
FRAMES = make_frames(COUNT)
Step = tuple[Frame, Annotation | None, str]

memories = st.fixed_dictionaries(
    {
        "memory": st.sampled_from(MEMORY_NAMES),
        "memory_frames": st.sampled_from([1.0, 1.5, 3.0]),
        "memory_every": st.integers(1, 3),
        "top_k": st.sampled_from([0, 5]),
        "counting": st.sampled_from(COUNTINGS),
        "pin": st.booleans(),
        "floor": st.sampled_from([0.0, 0.25, 0.9]),
        "temporary_previous": st.booleans(),
        "restarts": st.booleans(),
    }
)
views = st.fixed_dictionaries({"flip": st.booleans(), "scales": st.sampled_from([(), (), (0.75, 1.0)])})
# From the start, late, again, or several at once; some of them exact.
drawings = st.dictionaries(
    st.integers(0, COUNT - 1),
    st.tuples(st.sampled_from([(1,), (2,), (3,), (1, 2), (1, 2, 3)]), st.booleans()),
    min_size=1,
    max_size=4,
)
# What is asked for before a frame.
wishes = st.dictionaries(st.integers(1, COUNT - 1), st.sampled_from(["reset", "pause", "drop"]), max_size=2)
corrupt = st.sets(st.integers(1, COUNT - 1), max_size=2)


@cache
def network(name: str) -> Any:
    if name == "lite":
        return tiny_network()
    made = find_system(name).make_network({}).eval().requires_grad_(False)
    fill_network(made, 0)
    return made


def build(name: str, **options: Any) -> Segmenter:
    return make_segmenter(find_system(name), network(name), CPU, **options)


def plan(drawn: dict[int, tuple[tuple[int, ...], bool]], wished: dict[int, str], damaged: set[int]) -> list[Step]:
    steps: list[Step] = []
    for frame in FRAMES:
        numbers, is_exact = drawn.get(frame.index, ((), False))
        labels = annotate(frame.index, *numbers).labels
        annotation = Annotation(frame.index, labels, numbers, is_exact=is_exact) if numbers else None
        is_corrupt = frame.index in damaged
        repeated = Frame(frame.index, frame.pts, frame.time_base, frame.image, is_corrupt=is_corrupt)
        steps.append((repeated, annotation, wished.get(frame.index, "")))
    return steps


def follow(propagator: Propagator, steps: list[Step]) -> list[FrameResult]:
    results = []
    for frame, annotation, wish in steps:
        if wish == "drop":
            propagator.drop([1, 99])
        elif wish:
            getattr(propagator, wish)()
        results.append(propagator.step(frame, annotation))
    return results


def interrupted(makers: tuple[Propagator, Propagator], steps: list[Step], place: int) -> list[FrameResult]:
    """The first of two propagators makes some frames, the other one the rest, from a file of its state."""
    first, second = makers
    results = follow(first, steps[:place])
    state = first.state()
    # What the first goes on to do must not reach the state.
    follow(first, steps[place:])
    with TemporaryDirectory() as folder:
        save_state(Path(folder, "job.state"), state)
        second.restore(load_state(Path(folder, "job.state")))
    return results + follow(second, steps[place:])


def check_equal(found: list[FrameResult], expected: list[FrameResult]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.object_ids == other.object_ids
        assert one.is_repeated == other.is_repeated
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.alpha, other.alpha)
        np.testing.assert_array_equal(one.confidence, other.confidence)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(memories, views, drawings, wishes, corrupt, st.integers(0, COUNT))
def test_lite_goes_on_as_if_nothing_had_been(
    memory: dict[str, Any],
    view: dict[str, Any],
    drawn: dict[int, tuple[tuple[int, ...], bool]],
    wished: dict[int, str],
    damaged: set[int],
    place: int,
) -> None:
    steps = plan(drawn, wished, damaged)
    whole, first, second = (Propagator(build("lite", **memory, **view), 40) for _ in range(3))
    check_equal(interrupted((first, second), steps, place), follow(whole, steps))


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_goes_on(name: str) -> None:
    steps = plan({0: ((1,), False), 2: ((2,), False)}, {}, set())[:6]
    whole, first, second = (Propagator(build(name), None) for _ in range(3))
    check_equal(interrupted((first, second), steps, 4), follow(whole, steps))


def test_ensembles_of_systems_with_views_go_on() -> None:
    steps = plan({0: ((1,), False), 2: ((2,), False)}, {3: "drop"}, set())[:6]

    def make() -> Propagator:
        return Propagator(ensemble([build("lite", flip=True), build("rgmp", scales=(0.5,))]), None)

    check_equal(interrupted((make(), make()), steps, 4), follow(make(), steps))


@pytest.mark.parametrize("wished", [{3: "pause"}, {6: "reset"}, {3: "drop"}])
@pytest.mark.parametrize("memory", MEMORY_NAMES)
def test_wishes_before_and_after_the_state(memory: str, wished: dict[int, str]) -> None:
    steps = plan({0: ((1,), False), 2: ((2,), False)}, wished, {5})
    whole, first, second = (Propagator(build("lite", memory=memory, memory_every=1), None) for _ in range(3))
    check_equal(interrupted((first, second), steps, 5), follow(whole, steps))


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_takes_wishes(name: str) -> None:
    """After a cut nothing is known of the frame before; a dropped object stays away."""
    steps = plan({0: ((1, 2), False)}, {2: "reset", 3: "drop"}, set())[:4]
    results = follow(Propagator(build(name), None), steps)
    assert np.isfinite(results[2].alpha).all()
    assert results[3].object_ids == (1, 2)
    assert not results[3].alpha[0].any()
    assert not (results[3].labels == 1).any()
    assert results[3].alpha[1].any()


def test_nothing_of_another_size() -> None:
    first, second = (Propagator(build("lite", memory_frames=frames)) for frames in (1, 2))
    first.step(FRAMES[0], annotate(0, 1))
    with pytest.raises(ValueError, match="another size"):
        second.restore(first.state())
