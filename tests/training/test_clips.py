"""Clips: held-out sequences stay out, masks move with their pictures, draws can be repeated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training_cases import TINY_RECIPE, make_mixture, save_training_data

from vostool.datasets.clips import TrainingClip, VideoSource, paste_object
from vostool.datasets.layout import VALIDATION_SEQUENCES
from vostool.datasets.pictures import choose_object
from vostool.training.batches import ClipMixture, collate, draw_batches
from vostool.training.sources import load_mixture


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> ClipMixture:
    return make_mixture(tmp_path_factory.mktemp("data"))


def test_held_out_sequences_are_never_loaded(tmp_path: Path) -> None:
    root = save_training_data(tmp_path)
    (root / "davis2016-train" / "JPEGImages" / "held").rename(root / "davis2016-train" / "JPEGImages" / "bus")
    (root / "davis2016-train" / "Annotations" / "held").rename(root / "davis2016-train" / "Annotations" / "bus")
    assert "bus" in VALIDATION_SEQUENCES
    video = load_mixture(root, TINY_RECIPE.zoom).video
    assert isinstance(video, VideoSource)
    assert len(video.sequences) == 1


@pytest.mark.parametrize("name", ["video", "still", "composite"])
def test_sources_draw_whole_clips(mixture: ClipMixture, name: str) -> None:
    clip = getattr(mixture, name).draw(np.random.default_rng(3), 3, 48, 2)
    assert clip.frames.shape == (3, 48, 48, 3)
    assert clip.frames.dtype == clip.labels.dtype == np.uint8
    assert set(np.unique(clip.labels)) <= {0, 1}


def test_mask_moves_with_its_picture(mixture: ClipMixture) -> None:
    """The sequence's object is bright on dark noise, so its mask can be told from the picture."""
    for seed in range(8):
        clip = mixture.video.draw(np.random.default_rng(seed), 3, 64, 3)
        is_bright = clip.frames[..., 0] > 155
        assert np.mean(is_bright == (clip.labels == 1)) > 0.97


def test_pasted_object_hides_what_is_below(mixture: ClipMixture) -> None:
    below = TrainingClip(np.zeros((2, 48, 48, 3), np.uint8), np.ones((2, 48, 48), np.uint8))
    clip = paste_object(below, mixture.pasted, np.random.default_rng(0), object_id=2, share=(0.5, 0.6))
    pasted = clip.labels == 2
    assert pasted[0].any()
    assert clip.frames[pasted].any()
    assert not clip.frames[clip.labels == 1].any() or clip.frames[clip.labels == 1].mean() < 20
    assert not below.frames.any()


def test_choose_object_wants_usable_sizes() -> None:
    labels = np.zeros((20, 20), np.uint8)
    labels[0, 0] = 1
    assert choose_object(labels, np.random.default_rng(0)) is None
    labels[5:12, 5:12] = 4
    chosen = choose_object(labels, np.random.default_rng(0))
    assert chosen is not None
    assert chosen.sum() == 49


def test_batches_can_be_drawn_again_from_any_step(mixture: ClipMixture) -> None:
    whole = list(draw_batches(mixture, TINY_RECIPE, 0))
    rest = list(draw_batches(mixture, TINY_RECIPE, 2))
    assert len(whole) == 4
    assert len(rest) == 2
    assert torch.equal(whole[2].frames, rest[0].frames)
    assert torch.equal(whole[3].labels, rest[1].labels)


def test_collate_pairs_objects_with_their_clips() -> None:
    labels = np.zeros((3, 2, 32, 32), np.uint8)
    labels[:, :, :8, :8] = 1
    labels[1, :, 16:24] = 2
    labels[2, 1, 16:24] = 2
    batch = collate([TrainingClip(np.zeros((2, 32, 32, 3), np.uint8), each) for each in labels])
    assert batch.image_of_object.tolist() == [0, 1, 1, 2]
    assert batch.object_ids.tolist() == [1, 1, 2, 1]
    assert batch.first_masks.sum(dim=(1, 2)).tolist() == [64, 64, 256, 64]
    assert not (batch.labels[2] == 2).any(), "an object that the first frame does not show is background"


def test_second_objects_come_as_often_as_asked(mixture: ClipMixture) -> None:
    for share, expected in ((0.0, {1}), (1.0, {2})):
        recipe = replace(TINY_RECIPE, second_object=share)
        clips = [mixture.draw(np.random.default_rng(seed), recipe, 0.5) for seed in range(6)]
        highest = {int(clip.labels.max()) for clip in clips}
        assert highest == expected
