"""The main loop over a Segmenter that only records, and over a real network: what comes out, and in which order."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from tiny_network import tiny_network

from vostool.memory.policy import MEMORY_NAMES, build_bank, build_write_policy
from vostool.memory.readers import AttentionReader
from vostool.propagation.aggregate import Prediction, aggregate
from vostool.propagation.outcome import draw_over
from vostool.propagation.preprocess import Canvas
from vostool.propagation.propagator import propagate
from vostool.propagation.segmenter import FrameInput, MemorySegmenter, majority_owner
from vostool.types import Annotation, Frame

SIZE = (40, 56)


def make_frames(count: int, corrupt: tuple[int, ...] = ()) -> list[Frame]:
    """Noise over which a bright square moves to the right."""
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 60, (*SIZE, 3), dtype=np.uint8)
    frames = []
    for index in range(count):
        image = noise.copy()
        image[10:26, 8 + index : 24 + index] = (230, 200, 40)
        frames.append(Frame(index, index, Fraction(1, 25), image, is_corrupt=index in corrupt))
    return frames


def make_annotation(frame_index: int = 0, object_id: int = 7) -> Annotation:
    labels = np.zeros(SIZE, np.uint8)
    labels[10:26, 8 + frame_index : 24 + frame_index] = object_id
    return Annotation(frame_index, labels, (object_id,))


class RecordingSegmenter:
    """Says that every object is where it was; records the calls."""

    canvas = Canvas()
    device = torch.device("cpu")
    precision = torch.float32
    num_memory_bytes = 0

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self._masks = torch.zeros(0)

    def start(self, frame: FrameInput, masks: torch.Tensor) -> None:
        self.calls.append(("start", frame.index))
        self._masks = masks

    def predict(self, frame: FrameInput) -> Prediction:
        assert frame.previous is not None
        self.calls.append(("predict", frame.index))
        return Prediction(self._masks.clamp(0.01, 0.99))

    def aggregate(self, prediction: Prediction) -> torch.Tensor:
        return aggregate(prediction.objects, prediction.background)

    def commit(self, frame: FrameInput, probabilities: torch.Tensor) -> None:
        torch.testing.assert_close(probabilities.sum(dim=0), torch.ones(probabilities.shape[1:]))
        self.calls.append(("commit", frame.index))

    def add(self, frame: FrameInput, masks: torch.Tensor) -> None:
        self.calls.append(("add", frame.index))
        self._masks = masks


def test_one_result_per_frame_and_two_phases() -> None:
    segmenter = RecordingSegmenter()
    results = list(propagate(segmenter, make_frames(3), {0: make_annotation()}))
    assert [result.frame.index for result in results] == [0, 1, 2]
    expected = [("start", 0), ("predict", 1), ("commit", 1), ("predict", 2), ("commit", 2)]
    assert segmenter.calls == expected


def test_ids_are_the_users_and_annotated_frames_verbatim() -> None:
    annotation = make_annotation(object_id=200)
    first, second = propagate(RecordingSegmenter(), make_frames(2), {0: annotation})
    np.testing.assert_array_equal(first.labels, annotation.labels)
    np.testing.assert_array_equal(second.labels, annotation.labels)
    assert first.object_ids == (200,)
    assert first.alpha.shape == (1, *SIZE)
    assert set(np.unique(first.alpha)) == {0.0, 1.0}


def test_corrupt_frames_repeat_the_mask_before() -> None:
    segmenter = RecordingSegmenter()
    results = list(propagate(segmenter, make_frames(3, corrupt=(1,)), {0: make_annotation()}))
    assert results[1].is_repeated
    assert results[1].frame.index == 1
    np.testing.assert_array_equal(results[1].labels, results[0].labels)
    assert ("predict", 1) not in segmenter.calls


def test_corrupt_first_frame_is_still_annotated() -> None:
    results = list(propagate(RecordingSegmenter(), make_frames(2, corrupt=(0,)), {0: make_annotation()}))
    assert results[0].labels.any()


def test_frames_before_the_first_annotation_are_empty() -> None:
    results = list(propagate(RecordingSegmenter(), make_frames(3), {1: make_annotation(1)}))
    assert not results[0].labels.any()
    assert results[0].object_ids == ()
    assert results[1].labels.any()


def test_later_annotation_adds_an_object_and_keeps_the_first() -> None:
    segmenter = RecordingSegmenter()
    added = np.zeros(SIZE, np.uint8)
    added[30:38, 40:50] = 9
    annotations = {0: make_annotation(), 1: Annotation(1, added, (9,))}
    results = list(propagate(segmenter, make_frames(3), annotations))
    assert ("add", 1) in segmenter.calls
    assert results[1].object_ids == (7, 9)
    assert set(np.unique(results[1].labels)) == {0, 7, 9}
    assert set(np.unique(results[2].labels)) == {0, 7, 9}


def test_correction_replaces_the_object_where_it_was_predicted() -> None:
    moved = np.zeros(SIZE, np.uint8)
    moved[30:38, 30:46] = 7
    results = list(
        propagate(RecordingSegmenter(), make_frames(2), {0: make_annotation(), 1: Annotation(1, moved, (7,))})
    )
    np.testing.assert_array_equal(results[1].labels, moved)


def make_segmenter(memory: str = "lfu", every: int = 2) -> MemorySegmenter:
    return MemorySegmenter(
        tiny_network(),
        AttentionReader("l2", 20),
        lambda: build_bank(memory, 2),
        build_write_policy(memory, every),
        torch.device("cpu"),
    )


@pytest.mark.parametrize("memory", MEMORY_NAMES)
def test_real_network_gives_probabilities_with_every_memory(memory: str) -> None:
    results = list(propagate(make_segmenter(memory), make_frames(9), {0: make_annotation()}))
    for result in results:
        assert result.alpha.dtype == np.float32
        assert np.isfinite(result.alpha).all()
        assert 0 <= result.alpha.min() <= result.alpha.max() <= 1


@pytest.mark.parametrize("memory", MEMORY_NAMES)
def test_half_precision_gives_nearly_the_same(memory: str) -> None:
    """As on GPUs; here on the CPU, where it is slow, over a few frames."""
    frames, annotations = make_frames(4), {0: make_annotation()}
    full = list(propagate(make_segmenter(memory, every=1), frames, annotations))
    segmenter = make_segmenter(memory, every=1)
    segmenter.precision = torch.bfloat16
    half = list(propagate(segmenter, frames, annotations))
    for expected, result in zip(full, half, strict=True):
        assert result.alpha.dtype == np.float32
        np.testing.assert_allclose(result.alpha, expected.alpha, atol=0.1)


def test_segmenter_starts_each_clip_anew() -> None:
    segmenter = make_segmenter()
    frames, annotations = make_frames(8), {0: make_annotation()}
    once = [result.alpha for result in propagate(segmenter, frames, annotations)]
    again = [result.alpha for result in propagate(segmenter, frames, annotations)]
    np.testing.assert_array_equal(np.stack(once), np.stack(again))


def test_bytes_of_the_lfu_memory_do_not_grow() -> None:
    segmenter = make_segmenter("lfu")
    sizes = [segmenter.num_memory_bytes for _ in propagate(segmenter, make_frames(25), {0: make_annotation()})]
    assert len(set(sizes)) == 1
    growing = make_segmenter("every-k")
    grown = [growing.num_memory_bytes for _ in propagate(growing, make_frames(25), {0: make_annotation()})]
    assert grown[-1] > 5 * grown[0]


def test_lfu_equals_a_growing_memory_while_there_is_room() -> None:
    frames, annotations = make_frames(5), {0: make_annotation()}
    alphas = [
        np.stack([result.alpha for result in propagate(make_segmenter(memory), frames, annotations)])
        for memory in ("lfu", "every-k")
    ]
    np.testing.assert_allclose(alphas[0], alphas[1], rtol=1e-4, atol=1e-5)


def test_objects_added_to_a_real_memory() -> None:
    added = np.zeros(SIZE, np.uint8)
    added[30:38, 40:50] = 9
    annotations = {0: make_annotation(), 3: Annotation(3, added, (9,))}
    results = list(propagate(make_segmenter(), make_frames(12), annotations))
    assert results[-1].object_ids == (7, 9)
    assert results[-1].alpha.shape[0] == 2


def test_majority_owner_is_the_object_of_most_pixels() -> None:
    masks = torch.zeros(2, 16, 32)
    masks[0, :, :10] = 1.0
    masks[1, :, 22:] = 1.0
    masks[1, :4, 10:16] = 1.0
    assert majority_owner(masks).tolist() == [[0, 1]]
    assert majority_owner(torch.zeros(2, 16, 32)).tolist() == [[-1, -1]]


def test_others_stay_unsure_where_nothing_is_drawn() -> None:
    probabilities = torch.tensor([[[0.2, 0.7]], [[0.5, 0.1]]])
    drawn = torch.tensor([[[1.0, 0.0]], [[0.0, 0.0]]])
    expected = torch.tensor([[[0.0, 0.7]], [[1.0, 0.0]], [[0.0, 0.0]]])
    torch.testing.assert_close(draw_over(probabilities, drawn, [1, 2]), expected)
