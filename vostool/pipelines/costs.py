"""What each system costs: parameters, and multiplications by what they are spent on.

Counted by running the networks on shapes alone (torch's meta device), so that the figures are those of the code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

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
    one, two = _Passes(network, image, 1), _Passes(network, image, 2)
    decode = _count(one.decode)
    keys, values = _read_costs(one.encode_memory())
    return Cost(
        parameters,
        frame=_count(one.encode_query),
        object=decode,
        further_object=_count(two.decode) - decode,
        memory_object=_count(one.encode_memory),
        read=0.0 if network.has_object_keys else keys,
        read_object=values + keys if network.has_object_keys else values,
    )


def _reference_cost(system: System, network: Any, image: Tensor, parameters: int) -> Cost:
    """Of a network without memory: all its work is done for an object; several need one more pass, for all of them."""
    segmenter = ReferenceSegmenter(network, system.conventions.canvas, META, scales=system.scales)

    def predict(num_objects: int) -> float:
        masks = torch.zeros(num_objects, *image.shape[-2:], device=META)
        segmenter.start(FrameInput(0, image), masks)
        return _count(partial(segmenter.predict, FrameInput(1, image, masks)))

    return Cost(parameters, object=predict(1), further_object=predict(3) - predict(2))


class _Passes:
    """The passes of a network over one image, ready to be counted."""

    def __init__(self, network: Network, image: Tensor, num_objects: int) -> None:
        self.encode_query = partial(network.encode_query, image)
        features = self.encode_query()
        masks = torch.zeros(num_objects, *image.shape[-2:], device=META)
        rows = torch.zeros(num_objects, dtype=torch.int64, device=META)
        self.encode_memory = partial(network.encode_memory, image, features, masks, masks, rows)
        self.decode = partial(network.decode, self.encode_memory().value, features, masks, rows)


def _read_costs(memory: MemoryFeatures) -> tuple[float, float]:
    """GMAC of comparing every position with every slot of one frame, and of summing the values of one object."""
    num_positions = memory.key.shape[-2] * memory.key.shape[-1]
    return num_positions**2 * memory.key.shape[1] / 1e9, num_positions**2 * memory.value.shape[1] / 1e9


def _count(compute: Callable[[], object]) -> float:
    """GMAC of a computation; torch counts a multiplication and an addition as two."""
    with FlopCounterMode(display=False) as counter:
        compute()
    return counter.get_total_flops() / 2e9
