"""Saving and loading: what was saved comes back, and whatever does not fit is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from published_files import small_state
from safetensors.torch import save_file
from tiny_network import TINY, save_tiny_weights, tiny_network

from vostool.errors import WeightsError
from vostool.models.lite import LiteNetwork
from vostool.systems import find_system, load_network
from vostool.weights.load import Weights, apply_weights, compare_state, load_weights


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


def test_weights_of_another_system_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, path, metadata={"system": "stcn"})
    with pytest.raises(WeightsError, match=r"weights of 'stcn', not of 'lite'") as caught:
        load_weights(path, "lite")
    assert caught.value.code == "weights.system"
    torch.save(small_state("stm", "module."), tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match=r"weights of 'stm', not of 'stcn'; use --system stm"):
        load_weights(tmp_path / "weights.pth", "stcn")


def test_plain_files_are_left_to_the_comparison(tmp_path: Path) -> None:
    save_file(tiny_network().state_dict(), tmp_path / "plain.safetensors")
    torch.save({"state_dict": tiny_network().state_dict()}, tmp_path / "plain.pth")
    for name, key in (("plain.safetensors", ""), ("plain.pth", "state_dict")):
        weights = load_weights(tmp_path / name, "lite")
        assert (weights.config, weights.prefix, weights.key, weights.dtypes) == ({}, "", key, ("float32",))
        apply_weights(LiteNetwork(TINY), weights)


def test_use_is_in_float32_whatever_is_stored(tmp_path: Path) -> None:
    torch.save(small_state("stcn"), tmp_path / "stcn.pth")
    weights = load_weights(tmp_path / "stcn.pth", "stcn")
    assert weights.dtypes == ("float16", "float32", "float64")
    assert {value.dtype for value in weights.tensors.values()} == {torch.float32, torch.int64}


def test_counters_of_batches_may_be_missing_or_too_many() -> None:
    """PyTorch 0.3.1 had none, and RGMP's published weights have none."""
    network = torch.nn.Sequential(torch.nn.BatchNorm2d(2), torch.nn.Conv2d(2, 2, 1))
    network[0].num_batches_tracked += 7
    tensors = {name: value + 1 for name, value in network.state_dict().items() if "num_batches" not in name}
    apply_weights(network, Weights(Path("old.pth"), "rgmp", {}, tensors | {"9.num_batches_tracked": torch.tensor(1)}))
    assert network[0].num_batches_tracked == 7
    assert torch.equal(network[1].weight, tensors["1.weight"])
    with pytest.raises(WeightsError, match=r"1 unexpected \(9\.weight\)"):
        apply_weights(network, Weights(Path("old.pth"), "rgmp", {}, tensors | {"9.weight": torch.zeros(1)}))


def test_names_of_another_network_are_told() -> None:
    weights = Weights(Path("stm.pth"), "scm", {}, dict(small_state("stm")))
    with pytest.raises(WeightsError, match="its names are those of stm"):
        apply_weights(LiteNetwork(TINY), weights)


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


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(value: float, tmp_path: Path) -> None:
    weights = load_weights(save_tiny_weights(tmp_path / "lite.safetensors"), "lite")
    weights.tensors["key_projection.bias"][0] = value
    with pytest.raises(WeightsError, match=r"holds NaN or infinity in 1 of \d+ tensors \(key_projection") as caught:
        apply_weights(LiteNetwork(TINY), weights)
    assert caught.value.code == "weights.not_finite"
