"""Stages of ResNeSt (Zhang et al. 2020), under the names of its published weights: conv1.0, ..., layer1.0.conv2.fc1.

Radix 2, cardinality 1, base width 64; a stem of three 3x3 convolutions; strides by average pooling, behind the
split-attention convolution (`avd`, not `avd_first`) and before the shortcut's 1x1 convolution (`avg_down`).

Shapes: N images or objects, C channels, R splits (the radix), h, w size of the features.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from vostool.models.blocks.bottleneck import EXPANSION

# Sizes and names: zhanghang1989/ResNeSt:resnest/torch/models/{resnest,resnet,splat}.py.
RADIX = 2
ATTENTION_REDUCTION = 4
STEM_WIDTH = 64
STEM_CHANNELS = 2 * STEM_WIDTH
RESNEST_WIDTHS = (64, 128, 256, 512)
RESNEST101_BLOCKS = (3, 4, 23, 3)


def resnest_stem() -> nn.Sequential:
    """``conv1``: image to 128 channels at stride 2. The batch norm behind it, ``bn1``, is a layer of its own."""
    return nn.Sequential(
        nn.Conv2d(3, STEM_WIDTH, 3, 2, 1, bias=False), nn.BatchNorm2d(STEM_WIDTH), nn.ReLU(),
        nn.Conv2d(STEM_WIDTH, STEM_WIDTH, 3, 1, 1, bias=False), nn.BatchNorm2d(STEM_WIDTH), nn.ReLU(),
        nn.Conv2d(STEM_WIDTH, STEM_CHANNELS, 3, 1, 1, bias=False),
    )  # fmt: skip


def resnest_stage(number: int, num_blocks: int) -> nn.Sequential:
    """Stage 1 to 4 (``layerN``): 256, 512, 1024, 2048 channels at strides 4, 8, 16, 32."""
    width = RESNEST_WIDTHS[number - 1]
    in_channels = STEM_CHANNELS if number == 1 else width * EXPANSION // 2
    first = SplitAttentionBottleneck(in_channels, width, 1 if number == 1 else 2)
    return nn.Sequential(first, *(SplitAttentionBottleneck(width * EXPANSION, width) for _ in range(num_blocks - 1)))


class SplitAttention(nn.Module):
    """A 3x3 convolution into R splits, summed with weights that their global means choose (ResNeSt, section 3.1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner_channels = channels * RADIX // ATTENTION_REDUCTION
        self.conv = nn.Conv2d(channels, channels * RADIX, 3, padding=1, groups=RADIX, bias=False)
        self.bn0 = nn.BatchNorm2d(channels * RADIX)
        self.fc1 = nn.Conv2d(channels, inner_channels, 1)
        self.bn1 = nn.BatchNorm2d(inner_channels)
        self.fc2 = nn.Conv2d(inner_channels, channels * RADIX, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to the same."""
        splits = functional.relu(self.bn0(self.conv(x))).unflatten(1, (RADIX, -1))
        means = splits.sum(1).mean((2, 3), keepdim=True)
        choice = self.fc2(functional.relu(self.bn1(self.fc1(means)))).unflatten(1, (RADIX, -1))
        return (choice.softmax(1) * splits).sum(1)


class SplitAttentionBottleneck(nn.Module):
    """1x1, split attention, 1x1 with batch norm and a shortcut; the stride is an average over 3x3 behind it."""

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        out_channels = width * EXPANSION
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = SplitAttention(width)
        self.avd_layer = nn.AvgPool2d(3, stride, padding=1) if stride != 1 else nn.Identity()
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        needs_projection = stride != 1 or in_channels != out_channels
        self.downsample = _projection(in_channels, out_channels, stride) if needs_projection else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        residual = functional.relu(self.bn1(self.conv1(x)))
        residual = self.avd_layer(self.conv2(residual))
        return functional.relu(self.bn3(self.conv3(residual)) + self.downsample(x))


def _projection(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    """``downsample``: the mean of each cell, then 1x1 and batch norm; odd sizes have smaller cells at their end."""
    return nn.Sequential(
        nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False),
        nn.Conv2d(in_channels, out_channels, 1, bias=False),
        nn.BatchNorm2d(out_channels),
    )
