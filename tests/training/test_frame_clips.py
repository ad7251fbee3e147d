"""Clips imagined from one frame: what they show agrees with their labels, and the objects move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from vostool.datasets.augmentation import Augmentation, ClipShape
from vostool.datasets.library import Still
from vostool.training.frame_clips import FrameClips, keep_visible, paint_out

SHAPE = ClipShape(num_frames=3, height=48, width=64, max_objects=4)
STILL = Augmentation(
    zoom=(1.0, 1.0), mirror=0.0, degrees=0.0, shear=0.0, scale=1.0, shift=0.0, clip_colour=0.0, frame_colour=0.0,
    grey=0.0,
)  # fmt: skip
MOVING = replace(STILL, mirror=0.5, degrees=20.0, shear=10.0, scale=1.2, shift=0.1, bend=0.5)
COLOURS = torch.tensor([[50, 80, 100], [230, 25, 25], [25, 230, 25]], dtype=torch.uint8)


def make_still(height: int = 60, width: int = 90) -> Still:
    """One colour for the background and each of two objects, so that a pixel tells what it is of."""
    labels = torch.zeros((height, width), dtype=torch.uint8)
    labels[10:30, 15:40], labels[25:55, 45:75] = 1, 2
    return Still("two", COLOURS[labels.long()].permute(2, 0, 1).contiguous(), labels)


def generators(count: int) -> list[np.random.Generator]:
    return [np.random.default_rng((7, index)) for index in range(count)]


def test_shapes_and_ids() -> None:
    batch = FrameClips(make_still(), MOVING, SHAPE).draw_batch(generators(6))
    assert batch.frames.shape == (6, 3, 3, 48, 64)
    assert batch.labels.shape == batch.priors.shape == (6, 3, 48, 64)
    assert batch.frames.dtype == torch.float32
    assert 0.0 <= batch.frames.min() <= batch.frames.max() <= 1.0
    for labels in batch.labels:
        assert torch.unique(labels[0][labels[0] > 0]).tolist() == list(range(1, int(labels.max()) + 1))
    assert torch.equal(batch.priors[:, 1:], batch.labels[:, :-1])
    assert batch.names == ("two",) * 6


def test_labels_lie_on_what_is_shown() -> None:
    """The colour nearest to a pixel's is that of its label, but for the edges."""
    clips = FrameClips(make_still(), MOVING, replace(SHAPE, max_objects=2))
    agreeing, moved = [], 0
    for generator in generators(12):
        frames, labels = clips._draw(generator)
        nearest = (frames[:, None] - COLOURS[None, :, :, None, None] / 255).square().sum(dim=2).argmin(dim=1)
        agreeing.append((nearest == labels).float().mean().item())
        moved += int(not torch.equal(labels[0], labels[2]))
    assert min(agreeing) > 0.9
    assert np.mean(agreeing) > 0.96
    assert moved == 12


def test_without_motion_the_frame_is_cut_out_as_it_is() -> None:
    """Painted out and put back, or left alone: the same picture in every frame."""
    clips = FrameClips(make_still(), STILL, SHAPE)
    for frames, labels in (clips._draw(generator) for generator in generators(6)):
        shown = COLOURS[labels].permute(0, 3, 1, 2) / 255
        assert torch.equal(labels[0], labels[2])
        assert ((frames - shown).abs().amax(dim=1) > 0.2).float().mean() < 0.05


def test_an_object_cut_by_the_border_has_no_mirror_image() -> None:
    """Moved inwards on its own, it stays one piece of about its own size."""
    labels = torch.zeros((60, 90), dtype=torch.uint8)
    labels[20:40, :12] = 1
    clips = FrameClips(Still("cut", COLOURS[labels.long()].permute(2, 0, 1), labels), replace(STILL, shift=0.2), SHAPE)
    moved = [clips._draw_apart(each, np.eye(3), None, [1])[1] for each in generators(12)]
    areas = [int(each.sum()) for clip in moved for each in clip]
    assert max(areas) <= 1.1 * int(labels.sum())
    assert any(clip[2, :, 0].sum() == 0 for clip in moved)


def test_objects_move_apart_and_all_together() -> None:
    """In some clips the distance between the objects changes, in others it stays."""
    numbers = replace(STILL, shift=0.1, shake=0.0)
    clips = FrameClips(make_still(), numbers, replace(SHAPE, height=60, width=90))
    changes = []
    for generator in generators(12):
        _, labels = clips._draw(generator)
        middles = [[torch.nonzero(each == number).float().mean(dim=0) for number in (1, 2)] for each in labels]
        distances = [float((first - second).norm()) for first, second in middles]
        changes.append(max(distances) - min(distances))
    assert min(changes) < 1.0
    assert max(changes) > 3.0


def test_painting_out_leaves_nothing_of_the_objects() -> None:
    still = make_still()
    empty = paint_out(still)
    assert (empty.int() - COLOURS[0].int()[:, None, None]).abs().max() <= 5
    assert torch.equal(empty[:, :, 85:], still.image[:, :, 85:])


def test_objects_that_are_gone_or_too_many_become_background() -> None:
    labels = torch.zeros((2, 20, 20), dtype=torch.int64)
    labels[0, :10, :5], labels[0, 10:, :4], labels[0, :8, 10:13], labels[0, 19, 19] = 3, 7, 4, 5
    labels[1, 0, :] = torch.arange(20) % 9
    kept = keep_visible(labels, max_objects=2)
    assert torch.equal(kept[0] == 1, labels[0] == 3)
    assert torch.equal(kept[0] == 2, labels[0] == 7)
    assert torch.equal(kept[1] == 1, labels[1] == 3)
    assert kept.max() == 2
    assert not keep_visible(labels * 0, 2).any()


@pytest.mark.parametrize("size", [(20, 30), (48, 200), (300, 64)])
def test_frames_that_do_not_fill_the_crop_are_enlarged(size: tuple[int, int]) -> None:
    height, width = size
    labels = torch.zeros(size, dtype=torch.uint8)
    labels[height // 4 : height // 2, width // 4 : width // 2] = 1
    still = Still("small", torch.zeros((3, height, width), dtype=torch.uint8), labels)
    batch = FrameClips(still, MOVING, SHAPE).draw_batch(generators(3))
    assert batch.num_objects.tolist() == [1, 1, 1]
