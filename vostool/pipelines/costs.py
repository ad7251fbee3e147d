"""What each system costs: parameters, and multiplications by what they are spent on.

Counted by running the networks on shapes alone (torch's meta device), so that the figures are those of the code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from vostool.models.network import MemoryFeatures, Network
from vostool.propagation.preprocess import plan_geometry
from vostool.propagation.reference import ReferenceSegmenter
from vostool.propagation.segmenter import FrameInput
from vostool.systems import System, find_system

# The size of DAVIS "480p", at which the papers report.
FRAME_SIZE = (480, 854)
META = torch.device("meta")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Cost:
    """What one system costs. All but the first are GMAC (10^9 multiply-accumulates) at 480x854.

    Attributes:
        parameters: Numbers in the network.
        frame: For each frame, however many objects there are.
        object: For each frame and object, where there is one.
        further_object: For each frame and each object after the first, which shares what belongs to the image.
        memory_object: For each object of a frame that is remembered.
        read: Dense read of one remembered frame, the part that objects share.
        read_object: The same for each object. A read of the top k needs a small part of it.
    """

    parameters: int
    frame: float = 0.0
    object: float = 0.0
    further_object: float = 0.0
    memory_object: float = 0.0
    read: float = 0.0
    read_object: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def system_cost(name: str, size: tuple[int, int] = FRAME_SIZE) -> Cost:
    """Counts one system, as it is by default.

    Args:
        size: (height, width) of the frames.
    """
    system = find_system(name)
    with META:
        network = system.make_network({}).eval().requires_grad_(False)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    height, width = plan_geometry(size, None, system.conventions.canvas).padded_size
    image = torch.zeros(1, 3, height, width, device=META)
    if system.defaults is None:
        return _reference_cost(system, network, image, parameters)
    return _memory_cost(network, image, parameters)


def _memory_cost(network: Network, image: Tensor, parameters: int) -> Cost:
    """Of a network over a memory bank: once with one object, once with two."""
    frame, features = _count(partial(network.encode_query, image))
    masks, rows = torch.zeros(2, *image.shape[-2:], device=META), torch.zeros(2, dtype=torch.int64, device=META)
    one, both = slice(0, 1), slice(0, 2)

    def encode_memory(objects: slice) -> MemoryFeatures:
        return network.encode_memory(image, features, masks[objects], masks[objects], rows[objects])

    memory_object, memory = _count(partial(encode_memory, one))
    values = memory.value.expand(2, -1, -1, -1)

    def decode(objects: slice) -> Tensor:
        return network.decode(values[objects], features, masks[objects], rows[objects])

    first, _ = _count(partial(decode, one))
    further = _count(partial(decode, both))[0] - first
    keys, sums = _read_costs(memory)
    shared, of_object = (0.0, keys + sums) if network.has_object_keys else (keys, sums)
    return Cost(parameters, frame, first, further, memory_object, shared, of_object)


def _reference_cost(system: System, network: Any, image: Tensor, parameters: int) -> Cost:
    """Of a network without memory: all its work is done for an object; several need one more pass, for all of them."""
    segmenter = ReferenceSegmenter(network, system.conventions.canvas, META, scales=system.scales)

    def predict(num_objects: int) -> float:
        masks = torch.zeros(num_objects, *image.shape[-2:], device=META)
        segmenter.start(FrameInput(0, image), masks)
        return _count(partial(segmenter.predict, FrameInput(1, image, masks)))[0]

    return Cost(parameters, object=predict(1), further_object=predict(3) - predict(2))


def _read_costs(memory: MemoryFeatures) -> tuple[float, float]:
    """GMAC of comparing every position with every slot of one frame, and of summing the values of one object."""
    num_positions = memory.key.shape[-2] * memory.key.shape[-1]
    return num_positions**2 * memory.key.shape[1] / 1e9, num_positions**2 * memory.value.shape[1] / 1e9


def _count(compute: Callable[[], Result]) -> tuple[float, Result]:
    """GMAC of a computation, and what it gives; torch counts a multiplication and an addition as two."""
    with FlopCounterMode(display=False) as counter:
        result = compute()
    return counter.get_total_flops() / 2e9, result
