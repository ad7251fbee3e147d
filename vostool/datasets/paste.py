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
from vostool.datasets.draft import Draft
from vostool.datasets.framing import orientation, share_of_crop
from vostool.datasets.motion import draw_absence, draw_bends, draw_drift, draw_growth, draw_nudge, draw_passing
from vostool.datasets.objects import ObjectBox
from vostool.datasets.subjects import Subject
from vostool.datasets.warp import Sampler, Warp, displace, place

# Shares of the crop that the object of a composite, another object and an occluder take.
MAIN_SHARE = (0.25, 0.7)
SECOND_SHARE = (0.2, 0.6)
OCCLUDER_SHARE = (0.25, 0.6)


def paste_object(
    draft: Draft, subject: Subject, shape: ClipShape, augmentation: Augmentation, generator: np.random.Generator,
    *, share: tuple[float, float], is_object: bool = True,
) -> Draft:  # fmt: skip
    """Pastes something that moves on its own; it gets the next id, or is background if it is no object."""
    target = (shape.width * generator.uniform(0.2, 0.8), shape.height * generator.uniform(0.2, 0.8))
    motion = draw_drift(shape, augmentation, generator, pivot=target)
    motion = motion @ draw_growth(shape, augmentation, generator, pivot=target)
    if shape.num_frames > 2 and generator.random() < augmentation.leaving:
        motion = draw_absence(shape, generator) @ motion
    warp = _place(subject.box, target, motion, shape, augmentation, generator, share)
    is_behind = generator.random() < augmentation.behind
    object_id = draft.num_objects + 1 if is_object else 0
    return _lay_over(draft, subject, warp, shape, generator, object_id, is_behind=is_behind)


def paste_occluder(
    draft: Draft, subject: Subject, shape: ClipShape, augmentation: Augmentation, generator: np.random.Generator
) -> Draft:
    """Pastes something that is background and passes in front of the first object, beside which it begins."""
    seen = torch.nonzero(draft.labels[0] == 1).float()
    if not len(seen):
        return draft
    y, x = (seen.mean(dim=0) + 0.5).tolist()
    radius = float(np.sqrt(len(seen) / np.pi))
    share = generator.uniform(*OCCLUDER_SHARE)
    passing = draw_passing(shape, generator, over=(x, y), start=radius + 0.5 * share * min(shape.height, shape.width))
    warp = _place(subject.box, (x, y), passing, shape, augmentation, generator, (share, share))
    return _lay_over(draft, subject, warp, shape, generator, 0)


def _place(
    box: ObjectBox, target: tuple[float, float], motion: np.ndarray, shape: ClipShape, augmentation: Augmentation,
    generator: np.random.Generator, share: tuple[float, float],
) -> Warp:  # fmt: skip
    scale = float(generator.uniform(*share)) / share_of_crop(box, shape)
    base = place(orientation(scale, augmentation, generator), source=box.centre, target=target)
    return Warp(motion @ base, (shape.height, shape.width), draw_bends(shape, augmentation, generator))


def _lay_over(
    draft: Draft, subject: Subject, warp: Warp, shape: ClipShape, generator: np.random.Generator, object_id: int,
    *, is_behind: bool = False,
) -> Draft:  # fmt: skip
    opacity, colour = _sample_object(subject, warp)
    covers = opacity > 0.5
    before = displace(covers.to(torch.uint8), draw_nudge(shape, generator)).bool()
    if is_behind:
        opacity = opacity * (draft.labels == 0)
        covers, before = covers & (draft.labels == 0), before & (draft.priors == 0)
    return replace(
        draft,
        frames=torch.lerp(draft.frames, colour, _soften(opacity[:, None])),
        labels=draft.labels.masked_fill(covers, object_id),
        priors=draft.priors.masked_fill(before, object_id),
        num_objects=max(draft.num_objects, object_id),
    )


def _sample_object(subject: Subject, warp: Warp) -> tuple[Tensor, Tensor]:
    """Opacity (T, H, W) and colour (T, 3, H, W) of an object; beyond its picture it is not mirrored but ends."""
    height, width = subject.labels[0].shape
    sampler = Sampler(warp, (height, width), subject.labels[0].device)
    masks = ((labels == subject.box.object_id).to(torch.uint8).mul_(255) for labels in subject.labels)
    layers = [torch.cat((image, mask[None])) for image, mask in zip(subject.images, masks, strict=True)]
    sampled = sampler.pictures(layers)
    return sampled[:, 3] * sampler.inside(), sampled[:, :3]


def _soften(opacity: Tensor) -> Tensor:
    """Blurs by 1, 2, 1 along both sides."""
    padded = F.pad(opacity, (1, 1, 1, 1), mode="replicate")
    across = padded[..., :-2] + 2.0 * padded[..., 1:-1] + padded[..., 2:]
    return (across[..., :-2, :] + 2.0 * across[..., 1:-1, :] + across[..., 2:, :]) * (1.0 / 16.0)
