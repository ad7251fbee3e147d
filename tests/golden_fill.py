"""Weights that follow from the names of the tensors alone, so that golden numbers need no checkpoint to go with them.

The rule is that of the shared folder's golden/README.md and fill.py. One draw per tensor from NumPy's legacy generator,
whose stream never changes, seeded with crc32(name) xor seed.
"""

from __future__ import annotations

import zlib

import numpy as np
import torch
from torch import nn

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
# By the name of the layer. Small keys keep the softmax over the memory off one-hot, large mask stems let the mask
# matter, small last layers give logits of a few units.
GAINS = {
    **dict.fromkeys(("Key", "key_proj"), 0.35),
    **dict.fromkeys(("conv1_m", "conv1_o", "conv1_p"), 3.0),
    **dict.fromkeys(("pred", "pred2", "pred3", "pred4", "pred5", "local_pred2"), 0.1),
}


def fill_tensor(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """The tensor of a state dict under this name; float32, or int64 for a counter of batches."""
    name = name.removeprefix("module.")
    owner, _, kind = name.rpartition(".")
    if kind == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    if kind in IMAGENET and shape == (1, 3, 1, 1):
        return np.array(IMAGENET[kind], np.float32).reshape(shape)
    random = np.random.RandomState(zlib.crc32(name.encode()) ^ seed)
    if kind == "running_mean":
        values = 0.1 * random.standard_normal(shape)
    elif kind == "running_var":
        values = 0.8 + 0.4 * random.random_sample(shape)
    elif len(shape) > 1:
        gain = GAINS.get(owner.rpartition(".")[2], 1.0) if kind == "weight" else 1.0
        values = gain * np.sqrt(2.0 / np.prod(shape[1:])) * random.standard_normal(shape)
    elif kind == "weight":
        values = 0.6 + 0.4 * random.random_sample(shape)
    else:
        values = 0.05 * random.standard_normal(shape)
    return values.astype(np.float32)


def fill_network(network: nn.Module, seed: int) -> None:
    """Fills every parameter and buffer of a module's state dict."""
    filled = {
        name: torch.from_numpy(fill_tensor(name, tuple(tensor.shape), seed))
        for name, tensor in network.state_dict().items()
    }
    network.load_state_dict(filled)
