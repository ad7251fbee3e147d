"""Test-time augmentation: the mean over mirrored and scaled views of each frame.

STM-refinements' text names flips and scales 0.75 and 1.0, not where it averages; here each frame's mean is what every
view remembers, in a memory of its own.

Shapes: K objects; h', w' padded network size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from vostool.errors import UsageError
from vostool.propagation.ensemble import EnsembleSegmenter, ViewSegmenter, reframe
from vostool.propagation.preprocess import Geometry, crop_padding, fit_masks
from vostool.propagation.segmenter import FrameInput, Segmenter

# Sixteen times the pixels; more is a slip of the keyboard, and takes all memory.
MAX_SCALE = 4.0


class FlippedSegmenter(ViewSegmenter):
    """Shows its member the mirror image of each frame, framed as a mirrored source would be."""

    def _picture(self, frame: FrameInput) -> FrameInput:
        return replace(frame, image=flip_framed(frame.image[0], self._geometry(frame))[None])

    def _inward(self, planes: Tensor, frame: FrameInput) -> Tensor:
        return flip_framed(planes, self._geometry(frame))

    def _outward(self, planes: Tensor, frame: FrameInput) -> Tensor:
        return flip_framed(planes, self._geometry(frame))


class SettledSegmenter(ViewSegmenter):
    """Shows its member everything as it is, but keeps planes to what survives two flips; see ``settle``."""

    def _picture(self, frame: FrameInput) -> FrameInput:
        return frame

    def _inward(self, planes: Tensor, frame: FrameInput) -> Tensor:
        return settle(planes, self._geometry(frame))

    def _outward(self, planes: Tensor, frame: FrameInput) -> Tensor:
        return settle(planes, self._geometry(frame))


def flip_framed(planes: Tensor, geometry: Geometry) -> Tensor:
    """(K, h', w') mirrored left to right about the middle of the picture, which stays where it is on its canvas.

    Of settled planes it is its own inverse; of a framed source it gives the mirrored source, framed.
    """
    left, right, _, _ = geometry.padding
    return settle(planes.flip(-1).roll(left - right, dims=-1), geometry)


def settle(planes: Tensor, geometry: Geometry) -> Tensor:
    """(K, h', w') whose outermost column on the wider side has no will of its own.

    It has no counterpart on the other side. Beside a mirrored picture, where drawn masks go on, it is made what the
    picture says; elsewhere it stays, and flips leave it in its place.
    """
    left, right, _, _ = geometry.padding
    num_surplus = right - left
    assert num_surplus >= 0, "the wider side is on the right"
    if geometry.fill != "mirror" or not num_surplus:
        return planes
    framed = fit_masks(crop_padding(planes, geometry), geometry)
    return torch.cat([planes[..., :-num_surplus], framed[..., -num_surplus:]], dim=-1)


def augment(make_member: Callable[[], Segmenter], *, flip: bool, scales: Sequence[float] = ()) -> Segmenter:
    """The mean over views of one network; what ``make_member`` gives where there is but one view, the frame itself.

    Args:
        make_member: Called once per view: each has a memory of its own, and all should share one network.
        flip: Whether each scale is seen mirrored as well.
        scales: Of the pictures that members see to the one that is given; none for 1. Repeated ones count once.

    Raises:
        UsageError: A scale that makes no sense.
    """
    views: list[Segmenter] = []
    for scale in check_scales(scales):
        views.append(reframe(make_member(), scale=scale))
        if flip:
            views.append(FlippedSegmenter(reframe(make_member(), scale=scale)))
    mean = EnsembleSegmenter(views) if len(views) > 1 else views[0]
    return SettledSegmenter(mean) if flip else mean


def check_scales(scales: Sequence[float]) -> tuple[float, ...]:
    """Each scale once, in the order given; 1 if there is none.

    Raises:
        UsageError: One is not above 0, or larger than anything sensible.
    """
    if not all(0 < scale <= MAX_SCALE for scale in scales):
        given = ",".join(f"{scale:g}" for scale in scales)
        raise UsageError(
            f"--scales {given}", f"give factors above 0 and up to {MAX_SCALE:g}, such as 0.75,1.0", code="usage.scales"
        )
    return tuple(dict.fromkeys(scales)) or (1.0,)
