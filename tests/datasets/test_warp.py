"""Sampling: pixels land where the matrices say, masks with them, and reading a part of a source changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from clip_cases import make_labels, paint

from vostool.datasets.warp import Sampler, Warp, displace, linear, place, translation

CPU = torch.device("cpu")
SIZE = (80, 120)


def warp_of(*matrices: np.ndarray, size: tuple[int, int] = SIZE, bends: np.ndarray | None = None) -> Warp:
    return Warp(np.stack(matrices), size, bends)


def test_nothing_changes_without_motion() -> None:
    labels = make_labels(10)
    sampler = Sampler(warp_of(np.eye(3)), SIZE, CPU)
    assert torch.equal(sampler.masks((labels,))[0], labels)
    torch.testing.assert_close(sampler.pictures((paint(labels),))[0], paint(labels) / 255.0, atol=1e-4, rtol=0)


def test_translation_moves_picture_and_mask() -> None:
    labels = make_labels(10)
    sampler = Sampler(warp_of(translation(7, -4)), SIZE, CPU)
    assert torch.equal(sampler.masks((labels,))[0, :-4, 7:], labels[4:, :-7])
    moved = sampler.pictures((paint(labels),))[0, :, :-4, 7:]
    torch.testing.assert_close(moved, paint(labels)[:, 4:, :-7] / 255.0, atol=1e-4, rtol=0)


def test_one_source_serves_all_frames_as_a_source_for_each() -> None:
    labels = make_labels(10)
    warp = warp_of(np.eye(3), translation(3, 2), linear(0.2, 1.1, 0.9, 0.1))
    one, each = Sampler(warp, SIZE, CPU), Sampler(warp, SIZE, CPU)
    torch.testing.assert_close(one.pictures((paint(labels),)), each.pictures((paint(labels),) * 3))
    assert torch.equal(one.masks((labels,)), each.masks((labels,) * 3))


def test_mirror_images_lie_beyond_the_border() -> None:
    ramp = torch.arange(12, dtype=torch.uint8).expand(8, -1).contiguous()
    sampler = Sampler(warp_of(translation(3, 0), size=(8, 12)), (8, 12), CPU)
    assert sampler.masks((ramp,))[0, 0].tolist() == [2, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
    values = sampler.pictures((ramp[None],))[0, 0, 0] * 255
    torch.testing.assert_close(values, torch.tensor([2.0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]), atol=1e-3, rtol=0)
    assert sampler.inside()[0, 0].tolist() == [False] * 3 + [True] * 9


def test_scale_follows_pixel_areas() -> None:
    """Half the size: each pixel is the mean of four, also where the source is odd."""
    picture = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 21, 31), dtype=np.uint8))
    shrunk = Sampler(warp_of(linear(0, 0.5, 0.5, 0), size=(10, 15)), (21, 31), CPU).pictures((picture,))[0]
    means = picture[:, :20, :30].float().unflatten(1, (10, 2)).unflatten(3, (15, 2)).mean(dim=(2, 4)) / 255.0
    torch.testing.assert_close(shrunk, means, atol=1e-4, rtol=0)


@pytest.mark.parametrize("seed", range(6))
def test_a_part_of_the_source_is_enough(seed: int) -> None:
    """Only the region in reach is converted; a plain sampling of the whole source says the same."""
    generator = np.random.default_rng(seed)
    base = place(linear(generator.uniform(-3, 3), generator.uniform(0.7, 3), 2.0, 0.2),
                 source=tuple(generator.uniform(0, 90, 2)), target=(16, 12))  # fmt: skip
    bends = generator.normal(0, 1.5, (2, 2, 5, 5))
    warp = Warp(np.stack([base, translation(2, 3) @ base]), (24, 32), bends)
    picture = torch.from_numpy(generator.integers(0, 256, (3, 80, 120), dtype=np.uint8))
    points = warp.origins(CPU)
    grid = points * torch.tensor([2 / 120, 2 / 80]) - 1
    whole = torch.nn.functional.grid_sample(
        picture[None].expand(2, -1, -1, -1).float() / 255, grid, padding_mode="reflection", align_corners=False
    )
    torch.testing.assert_close(Sampler(warp, (80, 120), CPU).pictures((picture,)), whole, atol=2e-3, rtol=0)


def test_bends_are_smooth_and_as_large_as_their_points() -> None:
    bends = np.zeros((1, 2, 5, 5))
    bends[0, 0, 2, 2] = 4.0
    shifts = Warp(np.eye(3)[None], (65, 65), bends).origins(CPU) - Warp(np.eye(3)[None], (65, 65)).origins(CPU)
    assert shifts[0, 32, 32, 0] == pytest.approx(4.0, abs=1e-3)
    assert shifts[0, :, :, 1].abs().max() == 0
    assert shifts[0].diff(dim=0).abs().max() < 0.5
    assert shifts[0, ::64, ::64].abs().max() < 1e-3


def test_displace_moves_each_mask_by_its_own_map() -> None:
    masks = torch.stack([make_labels(10), make_labels(30)])
    moved = displace(masks, warp_of(translation(5, 0), np.eye(3)))
    assert torch.equal(moved[0, :, 5:], masks[0, :, :-5])
    assert torch.equal(moved[1], masks[1])
