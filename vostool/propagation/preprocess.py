"""From frames and masks at source size to what networks take, and the geometry that leads back.

Shapes: H, W source size; h, w network size before padding; h', w' padded to the network's stride; K objects.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vostool.models.blocks.resnet import IMAGENET_MEAN

Fill = Literal["mirror", "black", "mean"]


@dataclass(frozen=True)
class Canvas:
    """How a system wants its picture framed.

    Attributes:
        stride: Both sides are padded to multiples of it.
        fill: What lies beside the picture: its mirror image, black, or the mean colour of ImageNet. Masks are mirrored
            with the picture, and else end with it.
        always_pads: Whether a side that is a multiple already gets a whole stride more (RGMP:utils.py).
        clears_border: Whether predictions beside the picture are forgotten (STM:model.py crops them off).
    """

    stride: int = 16
    fill: Fill = "mirror"
    always_pads: bool = False
    clears_border: bool = False

    def padded(self, length: int) -> int:
        """The length of a side once it is padded."""
        return (length // self.stride + 1 if self.always_pads else math.ceil(length / self.stride)) * self.stride


MIRRORED = Canvas()


@dataclass(frozen=True)
class Geometry:
    """How source pixels lie in the network's picture; the same for all frames of a clip.

    Attributes:
        source_size: (H, W).
        network_size: (h, w), the source scaled down so that the short side is what was asked for.
        padding: Pixels added left, right, top and bottom.
        fill: What the added pixels show.
    """

    source_size: tuple[int, int]
    network_size: tuple[int, int]
    padding: tuple[int, int, int, int]
    fill: Fill = "mirror"

    @property
    def padded_size(self) -> tuple[int, int]:
        """(h', w')."""
        left, right, top, bottom = self.padding
        return self.network_size[0] + top + bottom, self.network_size[1] + left + right


def plan_geometry(source_size: tuple[int, int], short_side: int | None, canvas: Canvas) -> Geometry:
    """Scales down to a short side, never up, and pads both sides evenly to what the canvas asks for.

    Args:
        source_size: (H, W).
        short_side: Of the network's picture in pixels; None for the source's own.
    """
    scale = min(1.0, short_side / min(source_size)) if short_side else 1.0
    return plan_scaled(source_size, scale, canvas)


def plan_scaled(source_size: tuple[int, int], scale: float, canvas: Canvas) -> Geometry:
    """Scales by a factor, up or down, and pads."""
    height, width = (max(1, round(length * scale)) for length in source_size)
    vertical, horizontal = (canvas.padded(length) - length for length in (height, width))
    padding = (horizontal // 2, horizontal - horizontal // 2, vertical // 2, vertical - vertical // 2)
    return Geometry(source_size, (height, width), padding, canvas.fill)


def framed_geometry(framed: Tensor, padding: tuple[int, int, int, int], fill: Fill) -> Geometry:
    """Where the picture lies in (..., h', w') that are framed already; its source is the picture itself."""
    left, right, top, bottom = padding
    size = (framed.shape[-2] - top - bottom, framed.shape[-1] - left - right)
    return Geometry(size, size, padding, fill)


def preprocess_image(image: np.ndarray, geometry: Geometry, device: torch.device) -> Tensor:
    """(H, W, 3) uint8 RGB to (1, 3, h', w') float32 in 0..1 on the device."""
    # Copied, because frames may be read-only views of the decoder's buffers.
    pixels = torch.from_numpy(np.array(image)).to(device, non_blocking=True)
    return fit_image(pixels.permute(2, 0, 1)[None].float() / 255.0, geometry)


def preprocess_masks(labels: np.ndarray, object_ids: Sequence[int], geometry: Geometry, device: torch.device) -> Tensor:
    """(H, W) uint8 labels to (K, h', w') float32 in 0..1, one plane per object id; edges are soft after scaling."""
    ids = torch.tensor(list(object_ids), dtype=torch.uint8, device=device)
    pixels = torch.from_numpy(np.array(labels)).to(device)
    planes = (pixels[None] == ids[:, None, None]).float()
    return fit_masks(planes, geometry)


def fit_image(image: Tensor, geometry: Geometry) -> Tensor:
    """(1, 3, H, W) in 0..1 to (1, 3, h', w')."""
    scaled = _scale(image, geometry)
    if geometry.fill == "mirror":
        return _mirror(scaled, geometry.padding)
    if geometry.fill == "black":
        return functional.pad(scaled, geometry.padding)
    # Zero once a network has normalised its input.
    mean = torch.tensor(IMAGENET_MEAN, device=image.device).view(1, 3, 1, 1)
    beside = functional.pad(torch.zeros_like(scaled[:, :1]), geometry.padding, value=1.0)
    return functional.pad(scaled, geometry.padding) + mean * beside


def fit_masks(masks: Tensor, geometry: Geometry) -> Tensor:
    """(K, H, W) in 0..1 to (K, h', w')."""
    scaled = _scale(masks[None], geometry)
    padded = (
        _mirror(scaled, geometry.padding) if geometry.fill == "mirror" else functional.pad(scaled, geometry.padding)
    )
    return padded[0]


def _scale(planes: Tensor, geometry: Geometry) -> Tensor:
    if planes.shape[-2:] == geometry.network_size:
        return planes.contiguous()
    return functional.interpolate(planes, geometry.network_size, mode="bilinear", align_corners=False, antialias=True)


def _mirror(planes: Tensor, padding: tuple[int, int, int, int]) -> Tensor:
    """Borders look like more picture. A mirror image cannot be wider than that: tiny ones repeat their last pixel."""
    mode = "reflect" if max(padding) < min(planes.shape[-2:]) else "replicate"
    return functional.pad(planes, padding, mode=mode) if any(padding) else planes


def crop_padding(planes: Tensor, geometry: Geometry) -> Tensor:
    """(..., h', w') to (..., h, w)."""
    left, _, top, _ = geometry.padding
    height, width = geometry.network_size
    return planes[..., top : top + height, left : left + width]


def clear_border(planes: Tensor, geometry: Geometry) -> Tensor:
    """(..., h', w') with zeros beside the picture."""
    return functional.pad(crop_padding(planes, geometry), geometry.padding)
