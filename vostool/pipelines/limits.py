"""How large a picture and a memory fit into so many bytes: an estimate, made before any work.

The tensors of a network are counted (``footprint``); what the process takes beside them was measured on a CPU, most of
it with lite, stm and stcn at two sizes. On CUDA the formula is the same, with the figures below that say so.

Shapes: P positions at stride 16; K objects.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

import torch

from vostool.errors import MemoryExhausted, UsageError
from vostool.memory.attention import MAX_AFFINITY_ELEMENTS
from vostool.memory.lfu import DEFAULT_PINNED_FRAMES
from vostool.memory.options import MemoryOptions
from vostool.memory.policy import build_write_policy
from vostool.pipelines.footprint import FLOAT_BYTES, Footprint, num_positions, system_footprint
from vostool.propagation.preprocess import plan_geometry
from vostool.propagation.segmenter import OBJECTS_PER_PASS
from vostool.systems import find_system

CPU = torch.device("cpu")
MIB, GIB = 2**20, 2**30
UNITS = {"K": 2**10, "M": MIB, "G": GIB, "T": 2**40}
# Below this, objects of a picture can hardly be told apart.
MIN_SHORT_SIDE = 96
SHRINK, SIDE_STEP = 0.75, 16

# Measured: Python with torch, OpenCV and PyAV on Linux, 253 MiB once loaded, and what of torch is loaded later on.
HOST_BYTES = 300 * MIB
# Measured: weights are reordered once they are loaded, and not all that this takes is given back.
WEIGHTS_FACTOR = 1.25
# Measured: resident memory of a CPU process over the tensors that are counted; convolutions copy their inputs.
CPU_ACTIVATION_FACTOR = 1.6
# Similarities, and what is made of them: nearest slots or their softmax.
AFFINITY_COPIES = 2
# Not measured: what CUDA itself takes of a GPU and of the host, and what mixed precision leaves of the activations.
CUDA_CONTEXT_BYTES, CUDA_HOST_BYTES = 512 * MIB, 2560 * MIB
CUDA_ACTIVATION_FACTOR, HALF_PRECISION_FACTOR = 1.25, 0.6
# Frames that are read ahead, results that wait to be written, and pictures that an encoder holds.
FRAMES_AHEAD, RESULTS_HELD, PICTURES_ENCODED = 8, 6, 16


@dataclass(frozen=True)
class Setting:
    """What can be made smaller.

    Attributes:
        short_side: Of the picture that the network sees, in pixels.
        memory_frames: Capacity of the LFU memory; None if the memory is none of a fixed capacity.
    """

    short_side: int
    memory_frames: float | None

    def __str__(self) -> str:
        frames = self.memory_frames
        memory = "" if frames is None else f" and a memory of {frames:g} frame{'' if frames == 1 else 's'}"
        return f"size {self.short_side}{memory}"


@dataclass(frozen=True)
class Workload:
    """What is to be computed, all but its size.

    Attributes:
        system: Name.
        source_size: (height, width) of the clip.
        num_objects: K.
        memory: How the system remembers; None for its defaults.
        device, precision: Where and in what it is computed.
        num_frames: Of the clip, for memories that grow with it; None if unknown.
        flip, scales: See ``build_segmenter``.
        num_networks: That are averaged, each about as large as the system.
    """

    system: str
    source_size: tuple[int, int]
    num_objects: int
    memory: MemoryOptions | None = None
    device: torch.device = CPU
    precision: torch.dtype = torch.float32
    num_frames: int | None = None
    flip: bool = False
    scales: tuple[float, ...] = ()
    num_networks: int = 1

    @property
    def options(self) -> MemoryOptions | None:
        """How it remembers; None for a system without memory."""
        return self.memory or find_system(self.system).defaults


@dataclass(frozen=True)
class Estimate:
    """Peaks of a run in bytes: of the GPU (0 without one) and of the process."""

    vram: int
    ram: int


@dataclass(frozen=True)
class Limits:
    """What was chosen.

    Attributes:
        setting: The largest that fits.
        estimate: What it takes.
        note: One line for people.
    """

    setting: Setting
    estimate: Estimate
    note: str


def parse_bytes(text: str, option: str = "--max-ram") -> int:
    """``8G``, ``1.5GiB`` or ``500 MB``; all units are powers of 1024.

    Raises:
        UsageError: It is none of these; a number without a unit is hardly meant.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([KMGT])(?:I?B)?\s*", text.upper())
    size = float(found[1]) * UNITS[found[2]] if found else 0.0
    if not 1 <= size < math.inf:
        raise UsageError(f"{option} is '{text}'", "give a number and a unit, such as 8G or 500M", code="usage.bytes")
    return int(size)


