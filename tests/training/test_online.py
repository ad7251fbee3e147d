"""Fine-tuning on one frame: the given network stays as it is, its copy learns, with and without a memory."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from golden_fill import fill_network
from synthetic_clips import pattern_image
from tiny_network import tiny_network

from vostool.datasets.augmentation import Augmentation
from vostool.datasets.library import Still
from vostool.errors import MaskError, VostoolError
from vostool.systems import find_system
from vostool.training.online import finetune_on_frame
from vostool.training.papers import first_frame
from vostool.training.recipe import Recipe

CPU = torch.device("cpu")
IMAGE = pattern_image(4, 64, 96)
LABELS = np.zeros((64, 96), np.uint8)
LABELS[10:20, 12:22], LABELS[30:55, 50:80] = 5, 2
IMAGE[LABELS == 5], IMAGE[LABELS == 2] = (220, 40, 40), (40, 40, 220)
UNMOVED = Augmentation(
    zoom=(1.0, 1.0), mirror=0.0, degrees=0.0, shear=0.0, scale=1.0, shift=0.0, clip_colour=0.0, frame_colour=0.0
)


def recipe(num_steps: int, learning_rate: float = 1e-5, crop: int = 64) -> Recipe:
    first = first_frame()
    optimiser = replace(first.optimiser, learning_rate=learning_rate)
    return replace(first, num_steps=num_steps, crop=(crop, crop), batch_size=2, optimiser=optimiser)


@cache
def rgmp() -> Any:
    made = find_system("rgmp").make_network({}).eval().requires_grad_(False)
    fill_network(made, 0)
    return made


@pytest.mark.parametrize(("name", "crop"), [("lite", 64), ("rgmp", 32)])
def test_the_copy_changes_and_the_network_does_not(name: str, crop: int) -> None:
    network = rgmp() if name == "rgmp" else tiny_network()
    before = deepcopy(network.state_dict())
    tuned = finetune_on_frame(find_system(name), network, IMAGE, LABELS, CPU, recipe(1, 1e-3, crop))
    assert before.keys() == tuned.state_dict().keys()
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert any(not torch.equal(value, before[key]) for key, value in tuned.state_dict().items())
    for each in (network, tuned):
        assert not each.training
        assert not any(parameter.requires_grad for parameter in each.parameters())


def test_the_loss_on_the_frame_goes_down() -> None:
    """On the frame as it is, over and over."""
    losses: list[float] = []
    numbers = replace(recipe(8, 1e-3, 96), augmentation=UNMOVED, batch_size=1)
    lite = find_system("lite")
    finetune_on_frame(lite, tiny_network(), IMAGE, LABELS, CPU, numbers, lambda done, loss: losses.append(loss))
    assert len(losses) == 8
    assert losses[-1] < 0.3 * losses[0]


def test_the_same_again_is_the_same() -> None:
    first, second = (
        finetune_on_frame(find_system("lite"), tiny_network(), IMAGE, LABELS, CPU, recipe(2, 1e-3)) for _ in range(2)
    )
    assert all(torch.equal(value, second.state_dict()[key]) for key, value in first.state_dict().items())


def test_what_is_frozen_stays() -> None:
    numbers = recipe(1, 1e-3)
    numbers = replace(numbers, optimiser=replace(numbers.optimiser, frozen=("backbone.",)))
    network = tiny_network()
    tuned = finetune_on_frame(find_system("lite"), network, IMAGE, LABELS, CPU, numbers)
    before = dict(network.named_parameters())
    moved = {name for name, value in tuned.named_parameters() if not torch.equal(value, before[name])}
    assert moved
    assert not any(name.startswith("backbone.") for name in moved)


def test_the_frame_is_seen_as_large_as_the_network_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []

    def note(still: Still, *rest: object) -> None:
        seen.extend([tuple(still.image.shape), tuple(torch.unique(still.labels).tolist())])
        raise KeyboardInterrupt

    monkeypatch.setattr("vostool.training.online.FrameClips", note)
    with pytest.raises(KeyboardInterrupt):
        finetune_on_frame(find_system("lite"), tiny_network(), IMAGE, LABELS, CPU, recipe(1), short_side=32)
    assert seen == [(3, 32, 48), (0, 1, 2)]


def test_a_loss_that_is_not_finite_is_told() -> None:
    network = tiny_network()
    next(network.parameters()).data.fill_(float("nan"))
    with pytest.raises(VostoolError, match="at step 1: the loss is nan"):
        finetune_on_frame(find_system("lite"), network, IMAGE, LABELS, CPU, recipe(1))


def test_objects_of_a_few_pixels_are_refused() -> None:
    labels = np.zeros_like(LABELS)
    labels[3, 3] = 1
    with pytest.raises(MaskError, match="too small"):
        finetune_on_frame(find_system("lite"), tiny_network(), IMAGE, labels, CPU, recipe(1))
