"""The clips of a run: shares, gaps that follow the run, and the same clip wherever and whenever it is drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch
from clip_cases import MOVING, make_library

from vostool.datasets.library import Library
from vostool.errors import InputError
from vostool.training.drawing import ClipMixture
from vostool.training.papers import RECIPES
from vostool.training.recipe import Recipe, Sources
from vostool.training.schedule import linear

LIBRARY = make_library()
RECIPE = Recipe(
    "tiny", "lite", "here", num_steps=10, batch_size=4, crop=(48, 64), max_gap=linear(1, 5), augmentation=MOVING,
    sources=Sources(0.25, 0.25, 0.25, 0.25), seed=3,
)  # fmt: skip


def kind_of(name: str) -> str:
    return next(kind for kind in ("frames", "frame", "pasted", "still") if kind in name)


def test_batches_hold_the_clips_of_their_step() -> None:
    mixture = ClipMixture(LIBRARY, RECIPE)
    batch = mixture.draw_batch(2)
    assert batch.frames.shape == (4, 3, 3, 48, 64)
    assert batch.labels.shape == batch.priors.shape == (4, 3, 48, 64)
    assert len(batch.names) == 4
    clip = mixture.draw_clip(2, 1)
    assert torch.equal(batch.frames[1], clip.frames)
    assert batch.names[1] == clip.name
    assert (batch.num_objects >= 1).all()


def test_processes_share_a_batch_without_a_word() -> None:
    """Another mixture, which drew other things before, has the same clips."""
    whole = ClipMixture(LIBRARY, RECIPE).draw_batch(7)
    other = ClipMixture(LIBRARY, RECIPE)
    other.draw_batch(1)
    part = other.draw_batch(7, slice(2, 4))
    assert torch.equal(part.frames, whole.frames[2:])
    assert torch.equal(part.labels, whole.labels[2:])
    assert torch.equal(part.priors, whole.priors[2:])


def test_steps_and_seeds_have_clips_of_their_own() -> None:
    mixture = ClipMixture(LIBRARY, RECIPE)
    reseeded = ClipMixture(LIBRARY, replace(RECIPE, seed=4))
    clips = [mixture.draw_clip(0, 0), mixture.draw_clip(0, 1), mixture.draw_clip(1, 0), reseeded.draw_clip(0, 0)]
    assert not any(torch.equal(clips[0].frames, clip.frames) for clip in clips[1:])


def test_sources_come_in_their_shares() -> None:
    recipe = replace(RECIPE, sources=Sources(video=0.6, still=0.4), crop=(16, 16), num_frames=2)
    mixture = ClipMixture(LIBRARY, recipe)
    counts = Counter(kind_of(mixture.draw_clip(0, index).name) for index in range(120))
    assert set(counts) == {"frames", "still"}
    assert 50 < counts["frames"] < 95


def test_shares_of_missing_sources_fall_to_the_others() -> None:
    mixture = ClipMixture(Library(videos=LIBRARY.videos), RECIPE)
    assert {kind_of(mixture.draw_clip(0, index).name) for index in range(12)} == {"frames", "frame"}


def test_a_library_without_any_source_is_told() -> None:
    with pytest.raises(InputError, match="nothing to draw from for recipe tiny, which asks for: composite"):
        ClipMixture(Library(videos=LIBRARY.videos), replace(RECIPE, sources=Sources(composite=1.0)))


def test_gaps_follow_the_run() -> None:
    mixture = ClipMixture(LIBRARY, RECIPE)
    assert [mixture.shape_at(step).max_gap for step in (0, 5, 10)] == [1, 3, 5]
    assert (mixture.shape_at(0).height, mixture.shape_at(0).width) == (48, 64)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_can_be_drawn(name: str) -> None:
    recipe = replace(RECIPES[name](), crop=(48, 48))
    clip = ClipMixture(LIBRARY, recipe).draw_clip(recipe.num_steps // 2, 0)
    assert clip.frames.shape == (recipe.num_frames, 3, 48, 48)
    assert 1 <= clip.num_objects <= recipe.max_objects
