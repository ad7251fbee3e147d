"""Ensembles against what their members say alone, and members that see another canvas."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from segmenter_cases import CANVASES, KnownSegmenter, follow, make_frames, make_member
from tiny_network import tiny_network

from vostool.propagation.aggregate import Prediction, aggregate
from vostool.propagation.ensemble import EnsembleSegmenter, ReframedSegmenter, ensemble, reframe
from vostool.propagation.preprocess import Canvas, clear_border, plan_geometry, preprocess_image
from vostool.propagation.segmenter import FrameInput, Segmenter

SIZE = (37, 59)
canvas_pairs = pytest.mark.parametrize(("outer", "inner"), list(itertools.permutations(CANVASES, 2)))
canvases = pytest.mark.parametrize("canvas", CANVASES.values(), ids=CANVASES)


def frame_on(canvas: Canvas, masks: torch.Tensor | None = None) -> tuple[FrameInput, torch.Tensor]:
    """A frame whose previous masks, of two objects, are given too."""
    geometry = plan_geometry(SIZE, None, canvas)
    masks = 0.5 * torch.rand(2, *geometry.padded_size) if masks is None else masks
    return FrameInput(1, torch.rand(1, 3, *geometry.padded_size), masks, geometry.padding), masks


@canvases
def test_ensemble_of_one_is_its_member(canvas: Canvas) -> None:
    member = make_member(canvas)
    expected, result = follow(member, SIZE), follow(EnsembleSegmenter([member]), SIZE)
    for here, there in zip(expected, result, strict=True):
        np.testing.assert_array_equal(there, here)
    assert ensemble([member]) is member


@canvases
def test_equal_members_are_as_one(canvas: Canvas) -> None:
    expected = follow(make_member(canvas), SIZE)
    for here, there in zip(expected, follow(ensemble([make_member(canvas), make_member(canvas)]), SIZE), strict=True):
        np.testing.assert_allclose(there, here, atol=1e-6)


def test_other_networks_count() -> None:
    other = make_member(Canvas(), tiny_network(seed=1))
    alone, both = follow(make_member(Canvas()), SIZE)[-1], follow(ensemble([make_member(Canvas()), other]), SIZE)[-1]
    assert np.abs(both - alone).max() > 1e-3


def test_mean_is_aggregated_once_and_committed_to_all() -> None:
    """Of 0.9 and 0.5 the mean is 0.7, against 0.3 of the background: 0.7 / 0.3 to 0.3 / 0.7."""
    members = [KnownSegmenter(Canvas(), sureness) for sureness in (0.9, 0.5)]
    alphas = follow(ensemble(members), SIZE)
    odds = 0.7 / 0.3
    assert alphas[1][0, 15, 15] == pytest.approx(odds / (odds + 1 / odds), abs=1e-5)
    assert members[0].committed[0][1, 20, 17] == pytest.approx(odds / (odds + 1 / odds), abs=1e-5)
    assert len(members[0].committed) == 3
    for first, second in zip(members[0].committed, members[1].committed, strict=True):
        assert torch.equal(first, second)


def test_all_members_are_given_all_masks() -> None:
    members = [KnownSegmenter(Canvas(), sureness) for sureness in (0.9, 0.5)]
    segmenter = ensemble(members)
    follow(segmenter, SIZE)
    for first, second in zip(members[0].masks, members[1].masks, strict=True):
        assert torch.equal(first, second)
    assert len(members[0].masks[-1]) == 2
    assert segmenter.num_memory_bytes == 2 * members[0].num_memory_bytes > 0


def test_first_member_aggregates() -> None:
    class Loud(KnownSegmenter):
        def aggregate(self, prediction: Prediction) -> torch.Tensor:
            return aggregate(prediction.objects, min_channels=11) * 2

    prediction = Prediction(torch.full((1, 2, 2), 0.5))
    loud, plain = Loud(Canvas()), KnownSegmenter(Canvas())
    assert torch.equal(ensemble([loud, plain]).aggregate(prediction), loud.aggregate(prediction))
    assert torch.equal(ensemble([plain, loud]).aggregate(prediction), plain.aggregate(prediction))


@pytest.mark.parametrize("has_background", [(True, True), (True, False)])
def test_background_is_averaged_where_all_predict_it(has_background: tuple[bool, bool]) -> None:
    frame, masks = frame_on(Canvas())
    members = [KnownSegmenter(Canvas(), 0.8, has_background=each) for each in has_background]
    segmenter = ensemble(members)
    segmenter.start(frame, masks)
    said = segmenter.predict(frame)
    if all(has_background):
        assert said.background is not None
        torch.testing.assert_close(said.background, 1 - 0.8 * masks.sum(dim=0))
    else:
        assert said.background is None


@canvases
def test_nothing_to_reframe_is_the_member(canvas: Canvas) -> None:
    member = make_member(canvas)
    assert reframe(member, canvas, 1.0) is member
    assert reframe(member) is member


@canvas_pairs
def test_reframed_member_sees_what_it_would_see_alone(outer: str, inner: str) -> None:
    """And its masks, and what it remembers, are framed as it frames drawn masks."""
    alone, member = (KnownSegmenter(CANVASES[inner]) for _ in range(2))
    segmenter = reframe(member, CANVASES[outer])
    assert segmenter.canvas == CANVASES[outer]
    expected, result = follow(alone, SIZE), follow(segmenter, SIZE)
    geometry = plan_geometry(SIZE, None, CANVASES[inner])
    for frame, source in zip(member.frames, make_frames(SIZE), strict=True):
        assert torch.equal(frame.image, preprocess_image(source.image, geometry, member.device))
        assert frame.padding == geometry.padding
    for mine, other in zip(member.masks, alone.masks, strict=True):
        torch.testing.assert_close(clear_border(mine, geometry), clear_border(other, geometry))
    for here, there in zip(expected, result, strict=True):
        np.testing.assert_allclose(there, here, atol=1e-6)


@canvas_pairs
def test_members_of_different_canvases(outer: str, inner: str) -> None:
    """Wherever a Segmenter is framed, the picture's pixels and its answer are the same but for borders."""
    segmenter = ensemble([make_member(CANVASES[outer]), make_member(CANVASES[inner], tiny_network(seed=1))])
    alphas = follow(segmenter, SIZE)
    assert segmenter.canvas == CANVASES[outer]
    assert alphas[-1].shape == (2, *SIZE)
    assert all(np.isfinite(alpha).all() and 0 <= alpha.min() <= alpha.max() <= 1 for alpha in alphas)
    assert alphas[1][0, 14:22, 13:20].min() > alphas[1][0, :6, 40:].max()


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.5])
@canvas_pairs
def test_known_masks_come_through_another_frame(outer: str, inner: str, scale: float) -> None:
    """A ramp, which scaling keeps, in the picture; a background of its own beside it."""
    member = KnownSegmenter(CANVASES[inner], has_background=True)
    segmenter: Segmenter = ReframedSegmenter(member, CANVASES[outer], scale)
    geometry = plan_geometry(SIZE, None, CANVASES[outer])
    height, width = geometry.padded_size
    frame, masks = frame_on(CANVASES[outer], torch.linspace(0, 1, width).expand(1, height, width))
    segmenter.start(frame, masks)
    said = segmenter.predict(frame)
    assert said.background is not None
    inside = clear_border(masks, geometry)
    torch.testing.assert_close(clear_border(said.objects, geometry), 0.8 * inside, atol=0.02, rtol=0)
    torch.testing.assert_close(said.background, 1 - said.objects[0])
    segmenter.commit(frame, torch.cat([1 - masks, masks]))
    (committed,) = member.committed
    assert committed.shape[1:] == member.frames[-1].image.shape[2:]
    torch.testing.assert_close(committed.sum(dim=0), torch.ones(committed.shape[1:]))
    assert member.frames[-1].previous is not None
    torch.testing.assert_close(committed[1:], member.frames[-1].previous)
