"""ResNeSt: the published count of parameters, names, strides, and split attention written out."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from vostool.models.blocks.resnest import (
    RESNEST101_BLOCKS,
    STEM_CHANNELS,
    SplitAttention,
    SplitAttentionBottleneck,
    resnest_stage,
    resnest_stem,
)

# timm: resnest101e, which takes the weights that zhanghang1989/ResNeSt publishes.
PUBLISHED_PARAMETERS = 48_275_016
CLASSIFIER_PARAMETERS = 2048 * 1000 + 1000


def resnest101() -> nn.ModuleDict:
    """All four stages, without storage."""
    stages = {f"layer{number}": resnest_stage(number, count) for number, count in enumerate(RESNEST101_BLOCKS, 1)}
    return nn.ModuleDict({"conv1": resnest_stem(), "bn1": nn.BatchNorm2d(STEM_CHANNELS), **stages})


def test_it_has_as_many_parameters_as_the_published_network() -> None:
    with torch.device("meta"):
        parameters = sum(parameter.numel() for parameter in resnest101().parameters())
    assert parameters + CLASSIFIER_PARAMETERS == PUBLISHED_PARAMETERS


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("conv1.0.weight", (64, 3, 3, 3)),
        ("conv1.3.weight", (64, 64, 3, 3)),
        ("conv1.4.running_mean", (64,)),
        ("conv1.6.weight", (128, 64, 3, 3)),
        ("bn1.weight", (128,)),
        ("layer1.0.conv1.weight", (64, 128, 1, 1)),
        ("layer1.0.conv2.conv.weight", (128, 32, 3, 3)),
        ("layer1.0.conv2.bn0.weight", (128,)),
        ("layer1.0.conv2.fc1.weight", (32, 64, 1, 1)),
        ("layer3.0.conv2.fc2.bias", (512,)),
        ("layer3.22.conv2.bn1.running_var", (128,)),
        ("layer2.0.downsample.1.weight", (512, 256, 1, 1)),
        ("layer2.0.downsample.2.weight", (512,)),
        ("layer4.2.bn3.bias", (2048,)),
    ],
)
def test_names_and_shapes_are_the_published_ones(name: str, shape: tuple[int, ...]) -> None:
    with torch.device("meta"):
        assert resnest101().state_dict()[name].shape == shape


def test_stages_halve_the_size_and_widen() -> None:
    x = torch.rand(1, STEM_CHANNELS, 16, 24)
    for number, shape in ((1, (1, 256, 16, 24)), (2, (1, 512, 8, 12)), (3, (1, 1024, 4, 6))):
        x = resnest_stage(number, 2).eval()(x)
        assert x.shape == shape


def test_the_stem_halves_the_size() -> None:
    assert resnest_stem().eval()(torch.rand(2, 3, 32, 48)).shape == (2, STEM_CHANNELS, 16, 24)


def test_split_attention_weighs_two_splits_channel_by_channel() -> None:
    torch.manual_seed(0)
    block = SplitAttention(8).double().eval()
    x = torch.randn(2, 8, 5, 7, dtype=torch.float64)
    weight = block.conv.weight
    splits = [
        functional.relu(functional.conv2d(half, part, padding=1) / (1 + block.bn0.eps) ** 0.5)
        for half, part in zip((x[:, :4], x[:, 4:]), (weight[:8], weight[8:]), strict=True)
    ]
    means = (splits[0] + splits[1]).mean((2, 3))
    hidden = means @ block.fc1.weight.flatten(1).T + block.fc1.bias
    hidden = functional.relu(hidden / (1 + block.bn1.eps) ** 0.5)
    choice = hidden @ block.fc2.weight.flatten(1).T + block.fc2.bias
    first = torch.sigmoid(choice[:, :8] - choice[:, 8:])[:, :, None, None]
    torch.testing.assert_close(block(x), first * splits[0] + (1 - first) * splits[1])


def test_the_stride_comes_after_split_attention_and_is_a_mean() -> None:
    """A block whose convolutions run at full size and are averaged is the strided block."""
    torch.manual_seed(0)
    block = SplitAttentionBottleneck(16, 8, stride=2).double().eval()
    x = torch.randn(1, 16, 6, 8, dtype=torch.float64)
    full = block.conv2(functional.relu(block.bn1(block.conv1(x))))
    residual = block.bn3(block.conv3(functional.avg_pool2d(full, 3, 2, 1)))
    cells = x.unflatten(3, (4, 2)).unflatten(2, (3, 2)).mean((3, 5))
    shortcut = block.downsample[2](block.downsample[1](cells))
    torch.testing.assert_close(block(x), functional.relu(residual + shortcut))
