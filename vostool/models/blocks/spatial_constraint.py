"""The spatial constraint of SCM (section 2.1): where the object was says where its embedding counts.

Shapes: M objects, C channels of the embedding, H, W padded size, h, w at stride 16.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 16
# The prior starts at sigmoid(2) = 0.88 everywhere: open, and still on the part of the sigmoid that learns.
OPEN_BIAS = 2.0


def previous_cells(previous: Tensor) -> Tensor:
    """(M, H, W) probabilities to (M, 1, H/16, W/16) of 0 and 1: 1 where any pixel of the cell is above one half."""
    binary = (previous > 0.5).to(previous.dtype)
    return functional.max_pool2d(binary.unsqueeze(1), STRIDE)


class SpatialConstraint(nn.Module):
    """3x3 convolution of the embedding and the previous mask to one plane in 0..1, which multiplies the embedding.

    It starts as a constant: what a mask closes is for training to find.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels + 1, 1, 3, padding=1)
        nn.init.zeros_(self.conv.weight)
        self.conv.bias = nn.Parameter(torch.full((1,), OPEN_BIAS))

    def prior(self, embedding: Tensor, previous: Tensor) -> Tensor:
        """(M, C, h, w) and probabilities (M, H, W) to (M, 1, h, w) in 0..1."""
        cells = previous_cells(previous).to(embedding.dtype)
        return self.conv(torch.cat([embedding, cells], dim=1)).sigmoid()

    def forward(self, embedding: Tensor, previous: Tensor | None) -> Tensor:
        """(M, C, h, w), unchanged where there is no previous mask."""
        return embedding if previous is None else embedding * self.prior(embedding, previous)
