"""Colours of clips: one change for the clip, none where none is asked, and blur along a line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from clip_cases import STEADY

from vostool.datasets.colour import apply_colour_maps, draw_colour_maps, recolour, smear

FRAMES = torch.rand(3, 3, 24, 24, generator=torch.Generator().manual_seed(0))


def test_no_deviation_is_no_change() -> None:
    torch.testing.assert_close(recolour(FRAMES, STEADY, np.random.default_rng(0)), FRAMES)


def test_frames_of_a_clip_change_alike() -> None:
    augmentation = replace(STEADY, clip_colour=0.2)
    maps = draw_colour_maps(3, augmentation, np.random.default_rng(0))
    assert np.array_equal(maps[0], maps[2])
    assert np.abs(maps[0, :, :3] - np.eye(3)).max() > 0.02
    each = draw_colour_maps(3, replace(augmentation, frame_colour=0.02), np.random.default_rng(0))
    assert 0 < np.abs(each[0] - each[2]).max() < 0.3


def test_grey_clips_have_three_equal_channels() -> None:
    grey = recolour(FRAMES, replace(STEADY, grey=1.0), np.random.default_rng(0))
    torch.testing.assert_close(grey[:, 0], grey[:, 1])
    torch.testing.assert_close(grey[:, 0], 0.299 * FRAMES[:, 0] + 0.587 * FRAMES[:, 1] + 0.114 * FRAMES[:, 2])


def test_values_stay_in_range() -> None:
    maps = np.tile(np.column_stack((3 * np.eye(3), [-0.5] * 3)), (3, 1, 1)).astype(np.float32)
    bright = apply_colour_maps(FRAMES, maps)
    assert bright.min() == 0.0
    assert bright.max() == 1.0


def test_smear_averages_along_its_angle() -> None:
    dot = torch.zeros(3, 15, 15)
    dot[:, 7, 7] = 1.0
    across = smear(dot, 5, 0.0)
    torch.testing.assert_close(across[0, 7, 5:10], torch.full((5,), 0.2))
    assert across.sum() == pytest.approx(3.0)
    assert torch.equal(smear(dot, 5, np.pi / 2)[0].T.nonzero(), across[0].nonzero())


def test_blur_comes_as_often_as_asked() -> None:
    always = recolour(FRAMES.clone(), replace(STEADY, blur=1.0), np.random.default_rng(0))
    small = FRAMES.flatten(1).std(dim=1) * 0.99
    # Crops this small are smeared by at most a pixel, which is none.
    assert (always.flatten(1).std(dim=1) > small).all()
    large = torch.rand(2, 3, 96, 96)
    blurred = recolour(large.clone(), replace(STEADY, blur=1.0), np.random.default_rng(0))
    assert (blurred.flatten(1).std(dim=1) < 0.9 * large.flatten(1).std(dim=1)).all()
