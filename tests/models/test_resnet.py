"""ResNet-18 to stride 16: names that ImageNet weights fit, strides, and what the published layout implies."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from vostool.models.blocks.resnet import IMAGENET_MEAN, IMAGENET_STD, ResNet18Stride16, normalise


def test_names_are_torchvisions_without_batch_norm() -> None:
    names = set(ResNet18Stride16().state_dict())
    assert {"conv1.weight", "conv1.bias", "layer1.0.conv1.weight", "layer3.1.conv2.bias"} <= names
    assert {"layer2.0.downsample.0.weight", "layer3.0.downsample.0.bias"} <= names
    assert "layer1.0.downsample.0.weight" not in names
    assert not [name for name in names if "bn" in name]


def test_strides_and_channels() -> None:
    pyramid = ResNet18Stride16()(torch.rand(2, 3, 64, 96))
    assert pyramid.s16.shape == (2, 256, 4, 6)
    assert pyramid.s8.shape == (2, 128, 8, 12)
    assert pyramid.s4.shape == (2, 64, 16, 24)


def test_normalise_maps_the_mean_to_zero() -> None:
    mean = torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1)
    deviation = torch.tensor(IMAGENET_STD).view(1, 3, 1, 1)
    torch.testing.assert_close(normalise(mean), torch.zeros(1, 3, 1, 1))
    torch.testing.assert_close(normalise(mean + deviation), torch.ones(1, 3, 1, 1))


def test_imagenet_weights_fit(shared_folder: Path) -> None:
    path = shared_folder / "data" / "backbones" / "resnet18_imagenet_layer3_bnfolded.safetensors"
    weights = {name: value.float() for name, value in load_file(path).items()}
    ResNet18Stride16().load_state_dict(weights, strict=True)
