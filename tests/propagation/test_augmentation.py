"""Augmented Segmenters: flipping the source flips the answer, and every view sees what it should."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from segmenter_cases import CANVASES, KnownSegmenter, flip_frames, follow, make_frames, make_member
from tiny_network import tiny_network

from vostool.errors import UsageError
from vostool.propagation.augmentation import FlippedSegmenter, augment, check_scales, flip_framed, settle
from vostool.propagation.preprocess import Canvas, Geometry, fit_image, fit_masks, plan_geometry, preprocess_image
from vostool.propagation.segmenter import FrameInput

# Padding left and right: even, 2 and 3, none, and more than half of a picture, which repeats its edge.
SIZES = [(40, 56), (37, 59), (48, 64)]
GEOMETRIES = [
    plan_geometry(size, None, canvas)
    for size, canvas in itertools.product([*SIZES, (37, 33), (5, 3)], CANVASES.values())
]


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_flip_of_a_framed_source_is_the_flipped_source_framed(geometry: Geometry) -> None:
    image, masks = torch.rand(1, 3, *geometry.source_size), torch.rand(2, *geometry.source_size)
    framed = flip_framed(fit_image(image, geometry)[0], geometry)
    assert torch.equal(framed, fit_image(image.flip(-1), geometry)[0])
    assert torch.equal(flip_framed(fit_masks(masks, geometry), geometry), fit_masks(masks.flip(-1), geometry))


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_flip_is_its_own_inverse_and_keeps_what_lies_beside(geometry: Geometry) -> None:
    planes = torch.rand(2, *geometry.padded_size)
    settled = settle(planes, geometry)
    assert torch.equal(flip_framed(flip_framed(planes, geometry), geometry), settled)
    assert torch.equal(settle(settled, geometry), settled)
    assert (settled != planes).any(dim=(0, 1)).sum() <= 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("canvas", CANVASES.values(), ids=CANVASES)
def test_flipped_source_gives_the_flipped_answer(canvas: Canvas, size: tuple[int, int]) -> None:
    network = tiny_network()
    segmenter = augment(lambda: make_member(canvas, network), flip=True)
    expected, mirrored = follow(segmenter, size), follow(segmenter, size, flip=True)
    assert expected[-1].shape == (2, *size)
    for here, there in zip(expected, mirrored, strict=True):
        np.testing.assert_allclose(there[:, :, ::-1], here, atol=1e-6)


def test_flipped_source_gives_the_flipped_answer_at_all_scales() -> None:
    network = tiny_network()
    segmenter = augment(lambda: make_member(Canvas(), network), flip=True, scales=(0.75, 1.0))
    for here, there in zip(follow(segmenter, (37, 59)), follow(segmenter, (37, 59), flip=True), strict=True):
        np.testing.assert_allclose(there[:, :, ::-1], here, atol=1e-6)


@pytest.mark.parametrize("canvas", CANVASES.values(), ids=CANVASES)
def test_without_the_flipped_view_the_answers_differ(canvas: Canvas) -> None:
    segmenter = make_member(canvas)
    here, there = follow(segmenter, (37, 59))[-1], follow(segmenter, (37, 59), flip=True)[-1]
    assert np.abs(there[:, :, ::-1] - here).max() > 1e-3


@pytest.mark.parametrize("scales", [(), (1.0,), (1.0, 1.0)])
def test_one_view_is_the_member_itself(scales: tuple[float, ...]) -> None:
    member = make_member(Canvas())
    assert augment(lambda: member, flip=False, scales=scales) is member


@pytest.mark.parametrize("canvas", CANVASES.values(), ids=CANVASES)
def test_flipped_member_sees_the_mirrored_source(canvas: Canvas) -> None:
    member, size = KnownSegmenter(canvas), (37, 59)
    follow(FlippedSegmenter(member), size)
    geometry = plan_geometry(size, None, canvas)
    for frame, source in zip(member.frames, flip_frames(make_frames(size)), strict=True):
        assert torch.equal(frame.image, preprocess_image(source.image, geometry, member.device))
        assert frame.padding == geometry.padding


def test_every_view_has_its_size_and_a_memory_of_its_own() -> None:
    """37x59 at 0.75 is 28x44."""
    members: list[KnownSegmenter] = []

    def make() -> KnownSegmenter:
        members.append(KnownSegmenter(Canvas()))
        return members[-1]

    segmenter = augment(make, flip=True, scales=(0.75, 1.0))
    follow(segmenter, (37, 59))
    assert [tuple(each.frames[-1].image.shape[2:]) for each in members] == [(32, 48)] * 2 + [(48, 64)] * 2
    assert [each.frames[-1].padding for each in members] == [(2, 2, 2, 2)] * 2 + [(2, 3, 5, 6)] * 2
    assert segmenter.num_memory_bytes == sum(each.num_memory_bytes for each in members)
    for each in members:
        assert [len(masks) for masks in each.masks] == [1, 1, 2, 2, 2]
        assert len(each.committed) == 3
        torch.testing.assert_close(each.committed[-1].sum(dim=0), torch.ones(each.committed[-1].shape[1:]))


def test_views_of_a_real_network_remember_each() -> None:
    network = tiny_network()
    alone, both = make_member(Canvas(), network), augment(lambda: make_member(Canvas(), network), flip=True)
    follow(alone, (37, 59))
    follow(both, (37, 59))
    assert both.num_memory_bytes == 2 * alone.num_memory_bytes > 0


@pytest.mark.parametrize("canvas", CANVASES.values(), ids=CANVASES)
@pytest.mark.parametrize("flip", [False, True])
def test_what_is_known_survives_every_view(canvas: Canvas, flip: bool) -> None:
    """Every view repeats what it was given, here a mask that is the same along each row."""
    segmenter = augment(lambda: KnownSegmenter(canvas, has_background=True), flip=flip, scales=(0.5, 1.0, 1.5))
    geometry = plan_geometry((37, 59), None, canvas)
    masks = fit_masks(torch.linspace(0, 1, 37)[None, :, None].expand(1, 37, 59), geometry)
    frame = FrameInput(0, torch.rand(1, 3, *geometry.padded_size), masks, geometry.padding)
    segmenter.start(frame, masks)
    said = segmenter.predict(frame)
    assert said.background is not None
    torch.testing.assert_close(said.objects, 0.8 * masks, atol=0.02, rtol=0)
    torch.testing.assert_close(said.background, 1 - said.objects[0])


def test_the_same_twice() -> None:
    network = tiny_network()
    segmenter = augment(lambda: make_member(Canvas(), network), flip=True, scales=(0.75, 1.0))
    for once, again in zip(follow(segmenter, (37, 59)), follow(segmenter, (37, 59)), strict=True):
        np.testing.assert_array_equal(again, once)


@pytest.mark.parametrize("scales", [(0.0,), (0.75, -1.0), (float("nan"),), (float("inf"),), (100.0,)])
def test_senseless_scales_are_refused(scales: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match=r"--scales .*; give factors above 0 and up to 4, such as 0\.75,1\.0"):
        check_scales(scales)


def test_scales_count_once_and_in_order() -> None:
    assert check_scales((1.0, 0.75, 1.0)) == (1.0, 0.75)
    assert check_scales(()) == (1.0,)
