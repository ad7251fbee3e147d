"""The module that is trained: its gradients, its shares of a batch, and that all this learns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from learning_cases import make_batch, make_network, make_recipe
from torch import Tensor

from vostool.systems import SYSTEMS
from vostool.training.batch import ClipBatch
from vostool.training.chance import clip_generators
from vostool.training.papers import MAIN_RECIPES
from vostool.training.recipe import Losses, Recipe, Regularisers
from vostool.training.schedule import constant
from vostool.training.trainee import Trainee


@pytest.mark.parametrize("name", SYSTEMS)
def test_gradients_reach_all_of_every_system(name: str) -> None:
    network = make_network(name)
    outcome = Trainee(SYSTEMS[name], network, MAIN_RECIPES[name]())(make_batch(1, 2), 0.95, 0)
    outcome["loss"].backward()
    assert torch.isfinite(outcome["loss"])
    gradients = {key: each.grad for key, each in network.named_parameters() if each.requires_grad}
    missed = [key for key, gradient in gradients.items() if gradient is None or not gradient.any()]
    assert not missed
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values() if gradient is not None)


def test_it_stays_in_evaluation_mode() -> None:
    trainee = Trainee(SYSTEMS["lite"], make_network("lite").train(), make_recipe())
    assert not any(module.training for module in trainee.train().modules())


def gradient(trainee: Trainee, batch: ClipBatch, first_clip: int = 0) -> Tensor:
    """Of all parameters, as one vector."""
    trainee.zero_grad()
    trainee(batch, 0.5, 3, first_clip)["loss"].backward()
    return torch.cat([each.grad.flatten() for each in trainee.parameters() if each.grad is not None])


def test_two_processes_with_half_a_batch_are_one_with_all_of_it() -> None:
    """With everything that draws lots or takes shares."""
    losses = Losses(hard_pixels=constant(0.4), dice=0.5)
    recipe = replace(make_recipe(losses, dropout=0.5), regularisers=Regularisers(0.5, 0.5))
    trainee, batch = Trainee(SYSTEMS["lite"], make_network("lite"), recipe), make_batch(1, 2, 1, 3)
    whole = gradient(trainee, batch)
    first, second = (gradient(trainee, batch.part(slice(start, start + 2)), start) for start in (0, 2))
    assert ((first + second) / 2 - whole).norm() < 1e-4 * whole.norm()
    misplaced = gradient(trainee, batch.part(slice(2, 4)), 0)
    assert (misplaced - second).norm() > 0.01 * second.norm()


def test_a_step_says_the_same_again_and_another_step_something_else() -> None:
    trainee, batch = Trainee(SYSTEMS["lite"], make_network("lite"), make_recipe(dropout=0.5)), make_batch(1, 1, 1)
    first, again, other = (trainee(batch, 0.5, step)["loss"] for step in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_random_numbers_belong_to_the_clip_and_not_to_the_process() -> None:
    whole = [generator.initial_seed() for generator in clip_generators(1, 2, 0, 4)]
    assert whole[2:] == [generator.initial_seed() for generator in clip_generators(1, 2, 2, 2)]
    seeds = {
        generator.initial_seed()
        for seed in range(3)
        for step in range(3)
        for generator in clip_generators(seed, step, 0, 3)
    }
    assert len(seeds) == 27


def test_the_outcome_names_the_terms() -> None:
    recipe = make_recipe(Losses(iou=1.0, coarse=0.5))
    outcome = Trainee(SYSTEMS["scm"], make_network("scm"), recipe)(make_batch(1), 0.0, 0)
    assert outcome.keys() == {"loss", "entropy", "iou", "coarse"}
    expected = outcome["entropy"] + outcome["iou"] + 0.5 * outcome["coarse"]
    torch.testing.assert_close(outcome["loss"], expected)


def region_similarity(trainee: Trainee, batch: ClipBatch) -> float:
    """Mean J of the frames that were not given."""
    with torch.no_grad():
        predictions = trainee.predict(batch, 1.0, 0)
    found = torch.stack([each.logits.argmax(dim=1) for each in predictions], dim=1) > 0
    truth = batch.labels[:, 1:] > 0
    overlap, union = ((found & truth).sum(dim=(2, 3)), (found | truth).sum(dim=(2, 3)))
    return (overlap / union.clamp(min=1)).mean().item()


def moving_block(num_frames: int) -> ClipBatch:
    """A large bright block on noise, on the grid that the networks decode on."""
    batch = make_batch(1, num_frames=num_frames)
    frames, labels = 0.4 * torch.rand(batch.frames.shape, generator=torch.Generator().manual_seed(1)), batch.labels * 0
    for index in range(num_frames):
        place = slice(8 + 4 * index, 48 + 4 * index), slice(4 + 8 * index, 40 + 8 * index)
        labels[(0, index, *place)] = 1
        frames[(0, index, slice(None), *place)] += torch.tensor([0.5, 0.3, 0.1])[:, None, None]
    return ClipBatch(frames, labels, labels)


def learn(name: str, batch: ClipBatch, *, num_steps: int, rate: float) -> tuple[float, float]:
    """J before and after so many steps on one clip, from random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network: Any = SYSTEMS[name].make_network({})
    recipe: Recipe = make_recipe(Losses(dice=0.5))
    trainee = Trainee(SYSTEMS[name], network, recipe)
    optimiser = torch.optim.Adam(trainee.parameters(), rate, fused=True)
    before = region_similarity(trainee, batch)
    for step in range(num_steps):
        # Whole rates from the fifth step on: the first ones would push all masks to where nothing teaches them.
        optimiser.param_groups[0]["lr"] = rate * min(1.0, (step + 1) / 5)
        optimiser.zero_grad()
        trainee(batch, 0.0, step)["loss"].backward()
        optimiser.step()
    return before, region_similarity(trainee, batch)


def test_stcn_learns_a_clip_from_nothing() -> None:
    before, after = learn("stcn", moving_block(2), num_steps=18, rate=3e-4)
    assert before < 0.3
    assert after > 0.9


def test_lite_learns_a_clip() -> None:
    before, after = learn("lite", moving_block(3), num_steps=20, rate=1e-3)
    assert before < 0.3
    assert after > 0.85
