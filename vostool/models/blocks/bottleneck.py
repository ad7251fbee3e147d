"""Stages of ResNet-50 with batch norm, under torchvision's parameter names: conv1, bn1, ..., downsample.1.

The published systems stop at stride 16 (STM, STCN) or go on to stride 32 (RGMP).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

EXPANSION = 4
# Width of the 3x3 convolutions and number of blocks, for the stages that torchvision names layer1 to layer4.
RESNET50_STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with batch norm and a shortcut (He et al. 2016, figure 5 right); the stride lies in the 3x3."""

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        out_channels = width * EXPANSION
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        projection = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
        )
        self.downsample = projection if stride != 1 or in_channels != out_channels else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        residual = functional.relu(self.bn1(self.conv1(x)))
        residual = functional.relu(self.bn2(self.conv2(residual)))
        return functional.relu(self.bn3(self.conv3(residual)) + self.downsample(x))


def resnet50_stage(number: int) -> nn.Sequential:
    """Stage 1 to 4 (torchvision's ``layerN``): 256, 512, 1024, 2048 channels at strides 4, 8, 16, 32."""
    width, num_blocks = RESNET50_STAGES[number - 1]
    in_channels = 64 if number == 1 else width * EXPANSION // 2
    first = Bottleneck(in_channels, width, 1 if number == 1 else 2)
    return nn.Sequential(first, *(Bottleneck(width * EXPANSION, width) for _ in range(num_blocks - 1)))
