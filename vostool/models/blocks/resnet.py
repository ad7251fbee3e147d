"""ResNet-18 up to stride 16, with batch norm folded into the convolutions.

Parameter names are those of torchvision's ResNet-18 (conv1, layer1.0.conv1, ..., layer2.0.downsample.0); every
convolution has a bias because its batch norm was folded into it, so there are no statistics to keep or to freeze.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Pyramid(NamedTuple):
    """Features of one batch of images at strides 16, 8 and 4, each (B, channels, height / stride, width / stride)."""

    s16: Tensor
    s8: Tensor
    s4: Tensor


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al. 2016, figure 5 left), batch norm folded."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1)
        needs_projection = stride != 1 or in_channels != out_channels
        projection = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride))
        self.downsample = projection if needs_projection else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        residual = self.conv2(functional.relu(self.conv1(x)))
        return functional.relu(residual + self.downsample(x))


def _stage(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(in_channels, out_channels, stride), BasicBlock(out_channels, out_channels))


class ResNet18Stride16(nn.Module):
    """conv1 to layer3 of ResNet-18: 64 channels at stride 4, 128 at stride 8, 256 at stride 16."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3)
        self.layer1 = _stage(64, 64, 1)
        self.layer2 = _stage(64, 128, 2)
        self.layer3 = _stage(128, 256, 2)

    def forward(self, image: Tensor) -> Pyramid:
        """Encodes images.

        Args:
            image: (B, 3, H, W) RGB in 0..1, normalised by the ImageNet mean and deviation; H and W multiples of 16.
        """
        s8, s4 = self.early(image)
        return Pyramid(self.layer3(s8), s8, s4)

    def early(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """conv1 to layer2, the part that training may keep frozen: features at strides 8 and 4."""
        x = functional.max_pool2d(functional.relu(self.conv1(image)), 3, 2, 1)
        s4 = self.layer1(x)
        return self.layer2(s4), s4


def normalise(image: Tensor) -> Tensor:
    """(B, 3, H, W) RGB in 0..1 to zero mean and unit deviation over ImageNet."""
    mean = torch.tensor(IMAGENET_MEAN, dtype=image.dtype, device=image.device).view(1, 3, 1, 1)
    deviation = torch.tensor(IMAGENET_STD, dtype=image.dtype, device=image.device).view(1, 3, 1, 1)
    return (image - mean) / deviation
