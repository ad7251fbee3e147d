"""Validation in memory: which frames and objects count, on a segmenter whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from stage_cases import CPU
from tiny_network import tiny_network
from torch import Tensor

from vostool.datasets.library import VideoClip
from vostool.errors import InputError
from vostool.propagation.aggregate import Prediction, aggregate
from vostool.propagation.preprocess import MIRRORED
from vostool.propagation.segmenter import FrameInput
from vostool.systems import find_system
from vostool.training.validation import first_annotations, predict_clip, validate_clips

SIZE = (32, 48)


class Repeater:
    """Says of every frame what the mask before it was."""

    canvas = MIRRORED
    device = CPU
    precision = torch.float32
    num_memory_bytes = 0

    def __init__(self) -> None:
        self.frames: list[int] = []

    def start(self, frame: FrameInput, masks: Tensor) -> None:
        self.frames = [frame.index]

    def predict(self, frame: FrameInput) -> Prediction:
        self.frames.append(frame.index)
        assert frame.previous is not None
        return Prediction(frame.previous)

    def aggregate(self, prediction: Prediction) -> Tensor:
        return aggregate(prediction.objects)

    def commit(self, frame: FrameInput, probabilities: Tensor) -> None: ...

    def add(self, frame: FrameInput, masks: Tensor) -> None: ...


@pytest.fixture
def repeater(monkeypatch: pytest.MonkeyPatch) -> Repeater:
    segmenter = Repeater()
    monkeypatch.setattr("vostool.training.validation.make_segmenter", lambda *arguments: segmenter)
    return segmenter


def draw(*objects: tuple[int, int]) -> Tensor:
    """Labels with an 8 x 8 square of each (id, column)."""
    labels = torch.zeros(SIZE, dtype=torch.uint8)
    for object_id, column in objects:
        labels[8:16, column : column + 8] = object_id
    return labels


def make_clip(*labels: Tensor | None, name: str = "clip") -> VideoClip:
    return VideoClip(name, tuple(torch.zeros(3, *SIZE, dtype=torch.uint8) for _ in labels), labels)


def test_masks_after_the_given_one_count(repeater: Repeater) -> None:
    """Of a square that moves by 0, 4 and 8 of its 8 columns: J is 1, 1/3 and 0. Frames around the masks are not run."""
    clip = make_clip(None, draw((1, 8)), draw((1, 8)), None, draw((1, 12)), draw((1, 16)), None)
    scores = validate_clips(find_system("lite"), None, [clip], CPU)
    assert scores.sequences[0].name == "clip"
    assert scores.objects[0].regions == pytest.approx((1.0, 1 / 3, 0.0))
    assert repeater.frames == [1, 2, 3, 4, 5]


def test_object_that_comes_later_is_given_where_it_comes(repeater: Repeater) -> None:
    clip = make_clip(draw((2, 0)), draw((2, 0), (5, 20)), draw((2, 0), (5, 24)))
    scores = validate_clips(find_system("lite"), None, [clip], CPU)
    found = {each.object_id: each.regions for each in scores.objects}
    assert found == {2: pytest.approx((1.0, 1.0)), 5: pytest.approx((1 / 3,))}
    given = first_annotations(clip)
    assert {index: each.object_ids for index, each in given.items()} == {0: (2,), 1: (5,)}
    assert set(np.unique(given[1].labels)) == {0, 5}


def test_objects_of_all_clips_count_alike(repeater: Repeater) -> None:
    clips = [make_clip(draw((1, 8)), draw((1, 8)), name="a"), make_clip(draw((1, 8), (2, 30)), draw(), name="b")]
    scores = validate_clips(find_system("lite"), None, clips, CPU)
    assert scores.region.mean == pytest.approx(1 / 3)


def test_clips_without_a_second_mask_are_left_out(repeater: Repeater) -> None:
    lone, usable = make_clip(None, draw((1, 8)), None, name="lone"), make_clip(draw((1, 8)), draw((1, 8)))
    assert len(validate_clips(find_system("lite"), None, [lone, usable], CPU).sequences) == 1
    with pytest.raises(InputError, match=r"no object of the validation clips \(lone\) has a second mask"):
        validate_clips(find_system("lite"), None, [lone], CPU)


def test_real_segmenter_is_run() -> None:
    """The system's own, from the weights that are handed in; predictions are labels of the clip's size."""
    clip = make_clip(draw((1, 8)), draw((1, 8)), draw((1, 8)))
    scores = validate_clips(find_system("lite"), tiny_network(), [clip], CPU, 16)
    assert len(scores.objects[0].regions) == 2
    segmenter = Repeater()
    predictions = predict_clip(segmenter, clip, None)
    assert {index: labels.shape for index, labels in predictions.items()} == dict.fromkeys(range(3), SIZE)
