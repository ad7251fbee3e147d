"""Our fill rule draws the same numbers as the one that the golden numbers were made with."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from golden_fill import fill_network, fill_tensor
from torch import nn

TENSORS = (
    ("module.Encoder_M.mean", (1, 3, 1, 1)),
    ("module.Encoder_Q.std", (1, 3, 1, 1)),
    ("module.Encoder_M.conv1_o.weight", (64, 1, 7, 7)),
    ("Encoder.conv1_p.weight", (64, 1, 7, 7)),
    ("Encoder.conv1_p.bias", (64,)),
    ("Encoder_M.bn1.weight", (64,)),
    ("Encoder_M.bn1.bias", (64,)),
    ("Encoder_M.bn1.running_mean", (64,)),
    ("Encoder_M.bn1.running_var", (64,)),
    ("Encoder_M.bn1.num_batches_tracked", ()),
    ("KV_M_r4.Key.weight", (128, 32, 3, 3)),
    ("KV_M_r4.Key.bias", (128,)),
    ("KV_M_r4.Value.weight", (32, 64, 3, 3)),
    ("key_proj.key_proj.weight", (64, 32, 3, 3)),
    ("key_proj.key_proj.bias", (64,)),
    ("decoder.pred.weight", (1, 256, 3, 3)),
    ("Decoder.pred5.weight", (2, 256, 3, 3)),
    ("Decoder.pred2.bias", (2,)),
    ("value_encoder.fuser.attention.ChannelGate.mlp.1.weight", (32, 512)),
    ("value_encoder.conv1.weight", (64, 5, 7, 7)),
)


@pytest.mark.parametrize(("name", "shape"), TENSORS)
def test_draws_what_the_shared_rule_draws(name: str, shape: tuple[int, ...], shared_folder: Path) -> None:
    path = shared_folder / "golden" / "fill.py"
    if not path.is_file():
        pytest.skip("the shared folder has no golden/fill.py")
    specification = importlib.util.spec_from_file_location("shared_fill", path)
    assert specification is not None
    assert specification.loader is not None
    shared = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(shared)
    for seed in (0, 5):
        ours, theirs = fill_tensor(name, shape, seed), shared.fill(name, shape, seed)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


def test_fills_a_whole_network() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    fill_network(network, 7)
    expected = torch.from_numpy(fill_tensor("0.weight", (4, 3, 3, 3), 7))
    torch.testing.assert_close(network[0].weight.detach(), expected, atol=0, rtol=0)
    assert network[1].running_var.min() >= 0.8
