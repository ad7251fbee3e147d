"""Small files of weights named as the published ones are, and a writer of the format of PyTorch 0.3.1."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vostool.weights.layout import LAYOUTS


def small_state(system: str, prefix: str = "") -> OrderedDict[str, Tensor]:
    """A few tensors under names that tell the system, of several dtypes; always the same numbers."""
    generator = torch.Generator().manual_seed(0)
    layout = next(each for each in LAYOUTS if each.system == system)
    state = OrderedDict((prefix + name, torch.randn(3, 4, generator=generator)) for name in sorted(layout.marks))
    first = min(layout.modules)
    state[f"{prefix}{first}.bn1.running_var"] = torch.rand(4, generator=generator, dtype=torch.float64)
    state[f"{prefix}{first}.bn1.weight"] = torch.randn(2, 4, generator=generator).half()[:, ::2]
    state[f"{prefix}{first}.bn1.num_batches_tracked"] = torch.tensor(123_456_789_012)
    return state


class _OldStorage:
    def __init__(self, key: int, value: Tensor) -> None:
        self.key, self.value = str(key), value


class _OldTensor:
    """Pickled as PyTorch 0.3.1 pickled a tensor on a GPU."""

    def __init__(self, storage: _OldStorage) -> None:
        self.storage = storage

    def __reduce__(self) -> Any:
        value = self.storage.value
        return torch._utils._rebuild_tensor, (self.storage, 0, tuple(value.shape), value.stride())


class _OldPickler(pickle.Pickler):
    def persistent_id(self, thing: object) -> object:
        if isinstance(thing, _OldStorage):
            return "storage", torch.cuda.FloatStorage, thing.key, "cuda:0", thing.value.numel(), None
        return None


def save_as_pytorch_0_3(path: Path, state: Mapping[str, Tensor]) -> None:
    """Writes float32 tensors as torch.save did: four pickles, then the storages (torch 0.3.1:serialization.py)."""
    storages = [_OldStorage(index, value.contiguous()) for index, value in enumerate(state.values())]
    with path.open("wb") as opened:
        pickle.dump(0x1950A86A20F9469CFC6C, opened, protocol=2)
        pickle.dump(1001, opened, protocol=2)
        pickle.dump({"protocol_version": 1001, "little_endian": True, "type_sizes": {}}, opened, protocol=2)
        tensors = OrderedDict(zip(state, map(_OldTensor, storages), strict=True))
        _OldPickler(opened, protocol=2).dump(tensors)
        pickle.dump([storage.key for storage in storages], opened, protocol=2)
        for storage in storages:
            opened.write(storage.value.numel().to_bytes(8, "little"))
            opened.write(storage.value.numpy().tobytes())
