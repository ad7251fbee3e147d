"""RGMP's recurrence against the Segmenter that is used in the end, and what guides each frame."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from learning_cases import RECIPE, make_batch, make_network, make_recipe
from torch import Tensor

from vostool.models.rgmp import GuidedPyramid
from vostool.propagation.segmenter import FrameInput
from vostool.systems import SYSTEMS, make_segmenter
from vostool.training.batch import ClipBatch, FramePrediction
from vostool.training.recurrence import unroll_reference


@pytest.fixture(scope="module")
def network() -> Any:
    return make_network("rgmp")


def probabilities(predictions: list[FramePrediction]) -> Tensor:
    """(B, T-1, K+1, H, W)."""
    return torch.stack([each.logits.softmax(dim=1) for each in predictions], dim=1)


def segment(network: Any, batch: ClipBatch) -> Tensor:
    """(T-1, K+1, H, W) of the only clip, as it is segmented in use at one scale."""
    segmenter = make_segmenter(SYSTEMS["rgmp"], network, torch.device("cpu"), scales=(1.0,))
    previous, results = batch.masks(batch.labels[:, 0]), []
    segmenter.start(FrameInput(0, batch.frames[:, 0]), previous)
    for index in range(1, batch.frames.shape[1]):
        frame = FrameInput(index, batch.frames[:, index], previous)
        results.append(segmenter.aggregate(segmenter.predict(frame)))
        previous = results[-1][1:]
    return torch.stack(results)


@pytest.mark.parametrize("num_objects", [1, 2])
@torch.no_grad()
def test_training_predicts_what_use_predicts(network: Any, num_objects: int) -> None:
    batch = make_batch(num_objects, num_frames=4)
    predicted, expected = probabilities(unroll_reference(network, batch, RECIPE, 0.0))[0], segment(network, batch)
    torch.testing.assert_close(predicted, expected, rtol=0, atol=2e-5)
    assert expected.std(dim=(2, 3)).min() > 1e-3, "flat masks would hide differences"


@torch.no_grad()
def test_clips_of_a_batch_do_not_mix(network: Any) -> None:
    batch = make_batch(1, 2, 1)
    together = probabilities(unroll_reference(network, batch, RECIPE, 0.0))
    for index, count in enumerate((1, 2, 1)):
        alone = probabilities(unroll_reference(network, batch.part(slice(index, index + 1)), RECIPE, 0.0))
        torch.testing.assert_close(together[index : index + 1, :, : count + 1], alone, rtol=0, atol=2e-5)
    assert together[0, :, 2].max() == 0.0


class Listening:
    """A network that keeps the masks that its frames are encoded with."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self.masks: list[Tensor] = []

    def encode(self, image: Tensor, masks: Tensor, image_of_object: Tensor) -> GuidedPyramid:
        if masks.requires_grad:
            masks.retain_grad()
        self.masks.append(masks)
        return self._network.encode(image, masks, image_of_object)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)


def guidance(network: Any, batch: ClipBatch, *, truth: float) -> list[Tensor]:
    listening = Listening(network)
    with torch.no_grad():
        unroll_reference(listening, batch, make_recipe(truth=truth), 0.5)
    return listening.masks


def test_the_truth_guides_the_first_frame_and_for_a_share_of_the_run_all(network: Any) -> None:
    batch = make_batch(1)
    batch = replace(batch, priors=batch.labels.flip(-1))
    truths = [batch.labels[:, 0], batch.priors[:, 1], batch.priors[:, 2]]
    told, alone = guidance(network, batch, truth=0.6), guidance(network, batch, truth=0.5)
    assert all(torch.equal(mask, truth.float()) for mask, truth in zip(told, truths, strict=True))
    assert [torch.equal(mask, truth.float()) for mask, truth in zip(alone, truths, strict=True)] == [True, True, False]


def test_the_last_frame_teaches_the_mask_that_guided_it(network: Any) -> None:
    listening = Listening(network)
    predictions = unroll_reference(listening, make_batch(2), RECIPE, 0.0)
    predictions[-1].logits.square().mean().backward()
    *_, last = listening.masks
    assert last.grad is not None
    assert last.grad.abs().amax(dim=(1, 2)).min() > 0


@torch.no_grad()
def test_every_object_has_its_deep_heads(network: Any) -> None:
    """Those of all objects together are not for training."""
    for prediction in unroll_reference(network, make_batch(1, 2), RECIPE, 0.0):
        assert prediction.coarse is None
        assert [tuple(head.shape) for head in prediction.heads] == [(3, 2, 8, 8), (3, 2, 4, 4), (3, 2, 2, 2)]