def format_bytes(num_bytes: int) -> str:
    """Short, for people, in the units of ``parse_bytes``."""
    return f"{num_bytes / GIB:.1f}G" if num_bytes >= GIB else f"{math.ceil(num_bytes / MIB)}M"


def largest_setting(workload: Workload, size: int, memory_frames: float | None = None) -> Setting:
    """What is asked for: pictures are never scaled up.

    Args:
        memory_frames: In place of that of the workload's memory.
    """
    options = workload.options
    frames = (memory_frames or options.memory_frames) if options and options.memory == "lfu" else None
    return Setting(min(size, *workload.source_size), frames)


def smaller_setting(setting: Setting) -> Setting | None:
    """The next smaller one: half the memory down to a frame, then a smaller picture; None after the smallest."""
    if setting.memory_frames is not None and setting.memory_frames > 1:
        return replace(setting, memory_frames=max(1.0, setting.memory_frames / 2))
    side = max(MIN_SHORT_SIDE, round(setting.short_side * SHRINK / SIDE_STEP) * SIDE_STEP)
    return replace(setting, short_side=side) if side < setting.short_side else None


def choose_limits(workload: Workload, size: int, max_vram: int | None = None, max_ram: int | None = None) -> Limits:
    """The largest setting that should fit, from what is asked for downward.

    Args:
        size: Short side that is asked for.
        max_vram: Bytes of the GPU; means nothing without one.
        max_ram: Bytes of the process.

    Raises:
        MemoryExhausted: Not even the smallest one fits.
    """
    first = setting = largest_setting(workload, size)
    while True:
        estimate = estimate_memory(workload, setting)
        if _fits(estimate.vram, max_vram) and _fits(estimate.ram, max_ram):
            return Limits(setting, estimate, _note(workload, first, setting, estimate))
        smaller = smaller_setting(setting)
        if smaller is None:
            raise _too_little(setting, estimate, max_vram, max_ram)
        setting = smaller


def estimate_memory(workload: Workload, setting: Setting) -> Estimate:
    """Peaks that a run should come to, the reading of the clip and the writing of one video included."""
    network, host = _network_bytes(workload, setting), HOST_BYTES + picture_bytes(workload)
    if workload.device.type == "cpu":
        return Estimate(0, int(host + network))
    return Estimate(int(CUDA_CONTEXT_BYTES + network), int(host + CUDA_HOST_BYTES))


def _network_bytes(workload: Workload, setting: Setting) -> float:
    """Everything on the device."""
    system, footprint = find_system(workload.system), system_footprint(workload.system)
    padded = plan_geometry(workload.source_size, setting.short_side, system.conventions.canvas).padded_size
    # A system without memory sees its scales one by one, and they are in its footprint.
    areas = [scale**2 for scale in workload.scales or (1.0,)] if system.defaults else [1.0]
    num_positions_kept = num_positions(padded) * sum(areas) * (2 if workload.flip else 1) * workload.num_networks
    return (
        WEIGHTS_FACTOR * footprint.network * workload.num_networks
        + _activation_bytes(workload, footprint, padded[0] * padded[1] * max(areas))
        + _memory_bytes(workload, footprint, setting, num_positions_kept)
        + _affinity_bytes(workload, footprint, setting, num_positions(padded) * max(areas))
        + _probability_bytes(workload, padded)
    )


