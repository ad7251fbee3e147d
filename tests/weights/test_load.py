"""Saving and loading: what was saved comes back, and whatever does not fit is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_network import TINY, save_tiny_weights, tiny_network

from vostool.errors import WeightsError
from vostool.models.lite import LiteNetwork
from vostool.systems import find_system, load_network
from vostool.weights.load import apply_weights, compare_state, load_weights


def test_round_trip_in_half_precision(tmp_path: Path) -> None:
    path = save_tiny_weights(tmp_path / "lite.safetensors")
    network = load_network(find_system("lite"), path)
    assert network.config == TINY
    assert not network.training
    for name, value in tiny_network().state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], value.half().float(), rtol=0, atol=0)
    assert not list(tmp_path.glob("*.tmp"))


def test_truncated_file_is_named(tmp_path: Path) -> None:
    path = save_tiny_weights(tmp_path / "lite.safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match=r"lite\.safetensors is not a whole safetensors file") as caught:
        load_weights(path, "lite")
    assert caught.value.code == "weights.damaged"


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\x80\x04\x95pickle"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lite.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        load_weights(path, "lite")


def test_weights_of_another_system_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, path, metadata={"system": "stcn"})
    with pytest.raises(WeightsError, match=r"weights of 'stcn', not of 'lite'"):
        load_weights(path, "lite")
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="an unnamed system"):
        load_weights(path, "lite")


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    weights = load_weights(save_tiny_weights(tmp_path / "lite.safetensors"), "lite")
    weights.tensors["stray.weight"] = weights.tensors.pop("key_projection.bias")
    weights.tensors["decoder.predict.bias"] = torch.zeros(3)
    with pytest.raises(WeightsError) as caught:
        apply_weights(LiteNetwork(TINY), weights)
    text = str(caught.value)
    assert "1 missing (key_projection.bias)" in text
    assert "1 unexpected (stray.weight)" in text
    assert "decoder.predict.bias (3,) instead of (1,)" in text
    assert "\n" not in text


def test_long_lists_are_cut() -> None:
    (problem,) = compare_state({f"layer{index}": torch.zeros(1) for index in range(9)}, {})
    assert problem == "9 missing (layer0, layer1, layer2, ...)"
