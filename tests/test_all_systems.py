"""Every system on one clip through the one loop, with random weights: odd size, one and three objects, a late one."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from golden_fill import fill_network

from vostool.errors import UsageError
from vostool.memory.policy import MEMORY_NAMES
from vostool.memory.readers import COUNTINGS
from vostool.propagation.propagator import propagate
from vostool.systems import SYSTEMS, find_system, make_segmenter
from vostool.types import Annotation, Frame, FrameResult

SIZE = (45, 61)
LATE = 7
WITH_MEMORY = [name for name, system in SYSTEMS.items() if system.defaults]


def make_frames(count: int) -> list[Frame]:
    """Smooth noise over which three squares move."""
    generator = np.random.default_rng(0)
    rows, columns = np.indices(SIZE)
    waves = 40 * np.sin(rows[..., None] / 5 + columns[..., None] / (3, 4, 7))
    background = 100 + waves + generator.normal(0, 5, (*SIZE, 1))
    frames = []
    for index in range(count):
        image = background.copy()
        for number, colour in enumerate(((220, 40, 40), (40, 220, 40), (40, 40, 220)), start=1):
            image[place(number, index)] = colour
        frames.append(Frame(index, index, Fraction(1, 25), image.clip(0, 255).astype(np.uint8)))
    return frames


def place(number: int, index: int) -> tuple[slice, slice]:
    """Where an object is on a frame."""
    top, left = 4 + 12 * (number - 1), 6 + 3 * number + 2 * index
    return slice(top, top + 10), slice(left, left + 14)


def annotate(index: int, *numbers: int) -> Annotation:
    labels = np.zeros(SIZE, np.uint8)
    for number in numbers:
        labels[place(number, index)] = number
    return Annotation(index, labels, numbers)


@cache
def network(name: str) -> Any:
    made = find_system(name).make_network({}).eval().requires_grad_(False)
    fill_network(made, 0)
    return made


def run(name: str, *annotations: Annotation, count: int = 3, device: str = "cpu", **options: Any) -> list[FrameResult]:
    target = torch.device(device)
    segmenter = make_segmenter(find_system(name), network(name).to(target), target, **options)
    by_index = {annotation.frame_index: annotation for annotation in annotations}
    return list(propagate(segmenter, make_frames(count), by_index))


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("numbers", [(1,), (1, 2, 3)])
def test_objects_get_probabilities(name: str, numbers: tuple[int, ...]) -> None:
    for result in run(name, annotate(0, *numbers)):
        assert result.alpha.shape == (len(numbers), *SIZE)
        assert result.labels.shape == SIZE
        assert np.isfinite(result.alpha).all()
        assert 0 <= result.alpha.min() <= result.alpha.sum(axis=0).max() <= 1 + 1e-5


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_late_object(name: str) -> None:
    """It is followed from where it was drawn on; before, nothing of what it will be is known."""
    first, late = annotate(0, 1), annotate(LATE, 2)
    alone, both = run(name, first, count=LATE), run(name, first, late, count=LATE + 3)
    for before, same in zip(alone, both[:LATE], strict=True):
        np.testing.assert_array_equal(before.alpha, same.alpha)
    assert [result.object_ids for result in both[LATE:]] == [(1, 2)] * 3
    np.testing.assert_array_equal(both[LATE].labels == 2, late.labels == 2)
    assert both[-1].alpha[1].max() > both[-1].alpha[1].min()


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_second_run_gives_the_same(name: str) -> None:
    once, again = (run(name, annotate(0, 1, 2)) for _ in range(2))
    np.testing.assert_array_equal(once[-1].alpha, again[-1].alpha)


@pytest.mark.parametrize("name", WITH_MEMORY)
def test_many_objects_go_through_the_network_in_turn(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    together = run(name, annotate(0, 1, 2, 3))[-1].alpha
    monkeypatch.setattr("vostool.propagation.segmenter.OBJECTS_PER_PASS", 2)
    np.testing.assert_allclose(run(name, annotate(0, 1, 2, 3))[-1].alpha, together, atol=5e-4)


@pytest.mark.parametrize("name", WITH_MEMORY)
@pytest.mark.parametrize("memory", MEMORY_NAMES)
def test_every_memory_works_in_every_system(name: str, memory: str) -> None:
    options: dict[str, Any] = {"memory": memory, "memory_frames": 1, "memory_every": 1}
    for counting in COUNTINGS if memory == "lfu" else ("top-k",):
        results = run(name, annotate(0, 1), annotate(2, 2), count=4, counting=counting, **options)
        assert np.isfinite(results[-1].alpha).all()


@pytest.mark.parametrize("name", WITH_MEMORY)
def test_adaptive_memory_equals_a_growing_one_while_there_is_room(name: str) -> None:
    growing, adaptive = (
        run(name, annotate(0, 1, 3), annotate(2, 2), count=5, memory=memory, memory_every=2)
        for memory in ("every-k", "lfu")
    )
    # Slots lie in another order, and random weights make much of the last digit.
    np.testing.assert_allclose(growing[-1].alpha, adaptive[-1].alpha, atol=5e-4)


def test_adaptive_memory_forgets_as_it_is_told() -> None:
    """Four frames do not fit into two: which slots stay depends on the counting, the floor and what is pinned."""
    variants: list[dict[str, Any]] = [{}, {"pin": False}, {"pin": False, "floor": 0.0}, {"counting": "softmax"}]
    options = {"memory": "lfu", "memory_frames": 2, "memory_every": 1, "top_k": 5}
    alphas = [run("stcn", annotate(0, 1, 2, 3), count=7, **options, **variant)[-1].alpha for variant in variants]
    for index, one in enumerate(alphas):
        for other in alphas[index + 1 :]:
            assert np.abs(one - other).max() > 0


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_mirrored_clip_is_segmented_alike(name: str) -> None:
    """With --flip, mirroring the clip mirrors the result."""

    def mirrored(result: FrameResult) -> np.ndarray:
        return result.alpha[..., ::-1]

    segmenter = make_segmenter(find_system(name), network(name), torch.device("cpu"), flip=True)
    frames, annotation = make_frames(3), annotate(0, 1, 2)
    flipped_frames = [Frame(each.index, each.pts, each.time_base, each.image[:, ::-1]) for each in frames]
    flipped = Annotation(0, annotation.labels[:, ::-1], annotation.object_ids)
    plain = list(propagate(segmenter, frames, {0: annotation}))[-1]
    back = mirrored(list(propagate(segmenter, flipped_frames, {0: flipped}))[-1])
    np.testing.assert_allclose(plain.alpha, back, atol=1e-4)


@pytest.mark.parametrize("name", SYSTEMS)
def test_scales(name: str) -> None:
    """They change the result; the system's own change nothing."""
    annotation = annotate(0, 1, 2)
    default = run(name, annotation)[-1].alpha
    np.testing.assert_array_equal(run(name, annotation, scales=find_system(name).scales)[-1].alpha, default)
    assert np.abs(run(name, annotation, scales=(1.5,))[-1].alpha - default).max() > 1e-3


def test_reference_systems_have_no_memory_to_set() -> None:
    with pytest.raises(UsageError, match="rgmp has no memory to set \\(memory lfu\\)"):
        run("rgmp", annotate(0, 1), memory="lfu")


@pytest.mark.gpu
@pytest.mark.parametrize("name", SYSTEMS)
def test_half_precision_agrees_on_nearly_all_labels(name: str) -> None:
    """Random weights leave many pixels undecided, so that a few labels may differ."""
    annotation = annotate(0, 1, 2)
    full = run(name, annotation, device="cuda")
    half = run(name, annotation, device="cuda", precision=torch.float16)
    network(name).to("cpu")
    shares = [float((one.labels != other.labels).mean()) for one, other in zip(full, half, strict=True)]
    assert max(shares) < 0.05
