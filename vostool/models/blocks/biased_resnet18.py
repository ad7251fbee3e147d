"""Stages of ResNet-18 with batch norm whose convolutions have biases all the same, under torchvision's names.

STCN's memory encoder is made of them (STCN:model/mod_resnet.py). The biases are redundant in front of a batch
norm, but published weights have them.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

# Channels of the stages that torchvision names layer1 to layer4.
RESNET18_STAGES = (64, 128, 256, 512)


class BiasedBasicBlock(nn.Module):
    """Two 3x3 convolutions with bias and batch norm, and a shortcut (He et al. 2016, figure 5 left)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1)
        self.bn2 = nn.BatchNorm2d(out_channels)
        needs_projection = stride != 1 or in_channels != out_channels
        projection = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride), nn.BatchNorm2d(out_channels))
        self.downsample = projection if needs_projection else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        residual = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(residual)) + self.downsample(x))


def biased_resnet18_stage(number: int) -> nn.Sequential:
    """Stage 1 to 4 (torchvision's ``layerN``): 64, 128, 256, 512 channels at strides 4, 8, 16, 32."""
    out_channels = RESNET18_STAGES[number - 1]
    if number == 1:
        return nn.Sequential(BiasedBasicBlock(64, 64), BiasedBasicBlock(64, 64))
    first = BiasedBasicBlock(out_channels // 2, out_channels, stride=2)
    return nn.Sequential(first, BiasedBasicBlock(out_channels, out_channels))
