"""Atrous spatial pyramid pooling: parallel dilated convolutions, to see objects of different sizes.

Shapes: N objects, h, w size of the features.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class AtrousPyramid(nn.Module):
    """3x3 convolutions of different dilation side by side, joined by a 1x1 convolution.

    Without batch norm, like the rest of what stands behind the memory read.

    Args:
        dilations: One branch for each (SCM, section 2.2: 2, 4 and 8).
        branch_channels: Output of each branch.
    """

    def __init__(self, in_channels: int, branch_channels: int, out_channels: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Conv2d(in_channels, branch_channels, 3, padding=dilation, dilation=dilation) for dilation in dilations
        )
        self.fuse = nn.Conv2d(len(dilations) * branch_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in channels, h, w) to (N, out channels, h, w), not negative."""
        joined = torch.cat([functional.relu(branch(x)) for branch in self.branches], dim=1)
        return functional.relu(self.fuse(joined))
