"""A residual refinement of the last features of a backbone, with context at several scales."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

# In positions of the features: at stride 16 the 3x3 windows span 48, 80 and 144 pixels.
DILATIONS = (1, 2, 4)


class ScaleContext(nn.Module):
    """x + fuse(windows of three sizes and the mean of the whole picture), through a bottleneck; starts as x.

    Without batch norm, as the new layers of STM are (STM, section 3.5 trains with batches too small for it).
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, width, 1)
        self.windows = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation) for dilation in DILATIONS
        )
        self.picture = nn.Conv2d(width, width, 1)
        self.fuse = nn.Conv2d((len(DILATIONS) + 1) * width, channels, 1)
        nn.init.zeros_(self.fuse.weight)
        self.fuse.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        reduced = functional.relu(self.reduce(x))
        picture = self.picture(reduced.mean(dim=(2, 3), keepdim=True)).expand_as(reduced)
        context = torch.cat([*(window(reduced) for window in self.windows), picture], dim=1)
        return x + self.fuse(functional.relu(context))
