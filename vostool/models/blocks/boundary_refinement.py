"""A small encoder and decoder that corrects logits, after the residual refinement of BASNet (Qin et al. 2019).

Shapes: M objects, P planes of logits, C width, H, W padded size (multiples of 16).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

NUM_LEVELS = 4


class BoundaryRefinement(nn.Module):
    """Halves the map four times by 3x3 convolutions with ReLU, comes back with skips, and adds what it found.

    The last convolution starts at zero, so the map first passes as it is.
    """

    def __init__(self, num_planes: int, width: int) -> None:
        super().__init__()
        inputs = (num_planes, *(width for _ in range(NUM_LEVELS - 1)))
        self.down = nn.ModuleList(nn.Conv2d(channels, width, 3, 2, 1) for channels in inputs)
        self.up = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(NUM_LEVELS - 1))
        self.residual = nn.Conv2d(width, num_planes, 3, padding=1)
        nn.init.zeros_(self.residual.weight)
        self.residual.bias = nn.Parameter(torch.zeros(num_planes))

    def forward(self, logits: Tensor) -> Tensor:
        """(M, P, H, W) to the same."""
        levels = self._encode(logits)
        x = levels.pop()
        for convolution, skip in zip(self.up, reversed(levels), strict=True):
            x = functional.relu(convolution(_double(x) + skip))
        return logits + self.residual(_double(x))

    def _encode(self, logits: Tensor) -> list[Tensor]:
        """Features (M, C, _, _) at strides 2, 4, 8 and 16."""
        levels, x = [], logits
        for convolution in self.down:
            x = functional.relu(convolution(x))
            levels.append(x)
        return levels


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
