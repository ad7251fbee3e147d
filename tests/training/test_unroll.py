"""The unrolled clip against the Segmenter that is used in the end, and what each clip is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import torch
from learning_cases import RECIPE, make_batch, make_generators, make_network, make_recipe
from torch import Tensor

from vostool.models.network import MemoryFeatures
from vostool.propagation.segmenter import FrameInput
from vostool.systems import SYSTEMS, System, make_segmenter
from vostool.training.batch import ClipBatch, FramePrediction
from vostool.training.recipe import Recipe
from vostool.training.unroll import unroll

MEMORY_SYSTEMS = [name for name, system in SYSTEMS.items() if system.defaults is not None]


class Case(NamedTuple):
    system: System
    network: Any


@pytest.fixture(scope="module", params=MEMORY_SYSTEMS)
def case(request: pytest.FixtureRequest) -> Case:
    """Every system with a memory, one after the other."""
    return make_case(request.param)


@pytest.fixture(scope="module")
def lite() -> Case:
    return make_case("lite")


def make_case(name: str) -> Case:
    return Case(SYSTEMS[name], make_network(name))


def run(
    case: Case, batch: ClipBatch, recipe: Recipe = RECIPE, *, progress: float = 0.0, first: int = 0
) -> list[FramePrediction]:
    """Predictions of a batch whose first clip has that number."""
    return unroll(case.network, case.system, batch, recipe, progress, make_generators(len(batch.frames), first))


def probabilities(predictions: list[FramePrediction]) -> Tensor:
    """(B, T-1, K+1, H, W)."""
    return torch.stack([each.logits.softmax(dim=1) for each in predictions], dim=1)


def segment(case: Case, batch: ClipBatch, top_k: int = 0) -> Tensor:
    """(T-1, K+1, H, W) of the only clip, as it is segmented in use with a memory of all frames; 0 reads all of it."""
    segmenter = make_segmenter(
        case.system, case.network, torch.device("cpu"), memory="every-k", memory_every=1, top_k=top_k, pin=False
    )
    previous, results = batch.masks(batch.labels[:, 0]), []
    segmenter.start(FrameInput(0, batch.frames[:, 0]), previous)
    for index in range(1, batch.frames.shape[1]):
        frame = FrameInput(index, batch.frames[:, index], previous)
        results.append(segmenter.aggregate(segmenter.predict(frame)))
        segmenter.commit(frame, results[-1])
        previous = results[-1][1:]
    return torch.stack(results)


@torch.no_grad()
def test_training_predicts_what_use_predicts(case: Case) -> None:
    batch = make_batch(2, num_frames=4)
    predicted, expected = probabilities(run(case, batch))[0], segment(case, batch)
    torch.testing.assert_close(predicted, expected, rtol=0, atol=2e-5)
    assert expected.std(dim=(2, 3)).min() > 1e-3, "flat masks would hide differences"


@torch.no_grad()
def test_a_part_of_the_memory_is_read_where_the_recipe_says_so(lite: Case) -> None:
    batch = make_batch(1)
    found = probabilities(run(lite, batch, replace(RECIPE, top_k=3)))[0]
    torch.testing.assert_close(found, segment(lite, batch, top_k=3), atol=1e-4, rtol=0.0)
    assert not torch.allclose(found, probabilities(run(lite, batch))[0], atol=1e-4)


@torch.no_grad()
def test_clips_of_a_batch_do_not_mix(case: Case) -> None:
    """Nor does it matter that another clip has more objects."""
    batch = make_batch(1, 2)
    together = probabilities(run(case, batch))
    alone = probabilities(run(case, batch.part(slice(0, 1))))
    torch.testing.assert_close(together[:1, :, :2], alone, rtol=0, atol=2e-5)
    assert together[0, :, 2].max() < 1e-6
    other = probabilities(run(case, batch.part(slice(1, 2)), first=1))
    torch.testing.assert_close(together[1:], other, rtol=0, atol=2e-5)


@torch.no_grad()
def test_each_clip_is_told_the_masks_before_by_its_own_luck(lite: Case) -> None:
    batch, recipe = make_batch(1, 2, 1, 2), make_recipe(dropout=0.5)
    together = probabilities(run(lite, batch, recipe))
    for index in range(4):
        alone = probabilities(run(lite, batch.part(slice(index, index + 1)), recipe, first=index))
        torch.testing.assert_close(together[index : index + 1, :, : alone.shape[2]], alone, rtol=0, atol=2e-5)
    always, never = (probabilities(run(lite, batch, make_recipe(dropout=share))) for share in (0.0, 1.0))
    is_told = [(together[:, 0] - each[:, 0]).abs().amax(dim=(1, 2, 3)) < 1e-4 for each in (always, never)]
    assert (is_told[0] ^ is_told[1]).all()
    assert is_told[0].any()
    assert is_told[1].any()


@torch.no_grad()
def test_the_truth_before_is_told_for_a_share_of_the_run(lite: Case) -> None:
    batch, recipe = make_batch(1), make_recipe(truth=0.5)
    other = replace(batch, priors=1 - batch.priors)
    early, late = (
        [probabilities(run(lite, each, recipe, progress=progress)) for each in (batch, other)]
        for progress in (0.4, 0.5)
    )
    assert (early[0] - early[1]).abs().amax(dim=(0, 2, 3, 4)).min() > 1e-3
    assert torch.equal(late[0], late[1])


class Listening:
    """A network that keeps the masks that it is given to remember."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self.masks: list[Tensor] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def encode_memory(self, image: Tensor, features: Any, masks: Tensor, *others: Tensor) -> MemoryFeatures:
        if masks.requires_grad:
            masks.retain_grad()
        self.masks.append(masks)
        return self._network.encode_memory(image, features, masks, *others)


def test_the_last_frame_teaches_the_mask_that_was_remembered_before_it(lite: Case) -> None:
    listening, batch = Listening(lite.network), make_batch(2)
    predictions = unroll(listening, lite.system, batch, make_recipe(dropout=1.0), 0.0, make_generators(1))
    predictions[-1].logits.square().mean().backward()
    first, second = listening.masks
    assert set(first.unique().tolist()) == {0.0, 1.0}
    assert second.grad is not None
    assert second.grad.abs().max() > 0
    assert 0.0 < second.detach().median() < 1.0


@torch.no_grad()
def test_annotated_masks_are_softened_where_the_system_softens_them(case: Case) -> None:
    listening = Listening(case.network)
    unroll(listening, case.system, make_batch(1), RECIPE, 0.0, make_generators(1))
    assert bool((listening.masks[0] > 0).all()) == case.system.conventions.softens_annotations


@torch.no_grad()
def test_only_a_network_with_a_refinement_has_a_stage_before_it(case: Case) -> None:
    for prediction in run(case, make_batch(1, 2)):
        assert prediction.logits.shape == (2, 3, 64, 64)
        assert (prediction.coarse is not None) == (case.system.name == "scm")
        assert prediction.coarse is None or (prediction.coarse - prediction.logits).abs().max() > 0.01
