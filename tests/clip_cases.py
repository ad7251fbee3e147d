"""A library made on the spot, in which every object can be told from its colour."""

from __future__ import annotations

import numpy as np
import torch

from vostool.datasets.augmentation import Augmentation, ClipShape
from vostool.datasets.library import Library, Still, VideoClip

SHAPE = ClipShape(num_frames=3, height=64, width=64, max_objects=2, max_gap=2)
# Nothing changes but the crop.
STEADY = Augmentation(
    zoom=(1.0, 1.0), mirror=0.0, degrees=0.0, shear=0.0, scale=1.0, shift=0.0, clip_colour=0.0, frame_colour=0.0,
    grey=0.0, reverse=0.0,
)  # fmt: skip
# Everything moves, and colours stay.
MOVING = Augmentation(bend=1.0, bend_strength=0.02, clip_colour=0.0, frame_colour=0.0, grey=0.0)
# Colours of background and objects 1, 2, 3, so far apart that a mixture of two is never close to a third.
COLOURS = torch.tensor([[20, 20, 20], [240, 20, 20], [20, 240, 20], [20, 20, 240]], dtype=torch.uint8)


def paint(labels: torch.Tensor) -> torch.Tensor:
    """(3, H, W) uint8 picture of (H, W) labels."""
    return COLOURS[labels.int()].permute(2, 0, 1).contiguous()


def make_labels(left: int, *, size: tuple[int, int] = (80, 120)) -> torch.Tensor:
    """Two squares, 1 and 3, of which the first stands at ``left``."""
    labels = torch.zeros(size, dtype=torch.uint8)
    labels[20:50, left : left + 26] = 1
    labels[45:70, left + 30 : left + 50] = 3
    return labels


def make_video(*, num_frames: int = 9, every: int = 1) -> VideoClip:
    """Squares that move by three pixels a frame, with a mask on some frames."""
    labels = [make_labels(10 + 3 * index) for index in range(num_frames)]
    masks = tuple(each if index % every == 0 else None for index, each in enumerate(labels))
    return VideoClip("squares", tuple(paint(each) for each in labels), masks)


def make_library() -> Library:
    """A video, a still, a cut-out and a background."""
    still = Still("still", paint(make_labels(20)), make_labels(20))
    disc = torch.zeros(40, 40, dtype=torch.uint8)
    disc[8:32, 8:32] = 1
    cutout = Still("cutout", torch.full((3, 40, 40), 20, dtype=torch.uint8).index_fill(0, torch.tensor([1]), 240), disc)
    noise = torch.from_numpy(np.random.default_rng(0).integers(0, 40, (3, 70, 90), dtype=np.uint8))
    return Library((make_video(),), (still,), (cutout,), (noise,))


def seen_colours(frames: torch.Tensor) -> torch.Tensor:
    """(T, H, W) for each pixel of (T, 3, H, W) frames which of the colours is nearest."""
    distance = (frames[:, None] - COLOURS[None, :, :, None, None] / 255.0).abs().sum(dim=2)
    return distance.argmin(dim=1)
