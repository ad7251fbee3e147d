"""What a frame asks of the machine, operations and bytes, beside what the machine can do at best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vostool.pipelines.benchmark_clock import Tally
from vostool.pipelines.benchmark_machine import Rates
from vostool.pipelines.benchmark_report import Limit
from vostool.pipelines.costs import Cost
from vostool.propagation.segmenter import POSITION_STRIDE


class ByteCounter(TorchDispatchMode):
    """Adds up the bytes of the inputs and results of all operations that touch them; views do not.

    Attributes:
        num_bytes: So far.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.num_bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        # Without gradients, operations that are made of others come whole, and among them are views in disguise.
        with self:
            parts = func.decompose(*args, **kwargs)
        if parts is not NotImplemented:
            return parts
        result = func(*args, **kwargs)
        if not func.is_view:
            touched = tree_leaves((args, kwargs, result))
            self.num_bytes += sum(each.nbytes for each in touched if isinstance(each, torch.Tensor))
        return result


def frame_gmac(cost: Cost, tally: Tally, num_objects: int, top_k: int, padded_size: tuple[int, int]) -> float:
    """10^9 multiply-accumulates a frame, from what the system costs and how often it did what.

    Args:
        top_k: Slots whose values each position sums; 0 for all.
        padded_size: (h', w').
    """
    network = cost.frame + cost.object + (num_objects - 1) * cost.further_object
    remembering = cost.memory_object * tally.num_encoded / tally.num_frames
    num_read = tally.num_read / tally.num_frames
    num_positions = padded_size[0] * padded_size[1] / POSITION_STRIDE**2
    num_summed = min(num_read, top_k / num_positions) if top_k else num_read
    return network + remembering + cost.read * num_read + cost.read_object * num_objects * num_summed


def compare_with_limit(gmac: float, num_bytes: float, rates: Rates, milliseconds: float) -> Limit:
    """Of a frame: what was measured to the time that the rates would need.

    Args:
        milliseconds: Measured for the network.
    """
    compute, copy = gmac * 1e9 / rates.matmul * 1e3, num_bytes / rates.copy * 1e3
    ratio = milliseconds / max(compute, copy)
    return Limit(gmac, num_bytes / 1e9, rates.matmul / 1e9, rates.copy / 1e9, compute, copy, ratio)
