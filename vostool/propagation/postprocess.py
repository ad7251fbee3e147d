"""From aggregated probabilities at network size to labels and alpha at source size.

Shapes: K objects; h', w' padded network size; H, W source size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vostool.propagation.preprocess import Geometry, crop_padding


def to_source(probabilities: Tensor, geometry: Geometry) -> Tensor:
    """(K+1, h', w') probabilities to (K+1, H, W) float32; they still sum to 1 at each pixel.

    Probabilities are scaled, not labels, so that edges are smooth at source size (STCN's evaluation does the same).
    """
    cropped = crop_padding(probabilities.float(), geometry)
    if geometry.network_size == geometry.source_size:
        return cropped
    return functional.interpolate(cropped[None], geometry.source_size, mode="bilinear", align_corners=False)[0]


def to_labels(probabilities: Tensor, object_ids: Sequence[int]) -> np.ndarray:
    """(K+1, H, W) probabilities to (H, W) uint8 of the user's ids, 0 for the background."""
    ids = torch.tensor([0, *object_ids], dtype=torch.uint8, device=probabilities.device)
    # The same as argmax, and eight times as fast on a CPU.
    return ids[probabilities.max(dim=0).indices].cpu().numpy()


def to_alpha(probabilities: Tensor) -> np.ndarray:
    """(K+1, H, W) probabilities to (K, H, W) float32 on the CPU, without the background."""
    return probabilities[1:].cpu().numpy()
