"""How much memory a system's tensors take, counted by running its network on shapes alone (torch's meta device).

Shapes: P positions at stride 16; K objects.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vostool.models.network import Network
from vostool.propagation.preprocess import plan_geometry
from vostool.propagation.reference import ReferenceSegmenter
from vostool.propagation.segmenter import POSITION_STRIDE, FrameInput
from vostool.systems import System, find_system

META = torch.device("meta")
# Activations grow with the area: they are counted on one picture, and held against its pixels.
COUNTED_SIZE = (240, 432)
FEW, MANY = 1, 3
FLOAT_BYTES = 4


@dataclass(frozen=True)
class Footprint:
    """What one system takes, in float32.

    Attributes:
        network: Bytes of the weights.
        pixel: Bytes of activations for each pixel of the network's picture, whatever the objects.
        object_pixel: The same for each object that goes through the network together with others.
        shared_slot, object_slot: Bytes of the memory for each position of a remembered frame, shared by the objects,
            and for each of them.
        has_object_keys: Whether each object is compared with the memory on its own.
    """

    network: int
    pixel: float
    object_pixel: float
    shared_slot: int = 0
    object_slot: int = 0
    has_object_keys: bool = False


class PeakCounter(TorchDispatchMode):
    """Follows the tensors that are made inside it.

    Attributes:
        live: Bytes that are alive.
        peak: Most bytes that were alive at once.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = {_storage(each)._cdata for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)}
        result = func(*args, **(kwargs or {}))
        for each in tree_leaves(result):
            if isinstance(each, Tensor) and _storage(each)._cdata not in given:
                self._add(_storage(each))
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        if storage._cdata in self._known:
            return
        self._known.add(storage._cdata)
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._remove, storage._cdata, storage.nbytes())

    def _remove(self, key: int, num_bytes: int) -> None:
        self._known.discard(key)
        self.live -= num_bytes


def _storage(tensor: Tensor) -> torch.UntypedStorage:
    return tensor.untyped_storage()


@cache
def system_footprint(name: str) -> Footprint:
    """Counts one system, as it is by default."""
    system = find_system(name)
    with META:
        network = system.make_network({}).eval().requires_grad_(False)
    weights = sum(each.nbytes for each in (*network.parameters(), *network.buffers()))
    count = partial(_reference_peak, system) if system.defaults is None else _memory_peak
    height, width = plan_geometry(COUNTED_SIZE, None, system.conventions.canvas).padded_size
    image = torch.zeros(1, 3, height, width, device=META)
    few, many = count(network, image, FEW), count(network, image, MANY)
    of_object = (many - few) / (MANY - FEW) / (height * width)
    shared, of_object_slot = (0, 0) if system.defaults is None else _slot_bytes(network, image)
    return Footprint(
        weights, few / (height * width) - FEW * of_object, of_object, shared, of_object_slot,
        system.defaults is not None and network.has_object_keys,
    )  # fmt: skip


@torch.no_grad()
def _memory_peak(network: Network, image: Tensor, num_objects: int) -> int:
    """Of a network over a memory bank: seeing a frame, deciding on it, and remembering it."""
    masks = torch.zeros(num_objects, *image.shape[-2:], device=META)
    rows = torch.zeros(num_objects, dtype=torch.int64, device=META)

    def follow() -> None:
        features = network.encode_query(image)
        memory = network.encode_memory(image, features, masks, masks, rows)
        readout = torch.zeros_like(memory.value)
        del memory
        network.decode(readout, features, masks, rows)

    return _peak(follow)


@torch.no_grad()
def _reference_peak(system: System, network: Any, image: Tensor, num_objects: int) -> int:
    """Of a network that keeps a reference frame in place of a memory."""
    masks = torch.zeros(num_objects, *image.shape[-2:], device=META)

    def follow() -> None:
        segmenter = ReferenceSegmenter(network, system.conventions.canvas, META, scales=system.scales)
        segmenter.start(FrameInput(0, image), masks)
        segmenter.predict(FrameInput(1, image, masks))

    return _peak(follow)


def _peak(compute: Callable[[], None]) -> int:
    with PeakCounter() as counter:
        compute()
    return counter.peak


@torch.no_grad()
def _slot_bytes(network: Network, image: Tensor) -> tuple[int, int]:
    """Of one position: what the objects share of it, and what each object has of its own."""
    masks, rows = torch.zeros(1, *image.shape[-2:], device=META), torch.zeros(1, dtype=torch.int64, device=META)
    memory = network.encode_memory(image, network.encode_query(image), masks, masks, rows)
    key, value = (FLOAT_BYTES * each.shape[1] for each in (memory.key, memory.value))
    return (0, key + value) if network.has_object_keys else (key, value)


def num_positions(padded_size: tuple[int, int]) -> int:
    """P of a picture."""
    return padded_size[0] * padded_size[1] // POSITION_STRIDE**2
