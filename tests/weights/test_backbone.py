"""ImageNet weights in the encoders of every system: found by their names, copied whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from vostool.errors import WeightsError
from vostool.models.blocks.resnet import ResNet18Stride16
from vostool.models.lite import LiteNetwork
from vostool.models.stm import StmNetwork
from vostool.weights.backbone import apply_backbone


def torchvision_names(network: torch.nn.Module, encoder: str) -> dict[str, Tensor]:
    """Random weights for the stem and the stages of an encoder, under torchvision's names."""
    torch.manual_seed(1)
    found = {}
    for name, value in network.state_dict().items():
        if name.startswith(f"{encoder}.") and name.split(".")[1].startswith(("conv1", "bn1", "res")):
            plain = name.removeprefix(f"{encoder}.")
            for stage in (2, 3, 4):
                plain = plain.replace(f"res{stage}.", f"layer{stage - 1}.")
            found[plain] = torch.rand(value.shape) if value.is_floating_point() else value
    return {name: value for name, value in found.items() if not name.startswith(("conv1_m", "conv1_o"))}


def test_both_encoders_of_stm_are_filled(tmp_path: Path) -> None:
    network = StmNetwork()
    stored = torchvision_names(network, "Encoder_Q")
    torch.save(stored | {"fc.weight": torch.zeros(10, 4)}, tmp_path / "resnet50.pth")
    assert apply_backbone(network, tmp_path / "resnet50.pth") == ("Encoder_M", "Encoder_Q")
    state = network.state_dict()
    for encoder in ("Encoder_M", "Encoder_Q"):
        torch.testing.assert_close(state[f"{encoder}.res4.5.conv3.weight"], stored["layer3.5.conv3.weight"])
        torch.testing.assert_close(state[f"{encoder}.bn1.running_mean"], stored["bn1.running_mean"])


def test_an_encoder_is_filled_whole_or_not_at_all(tmp_path: Path) -> None:
    network = LiteNetwork()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    stored = {name: torch.rand(value.shape) for name, value in ResNet18Stride16().state_dict().items()}
    torch.save(stored, tmp_path / "whole.pth")
    without = {name: value for name, value in stored.items() if name != "layer3.1.conv2.weight"}
    for other in (without, without | {"layer3.1.conv2.weight": torch.rand(256, 256, 1, 1)}):
        torch.save(other, tmp_path / "other.pth")
        with pytest.raises(WeightsError, match=r"fits no encoder of the network \(backbone\)"):
            apply_backbone(network, tmp_path / "other.pth")
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert apply_backbone(network, tmp_path / "whole.pth") == ("backbone",)
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {f"backbone.{name}" for name in ResNet18Stride16().state_dict()}


class WideStem(torch.nn.Module):
    """An encoder that takes a mask beside the three colours."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = ResNet18Stride16()
        self.encoder.conv1 = torch.nn.Conv2d(4, 64, 7, 2, 3)


def test_a_wider_first_convolution_keeps_its_own_planes(tmp_path: Path) -> None:
    network = WideStem()
    own = network.encoder.conv1.weight.detach().clone()
    stored = {name: torch.rand(value.shape) for name, value in ResNet18Stride16().state_dict().items()}
    torch.save(stored, tmp_path / "resnet18.pth")
    apply_backbone(network, tmp_path / "resnet18.pth")
    assert torch.equal(network.encoder.conv1.weight[:, :3], stored["conv1.weight"])
    assert torch.equal(network.encoder.conv1.weight[:, 3:], own[:, 3:])


def test_biases_that_are_not_stored_are_zero(tmp_path: Path) -> None:
    network = WideStem()
    stored = {name: torch.rand(value.shape) for name, value in network.encoder.state_dict().items()}
    without = {name: value for name, value in stored.items() if not name.endswith(".bias")}
    torch.save(without, tmp_path / "resnet18.pth")
    apply_backbone(network, tmp_path / "resnet18.pth")
    state = network.encoder.state_dict()
    assert torch.equal(state["layer2.0.conv1.weight"], stored["layer2.0.conv1.weight"])
    assert not state["layer2.0.conv1.bias"].any()
