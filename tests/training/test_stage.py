"""The training loop: it learns, goes on bit by bit after a stop, keeps what is frozen, and stops at nonsense."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_network import TINY
from training_cases import TINY_RECIPE, make_mixture

from vostool.models.lite import LiteNetwork
from vostool.systems import find_system, load_network
from vostool.training.average import WeightAverage
from vostool.training.batches import ClipBatch, ClipMixture, draw_batches
from vostool.training.recipes import RECIPES, Recipe
from vostool.training.stage import Stage
from vostool.training.unroll import unroll


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> ClipMixture:
    return make_mixture(tmp_path_factory.mktemp("data"))


def make_network(seed: int = 0) -> LiteNetwork:
    torch.manual_seed(seed)
    return LiteNetwork(TINY)


def first_batch(mixture: ClipMixture) -> ClipBatch:
    return next(draw_batches(mixture, replace(TINY_RECIPE, batch_size=3, second_object=1.0), 0))


def test_unrolled_clip_gives_logits_of_every_later_frame(mixture: ClipMixture) -> None:
    batch = first_batch(mixture)
    predictions = unroll(make_network(), batch, prior_dropout=0.5, generator=torch.Generator().manual_seed(0))
    assert [tuple(each.shape) for each in predictions] == [(3, 3, 48, 48)] * 2
    assert all(torch.isfinite(each).all() for each in predictions)


def test_gradients_flow_through_the_memory(mixture: ClipMixture) -> None:
    """The loss on the last frame reaches the memory encoder and the key projection."""
    network = make_network()
    last = unroll(network, first_batch(mixture), prior_dropout=1.0, generator=torch.Generator())[-1]
    last.square().mean().backward()
    for parameter in (network.mask_stem.layers[0].weight, network.fuser.conv1.weight, network.key_projection.weight):
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0


def test_a_few_steps_on_one_batch_lower_the_loss(mixture: ClipMixture, tmp_path: Path) -> None:
    recipe = replace(TINY_RECIPE, num_steps=30, learning_rate=3e-3, prior_dropout=0.0)
    stage = Stage(make_network(), recipe, tmp_path)
    batch = first_batch(mixture)
    entropies = [stage.train_on(batch)["entropy"] for _ in range(30)]
    assert entropies[-1] < 0.5 * entropies[0]


def test_resumed_run_is_the_run_that_was_not_stopped(mixture: ClipMixture, tmp_path: Path) -> None:
    whole = Stage(make_network(), TINY_RECIPE, tmp_path / "whole")
    whole.run(mixture, save_every=2)
    stopped = Stage(make_network(), TINY_RECIPE, tmp_path / "stopped")
    batches = draw_batches(mixture, TINY_RECIPE, 0)
    for _ in range(2):
        stopped.train_on(next(batches))
        stopped.step += 1
    stopped.save()
    resumed = Stage(make_network(seed=9), TINY_RECIPE, tmp_path / "stopped")
    resumed.resume()
    assert resumed.step == 2
    resumed.run(mixture)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_weights_of_a_run_are_a_checkpoint(mixture: ClipMixture, tmp_path: Path) -> None:
    Stage(make_network(), TINY_RECIPE, tmp_path).run(mixture)
    network = load_network(find_system("lite"), tmp_path / "weights.safetensors")
    assert network.config == TINY
    steps = [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4]


def test_frozen_layers_stay(mixture: ClipMixture, tmp_path: Path) -> None:
    stage = Stage(make_network(), TINY_RECIPE, tmp_path)
    before = {name: value.clone() for name, value in stage.network.state_dict().items()}
    stage.run(mixture)
    after = stage.network.state_dict()
    assert torch.equal(before["backbone.conv1.weight"], after["backbone.conv1.weight"])
    assert not torch.equal(before["backbone.layer3.0.conv1.weight"], after["backbone.layer3.0.conv1.weight"])


def test_nonsense_stops_with_the_step(mixture: ClipMixture, tmp_path: Path) -> None:
    stage = Stage(make_network(), TINY_RECIPE, tmp_path)
    with torch.no_grad():
        stage.network.decoder.predict.bias.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="step 0"):
        stage.train_on(first_batch(mixture))


def test_average_follows_the_weights() -> None:
    network = torch.nn.Linear(1, 1)
    torch.nn.init.zeros_(network.weight)
    average = WeightAverage(network, 0.5)
    torch.nn.init.ones_(network.weight)
    values = []
    for _ in range(60):
        average.update(network)
        values.append(average.weights["weight"].item())
    assert values == sorted(values)
    assert values[0] == pytest.approx(1 - 2 / 11)
    assert values[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_plain_numbers_that_fit(name: str) -> None:
    recipe = RECIPES[name](num_steps=7)
    assert isinstance(recipe, Recipe)
    assert recipe.num_steps == 7
    assert recipe.side % 16 == 0
    assert recipe.video_share + recipe.still_share <= 1
    assert json.loads(json.dumps(recipe.to_dict()))["num_steps"] == 7
