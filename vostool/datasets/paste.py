"""Pasting a moving object over a clip, with soft edges; it hides what lies below.

Shapes: T frames of H, W.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vostool.datasets.augmentation import Augmentation, ClipShape
from vostool.datasets.clip import Draft
from vostool.datasets.framing import orientation, share_of_crop
from vostool.datasets.library import Still
from vostool.datasets.motion import draw_bends, draw_drift, draw_nudge, draw_passing
from vostool.datasets.objects import ObjectBox
from vostool.datasets.warp import Sampler, Warp, displace, place

# Shares of the crop that the object of a composite, another object and an occluder take.
MAIN_SHARE = (0.25, 0.7)
SECOND_SHARE = (0.2, 0.6)
OCCLUDER_SHARE = (0.25, 0.6)


def paste_object(
    draft: Draft, still: Still, box: ObjectBox, shape: ClipShape, augmentation: Augmentation,
    generator: np.random.Generator, *, share: tuple[float, float],
) -> Draft:  # fmt: skip
    """Pastes an object that drifts on its own and gets the next id."""
    target = (shape.width * generator.uniform(0.2, 0.8), shape.height * generator.uniform(0.2, 0.8))
    drift = draw_drift(shape, augmentation, generator, pivot=target)
    warp = _place(box, target, drift, shape, augmentation, generator, share)
    return _lay_over(draft, still, box, warp, shape, generator, draft.num_objects + 1)


def paste_occluder(
    draft: Draft, still: Still, box: ObjectBox, shape: ClipShape, augmentation: Augmentation,
    generator: np.random.Generator,
) -> Draft:  # fmt: skip
    """Pastes something that is background and passes in front of the first object, beside which it begins."""
    seen = torch.nonzero(draft.labels[0] == 1).float()
    if not len(seen):
        return draft
    y, x = (seen.mean(dim=0) + 0.5).tolist()
    radius = float(np.sqrt(len(seen) / np.pi))
    share = generator.uniform(*OCCLUDER_SHARE)
    passing = draw_passing(shape, generator, over=(x, y), start=radius + 0.5 * share * min(shape.height, shape.width))
    warp = _place(box, (x, y), passing, shape, augmentation, generator, (share, share))
    return _lay_over(draft, still, box, warp, shape, generator, 0)


def _place(
    box: ObjectBox, target: tuple[float, float], motion: np.ndarray, shape: ClipShape, augmentation: Augmentation,
    generator: np.random.Generator, share: tuple[float, float],
) -> Warp:  # fmt: skip
    scale = float(generator.uniform(*share)) / share_of_crop(box, shape)
    base = place(orientation(scale, augmentation, generator), source=box.centre, target=target)
    return Warp(motion @ base, (shape.height, shape.width), draw_bends(shape, augmentation, generator))


def _lay_over(
    draft: Draft, still: Still, box: ObjectBox, warp: Warp, shape: ClipShape, generator: np.random.Generator,
    object_id: int,
) -> Draft:  # fmt: skip
    opacity, colour = _sample_object(still, box, warp)
    covers = (opacity > 0.5).to(torch.uint8)
    before = displace(covers, draw_nudge(shape, generator))
    return replace(
        draft,
        frames=torch.lerp(draft.frames, colour, _soften(opacity[:, None])),
        labels=draft.labels.masked_fill(covers.bool(), object_id),
        priors=draft.priors.masked_fill(before.bool(), object_id),
        num_objects=max(draft.num_objects, object_id),
    )


def _sample_object(still: Still, box: ObjectBox, warp: Warp) -> tuple[Tensor, Tensor]:
    """Opacity (T, H, W) and colour (T, 3, H, W) of an object; beyond its picture it is not mirrored but ends."""
    sampler = Sampler(warp, (still.labels.shape[0], still.labels.shape[1]), still.labels.device)
    mask = (still.labels == box.object_id).to(torch.uint8).mul_(255)
    sampled = sampler.pictures((torch.cat((still.image, mask[None])),))
    return sampled[:, 3] * sampler.inside(), sampled[:, :3]


def _soften(opacity: Tensor) -> Tensor:
    """Blurs by 1, 2, 1 along both sides."""
    padded = F.pad(opacity, (1, 1, 1, 1), mode="replicate")
    across = padded[..., :-2] + 2.0 * padded[..., 1:-1] + padded[..., 2:]
    return (across[..., :-2, :] + 2.0 * across[..., 1:-1, :] + across[..., 2:, :]) * (1.0 / 16.0)
