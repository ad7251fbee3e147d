"""Geometry: never scaled up, multiples of the stride, and the way back."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vostool.propagation.postprocess import to_alpha, to_labels, to_source
from vostool.propagation.preprocess import (
    Canvas,
    clear_border,
    crop_padding,
    plan_geometry,
    preprocess_image,
    preprocess_masks,
)

CPU = torch.device("cpu")
sides = st.integers(1, 300)


@given(sides, sides, st.one_of(st.none(), st.integers(16, 200)))
def test_geometry_invariants(height: int, width: int, short_side: int | None) -> None:
    geometry = plan_geometry((height, width), short_side, Canvas())
    assert all(length % 16 == 0 for length in geometry.padded_size)
    assert all(inner <= outer for inner, outer in zip(geometry.network_size, (height, width), strict=True))
    assert max(geometry.padding) <= 8
    if short_side is None or min(height, width) <= short_side:
        assert geometry.network_size == (height, width)
    else:
        assert min(geometry.network_size) == short_side


@pytest.mark.parametrize("size", [(33, 47), (64, 64), (5, 7), (1, 1), (100, 31)])
def test_padding_is_cropped_away_exactly(size: tuple[int, int]) -> None:
    geometry = plan_geometry(size, None, Canvas())
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    planes = preprocess_image(image, geometry, CPU)
    assert planes.shape == (1, 3, *geometry.padded_size)
    back = (crop_padding(planes, geometry)[0].permute(1, 2, 0) * 255).round().byte().numpy()
    np.testing.assert_array_equal(back, image)


def test_masks_come_back_as_drawn_at_full_size() -> None:
    labels = np.random.default_rng(1).choice(np.array([0, 3, 200], np.uint8), (40, 56))
    geometry = plan_geometry(labels.shape, None, Canvas())
    masks = preprocess_masks(labels, (3, 200), geometry, CPU)
    probabilities = torch.cat([1 - masks.sum(dim=0, keepdim=True), masks])
    at_source = to_source(probabilities, geometry)
    np.testing.assert_array_equal(to_labels(at_source, (3, 200)), labels)
    np.testing.assert_array_equal(to_alpha(at_source)[1], labels == 200)


def test_scaling_down_and_up_keeps_a_disk() -> None:
    rows, columns = np.mgrid[:240, :320]
    labels = ((rows - 120) ** 2 + (columns - 160) ** 2 < 70**2).astype(np.uint8)
    geometry = plan_geometry(labels.shape, 96, Canvas())
    masks = preprocess_masks(labels, (1,), geometry, CPU)
    assert masks.min() >= 0
    assert masks.max() <= 1
    at_source = to_source(torch.cat([1 - masks, masks]), geometry)
    back = to_labels(at_source, (1,))
    overlap = (back & labels).sum() / (back | labels).sum()
    assert overlap > 0.97
    torch.testing.assert_close(at_source.sum(dim=0), torch.ones(240, 320))


def test_read_only_frames_are_taken() -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    image.setflags(write=False)
    assert preprocess_image(image, plan_geometry((32, 32), None, Canvas()), CPU).max() == 0


def test_always_padded_canvas_adds_a_stride_to_what_fits() -> None:
    """RGMP: 480x854 becomes 512x864, 864 wide becomes 896."""
    canvas = Canvas(stride=32, fill="black", always_pads=True)
    assert plan_geometry((480, 854), None, canvas).padded_size == (512, 864)
    assert plan_geometry((480, 864), None, canvas).padded_size == (512, 896)


@pytest.mark.parametrize(("fill", "expected"), [("black", (0.0, 0.0, 0.0)), ("mean", (0.485, 0.456, 0.406))])
def test_what_lies_beside_the_picture(fill: Literal["black", "mean"], expected: tuple[float, ...]) -> None:
    geometry = plan_geometry((20, 29), None, Canvas(fill=fill))
    assert geometry.padding == (1, 2, 6, 6)
    image = preprocess_image(np.full((20, 29, 3), 255, np.uint8), geometry, CPU)[0]
    torch.testing.assert_close(crop_padding(image, geometry), torch.ones(3, 20, 29))
    for row, column in ((0, 5), (31, 5), (10, 0), (10, 31)):
        torch.testing.assert_close(image[:, row, column], torch.tensor(expected))
    masks = preprocess_masks(np.ones((20, 29), np.uint8), (1,), geometry, CPU)
    torch.testing.assert_close(masks, clear_border(torch.ones(1, 32, 32), geometry))
    assert masks.sum() == 20 * 29
