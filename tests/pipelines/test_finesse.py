"""The finesse of a clip's results: options, order, and what is held between frames."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from vostool.errors import UsageError
from vostool.pipelines.finesse import Finesse, FinesseOptions, options_for
from vostool.types import Frame, FrameResult
from vostool.video.writing.presets import PRESETS

SIZE = (40, 50)
OBJECT_IDS = (3, 8)
EVERYTHING = FinesseOptions(
    grow=1.5, feather=1, fill_holes=9, drop_islands=9, clean_black=0.1, clean_white=0.1, refine="guided", temporal=3
)


def make_result(index: int, object_ids: tuple[int, ...] = OBJECT_IDS) -> FrameResult:
    """Discs that tremble before a picture that stands still."""
    chance = np.random.default_rng(index)
    image = np.random.default_rng(99).integers(0, 256, (*SIZE, 3), np.uint8)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    alpha = np.zeros((len(object_ids), *SIZE), np.float32)
    for place, plane in enumerate(alpha):
        distance = np.hypot(rows - 20 - chance.normal(), columns - 15 - 20 * place)
        plane[:] = np.clip(8 - distance, 0, 1) / 1.001
    labels = np.zeros(SIZE, np.uint8)
    for plane, object_id in zip(alpha, object_ids, strict=True):
        labels[plane > 0.5] = object_id
    frame = Frame(index, index, Fraction(1, 25), image)
    return FrameResult(frame, labels, alpha, object_ids, confidence=np.ones(len(object_ids), np.float32))


def run(
    options: FinesseOptions, results: list[FrameResult], anew: tuple[int, ...] = (), *, recalls: bool = False
) -> list[FrameResult]:
    """What comes out; with ``recalls`` a fresh one goes on after every frame."""
    finesse, finished = Finesse(options), []
    for place, result in enumerate(results):
        finished += finesse.push(result, starts_anew=place in anew)
        if recalls:
            memory, finesse = finesse.memory(), Finesse(options)
            finesse.recall(memory)
            assert len(memory.results) <= options.temporal
    return finished + finesse.flush()


def same(result: FrameResult, other: FrameResult) -> bool:
    return bool(
        result.frame is other.frame
        and np.array_equal(result.alpha, other.alpha)
        and np.array_equal(result.labels, other.labels)
    )


def test_idle_by_default() -> None:
    assert FinesseOptions().is_idle
    assert not EVERYTHING.is_idle
    results = [make_result(index) for index in range(3)]
    finesse = Finesse(FinesseOptions())
    assert all(finesse.push(result)[0] is result for result in results)
    assert finesse.flush() == []
    assert finesse.memory().results == ()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"grow": 300.0}, "--grow 300 makes no sense; give a number between -200 and 200"),
        ({"grow": float("nan")}, "--grow nan makes no sense; give a number between -200 and 200"),
        ({"feather": -1}, "--feather -1 makes no sense; give a number between 0 and 200"),
        ({"fill_holes": -2}, "--fill-holes -2 makes no sense; give a number from 0 on"),
        ({"drop_islands": -2}, "--drop-islands -2 makes no sense; give a number from 0 on"),
        ({"clean_black": 5}, "--clean-black 5 makes no sense; give a number between 0 and 1"),
        (
            {"clean_black": 0.5, "clean_white": 0.5},
            "--clean-black 0.5 and --clean-white 0.5 leave nothing between; together they must be less than 1",
        ),
        ({"refine": "hair"}, "--refine hair is not known; give none or guided"),
        ({"temporal": 4}, "--temporal 4 is not a window of frames; give 3 or 5, or 0 for none"),
    ],
)
def test_values_that_make_no_sense(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        FinesseOptions(**values)
    assert str(caught.value) == message


@pytest.mark.parametrize("temporal", [0, 3, 5])
def test_every_result_comes_out_once_and_in_order(temporal: int) -> None:
    options = replace(EVERYTHING, temporal=temporal)
    for num_frames in range(8):
        finished = run(options, [make_result(index) for index in range(num_frames)], anew=(0, 3))
        assert [result.frame.index for result in finished] == list(range(num_frames))


def test_labels_go_with_the_alpha_and_nothing_given_is_changed() -> None:
    results = [make_result(index) for index in range(4)]
    copies = [make_result(index) for index in range(4)]
    for finished in run(EVERYTHING, results):
        background = 1 - finished.alpha.sum(axis=0, keepdims=True)
        likeliest = np.concatenate([background, finished.alpha]).argmax(axis=0)
        np.testing.assert_array_equal(finished.labels, np.array([0, *OBJECT_IDS])[likeliest])
        assert finished.alpha.dtype == np.float32
        assert finished.alpha.min() >= 0
        assert finished.alpha.sum(axis=0).max() <= 1 + 1e-5
        assert finished.confidence is not None
    for result, copy in zip(results, copies, strict=True):
        np.testing.assert_array_equal(result.alpha, copy.alpha)
        np.testing.assert_array_equal(result.labels, copy.labels)


def test_objects_grow_by_the_pixels_asked_for() -> None:
    (result,) = run(FinesseOptions(grow=3), [make_result(0, (3,))])
    before = make_result(0, (3,)).labels > 0
    assert np.flatnonzero(result.labels.any(axis=0)).min() == np.flatnonzero(before.any(axis=0)).min() - 3


@pytest.mark.parametrize("temporal", [3, 5])
def test_the_median_runs_over_the_window_and_less_at_its_ends(temporal: int) -> None:
    results = [make_result(index) for index in range(7)]
    finished = run(FinesseOptions(temporal=temporal), results)
    for index in range(7):
        reach = min(temporal // 2, index, 6 - index)
        expected = np.median([each.alpha for each in results[index - reach : index + reach + 1]], axis=0)
        np.testing.assert_array_equal(finished[index].alpha, expected)
    assert finished[0] is results[0]


@pytest.mark.parametrize("temporal", [3, 5])
def test_nothing_is_mixed_across_a_new_beginning(temporal: int) -> None:
    options, results = FinesseOptions(temporal=temporal), [make_result(index) for index in range(8)]
    whole = run(options, results, anew=(4,))
    parts = run(options, results[:4]) + run(options, results[4:])
    assert all(same(*pair) for pair in zip(whole, parts, strict=True))
    assert whole[4] is results[4]


def test_another_set_of_objects_is_a_new_beginning() -> None:
    options = FinesseOptions(temporal=3)
    results = [make_result(index, OBJECT_IDS[: 1 + (index > 3)]) for index in range(7)]
    assert all(same(*pair) for pair in zip(run(options, results), run(options, results, anew=(4,)), strict=True))


@pytest.mark.parametrize("temporal", [0, 3, 5])
@pytest.mark.parametrize("anew", [(), (3,), (1, 2, 6)])
def test_a_recalled_memory_goes_on_as_if_nothing_had_been(temporal: int, anew: tuple[int, ...]) -> None:
    options, results = replace(EVERYTHING, temporal=temporal), [make_result(index) for index in range(9)]
    pairs = zip(run(options, results, anew), run(options, results, anew, recalls=True), strict=True)
    assert all(same(*pair) for pair in pairs)


def test_results_without_objects_pass() -> None:
    nobody, faint = make_result(0, ()), make_result(1)
    faint.alpha[:], faint.labels[:] = 1e-4, 0
    first, second = run(EVERYTHING, [nobody, faint])
    assert first is nobody
    assert second.alpha.max() == second.labels.max() == 0


def test_presets_grow_by_parts_of_the_picture() -> None:
    assert options_for(PRESETS["propainter"], 1080) == FinesseOptions(grow=8)
    assert options_for(PRESETS["corridorkey"], 2160, FinesseOptions(grow=1, feather=2)) == FinesseOptions(-5, 2)
