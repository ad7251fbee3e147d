"""Random colour and motion blur of training clips.

Shapes: T frames of H, W; colour maps (T, 3, 4) act on RGB in 0..1: a 3x3 matrix and an offset.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vostool.datasets.augmentation import Augmentation

# Rec. 601, as in colour television and in most colour jitters.
LUMA = np.array([0.299, 0.587, 0.114])
# Deviation of how far brightness, contrast and saturation go from the first to the last frame where the light changes.
LIGHTING = np.array([0.15, 0.25, 0.1])
# Most pixels of a smear, at crops of 192 pixels; larger crops smear further.
LONGEST_SMEAR = 9
SMEAR_SIDE = 192


def recolour(frames: Tensor, augmentation: Augmentation, generator: np.random.Generator) -> Tensor:
    """(T, 3, H, W) float32 frames in 0..1 with one change of colour for the clip and small ones for each frame."""
    maps = draw_colour_maps(len(frames), augmentation, generator)
    return _smear_some(apply_colour_maps(frames, maps), augmentation.blur, generator)


def draw_colour_maps(num_frames: int, augmentation: Augmentation, generator: np.random.Generator) -> np.ndarray:
    """Random colour maps, (T, 3, 4) float32: brightness, contrast and saturation, of which each frame has its own."""
    base = generator.normal(0.0, augmentation.clip_colour, 3)
    changes = base + generator.normal(0.0, augmentation.frame_colour, (num_frames, 3))
    if generator.random() < augmentation.lighting:
        changes += np.linspace(-0.5, 0.5, num_frames)[:, None] * generator.normal(0.0, LIGHTING, 3)
    is_grey = generator.random() < augmentation.grey
    return np.stack([_colour_map(*change, is_grey=is_grey) for change in changes]).astype(np.float32)


def apply_colour_maps(frames: Tensor, maps: np.ndarray) -> Tensor:
    """Applies a map to each frame; what leaves 0..1 is clipped."""
    matrices = torch.from_numpy(maps).to(frames.device)
    changed = torch.baddbmm(matrices[:, :, 3:], matrices[:, :, :3], frames.flatten(2))
    return changed.clamp_(0.0, 1.0).unflatten(2, frames.shape[-2:])


def smear(frame: Tensor, length: int, angle: float) -> Tensor:
    """Averages a (3, H, W) frame along a line of ``length`` pixels, which is odd, at an angle in radians."""
    offsets = np.arange(length) - length // 2
    steps = np.rint(np.outer(offsets, (np.cos(angle), np.sin(angle)))).astype(int) + length // 2
    kernel = torch.zeros(length, length)
    kernel[steps[:, 1], steps[:, 0]] = 1.0
    margin = length // 2
    padded = F.pad(frame[:, None], (margin,) * 4, mode="reflect")
    return F.conv2d(padded, (kernel / kernel.sum())[None, None].to(frame.device))[:, 0]


def _smear_some(frames: Tensor, share: float, generator: np.random.Generator) -> Tensor:
    longest = round(LONGEST_SMEAR * min(frames.shape[-2:]) / SMEAR_SIDE)
    chosen = np.flatnonzero(generator.random(len(frames)) < share)
    for index in chosen if longest >= 3 else ():
        length = int(generator.integers(3, longest + 1)) | 1
        frames[index] = smear(frames[index], length, generator.uniform(0.0, np.pi))
    return frames


def _colour_map(brightness: float, contrast: float, saturation: float, *, is_grey: bool) -> np.ndarray:
    weight = 0.0 if is_grey else max(0.0, 1.0 + 2.0 * saturation)
    gain = max(0.3, 1.0 + contrast)
    mix = gain * (weight * np.eye(3) + (1.0 - weight) * LUMA[None, :])
    return np.column_stack((mix, np.full(3, 0.5 * (1.0 - gain) + brightness)))
