"""Convolutional block attention: a gate per channel, then one per position (Woo et al. 2018).

As STCN has it: no batch norm in the gates, 16 times fewer channels between the two layers.
Parameter names are STCN's, capitals included: ChannelGate.mlp.1, ChannelGate.mlp.3, SpatialGate.spatial.conv.

Shapes: M objects, C channels, h, w size at stride 16.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

REDUCTION = 16
SPATIAL_KERNEL = 7


class ChannelGate(nn.Module):
    """Weighs channels by their means and maxima over all positions; one small network sees both."""

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        num_hidden = num_channels // REDUCTION
        self.mlp = nn.Sequential(
            nn.Flatten(), nn.Linear(num_channels, num_hidden), nn.ReLU(), nn.Linear(num_hidden, num_channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        weights = self.mlp(x.mean(dim=(2, 3))) + self.mlp(x.amax(dim=(2, 3)))
        return x * torch.sigmoid(weights)[:, :, None, None]


class SpatialGate(nn.Module):
    """Weighs positions by the maximum and the mean over channels, in that order."""

    def __init__(self) -> None:
        super().__init__()
        conv = nn.Conv2d(2, 1, SPATIAL_KERNEL, padding=SPATIAL_KERNEL // 2)
        self.spatial = nn.Sequential(OrderedDict([("conv", conv)]))

    def forward(self, x: Tensor) -> Tensor:
        summary = torch.stack([x.amax(dim=1), x.mean(dim=1)], dim=1)
        return x * torch.sigmoid(self.spatial(summary))


class Cbam(nn.Module):
    """(M, C, h, w) to the same: the gate of the channels, then that of the positions."""

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        self.ChannelGate = ChannelGate(num_channels)
        self.SpatialGate = SpatialGate()

    def forward(self, x: Tensor) -> Tensor:
        return self.SpatialGate(self.ChannelGate(x))