def _activation_bytes(workload: Workload, footprint: Footprint, num_pixels: float) -> float:
    together = min(workload.num_objects, OBJECTS_PER_PASS)
    counted = num_pixels * (footprint.pixel + together * footprint.object_pixel)
    if workload.device.type == "cpu":
        return counted * CPU_ACTIVATION_FACTOR
    is_half = workload.precision != torch.float32
    return counted * CUDA_ACTIVATION_FACTOR * (HALF_PRECISION_FACTOR if is_half else 1.0)


def _memory_bytes(workload: Workload, footprint: Footprint, setting: Setting, num_kept: float) -> float:
    """The bank; one that grows is copied when it does."""
    options = workload.options
    if options is None:
        return 0.0
    frames = _frames_read(workload, setting)
    if options.memory == "lfu":
        frames += DEFAULT_PINNED_FRAMES - 1 if options.pin else 0
    copies = 2 if options.memory == "every-k" else 1
    return copies * frames * num_kept * (footprint.shared_slot + workload.num_objects * footprint.object_slot)


def _affinity_bytes(workload: Workload, footprint: Footprint, setting: Setting, num_queries: float) -> float:
    """Reads go in chunks of queries, so that there is a bound."""
    if workload.options is None:
        return 0.0
    rows = workload.num_objects if footprint.has_object_keys else 1
    num_slots = _frames_read(workload, setting) * num_queries
    elements = max(min(rows * num_slots * num_queries, MAX_AFFINITY_ELEMENTS), rows * num_slots)
    return AFFINITY_COPIES * FLOAT_BYTES * elements


def _frames_read(workload: Workload, setting: Setting) -> float:
    """Frames' worth of slots, one of them annotated."""
    options = workload.options
    assert options is not None
    temporary = 1 if options.temporary_previous else 0
    if options.memory == "lfu":
        return (setting.memory_frames or options.memory_frames) + 1 + temporary
    if options.memory == "first-latest":
        return 2 + temporary
    every = build_write_policy(options.memory, options.memory_every).every
    return math.ceil((workload.num_frames or 1) / every) + 1 + temporary


def _probability_bytes(workload: Workload, padded: tuple[int, int]) -> float:
    """Of the objects and the background, at the network's size and at the clip's, and copies of them."""
    height, width = workload.source_size
    return (workload.num_objects + 1) * FLOAT_BYTES * (4 * padded[0] * padded[1] + 3 * height * width)


def picture_bytes(workload: Workload) -> float:
    """Frames and results on their way through the process, which a loop over frames alone does not hold."""
    height, width = workload.source_size
    result = 4 + workload.num_objects * FLOAT_BYTES
    return height * width * (3 * FRAMES_AHEAD + result * RESULTS_HELD + 4 * PICTURES_ENCODED)


def _fits(num_bytes: int, bound: int | None) -> bool:
    return bound is None or num_bytes <= bound


def _note(workload: Workload, first: Setting, chosen: Setting, estimate: Estimate) -> str:
    vram = f"{format_bytes(estimate.vram)} of GPU memory and " if estimate.vram else ""
    asked = "" if chosen == first else f" in place of {first}"
    options = workload.options
    is_open = options is not None and options.memory == "every-k" and workload.num_frames is None
    grows = ", and more as the memory grows with the clip" if is_open else ""
    return f"{chosen}{asked}, for about {vram}{format_bytes(estimate.ram)} of memory{grows}"


def _too_little(setting: Setting, estimate: Estimate, max_vram: int | None, max_ram: int | None) -> MemoryExhausted:
    name, needed, bound = "--max-ram", estimate.ram, max_ram
    if not _fits(estimate.vram, max_vram):
        name, needed, bound = "--max-vram", estimate.vram, max_vram
    message = f"{name} {format_bytes(bound or 0)} is too little: even {setting} takes about {format_bytes(needed)}"
    return MemoryExhausted(message, f"raise {name}, or follow fewer objects", code="memory.limit")
