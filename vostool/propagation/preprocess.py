"""From frames and masks at source size to what networks take, and the geometry that leads back.

Shapes: H, W source size; h, w network size before padding; h', w' padded to the network's stride; K objects.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Geometry:
    """How source pixels lie in the network's picture; the same for all frames of a clip.

    Attributes:
        source_size: (H, W).
        network_size: (h, w), the source scaled down so that the short side is what was asked for.
        padding: Pixels added left, right, top and bottom.
    """

    source_size: tuple[int, int]
    network_size: tuple[int, int]
    padding: tuple[int, int, int, int]

    @property
    def padded_size(self) -> tuple[int, int]:
        """(h', w')."""
        left, right, top, bottom = self.padding
        return self.network_size[0] + top + bottom, self.network_size[1] + left + right


def plan_geometry(source_size: tuple[int, int], short_side: int | None, stride: int) -> Geometry:
    """Scales down to a short side, never up, and pads both sides evenly to a multiple of the stride.

    Args:
        source_size: (H, W).
        short_side: Of the network's picture in pixels; None for the source's own.
    """
    scale = min(1.0, short_side / min(source_size)) if short_side else 1.0
    height, width = (max(1, round(length * scale)) for length in source_size)
    vertical, horizontal = (math.ceil(length / stride) * stride - length for length in (height, width))
    padding = (horizontal // 2, horizontal - horizontal // 2, vertical // 2, vertical - vertical // 2)
    return Geometry(source_size, (height, width), padding)


def preprocess_image(image: np.ndarray, geometry: Geometry, device: torch.device) -> Tensor:
    """(H, W, 3) uint8 RGB to (1, 3, h', w') float32 in 0..1 on the device."""
    # Copied, because frames may be read-only views of the decoder's buffers.
    pixels = torch.from_numpy(np.array(image)).to(device, non_blocking=True)
    return _fit(pixels.permute(2, 0, 1)[None].float() / 255.0, geometry)


def preprocess_masks(labels: np.ndarray, object_ids: Sequence[int], geometry: Geometry, device: torch.device) -> Tensor:
    """(H, W) uint8 labels to (K, h', w') float32 in 0..1, one plane per object id; edges are soft after scaling."""
    ids = torch.tensor(list(object_ids), dtype=torch.uint8, device=device)
    pixels = torch.from_numpy(np.array(labels)).to(device)
    planes = (pixels[None] == ids[:, None, None]).float()
    return _fit(planes[None], geometry)[0]


def _fit(planes: Tensor, geometry: Geometry) -> Tensor:
    """Scales (1, C, H, W) to network size and pads it with its mirror image, so that borders look like more picture."""
    if planes.shape[-2:] != geometry.network_size:
        planes = functional.interpolate(
            planes, geometry.network_size, mode="bilinear", align_corners=False, antialias=True
        )
    if not any(geometry.padding):
        return planes.contiguous()
    # A mirror image cannot be wider than the picture; such tiny pictures repeat their last pixel.
    mode = "reflect" if max(geometry.padding) < min(geometry.network_size) else "replicate"
    return functional.pad(planes, geometry.padding, mode=mode)


def crop_padding(planes: Tensor, geometry: Geometry) -> Tensor:
    """(..., h', w') to (..., h, w)."""
    left, _, top, _ = geometry.padding
    height, width = geometry.network_size
    return planes[..., top : top + height, left : left + width]
