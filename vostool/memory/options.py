"""How a system remembers, as data that a run may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from vostool.errors import UsageError
from vostool.memory.lfu import DEFAULT_CAPACITY_FRAMES, DEFAULT_FLOOR
from vostool.memory.readers import COUNTINGS, Counting

# What means something to the bank of fixed capacity alone.
LFU_ONLY = ("memory_frames", "counting", "floor")
# More than any machine holds; far beyond, the number of positions is none that a tensor can have.
MAX_MEMORY_FRAMES = 100_000


@dataclass(frozen=True)
class MemoryOptions:
    """How a system remembers; any of these can be overridden for one run.

    Attributes:
        memory: ``lfu``, ``every-k`` or ``first-latest``.
        memory_frames: Capacity of the LFU bank in frames' worth of positions.
        memory_every: Every so many frames one is written; None for the memory's own default.
        top_k: How many slots each position reads; 0 for all of them.
        counting: ``top-k``, ``softmax`` or ``log-top-k``.
        pin: Whether annotated frames are kept out of eviction.
        floor: Share of the capacity that live objects are sure to keep; 0 for none.
        temporary_previous: Whether the previous frame is always read.
        restarts: Whether an annotated frame starts the count of ``memory_every`` anew.
    """

    memory: str = "lfu"
    memory_frames: float = DEFAULT_CAPACITY_FRAMES
    memory_every: int | None = None
    top_k: int = 20
    counting: Counting = "top-k"
    pin: bool = True
    floor: float = DEFAULT_FLOOR
    temporary_previous: bool = False
    restarts: bool = False


DEFAULT_MEMORY = MemoryOptions()


def given_options(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are not None.

    Raises:
        UsageError: One that memory does not have.
    """
    known = {field.name for field in fields(MemoryOptions)}
    for unknown in overrides.keys() - known:
        raise UsageError(f"memory has no option '{unknown}'", f"choose among {', '.join(sorted(known))}")
    return {name: value for name, value in overrides.items() if value is not None}


def override_memory(defaults: MemoryOptions, given: Mapping[str, Any]) -> MemoryOptions:
    """The defaults with what was given instead.

    Raises:
        UsageError: A value that makes no sense.
    """
    options = replace(defaults, **given)
    if options.top_k < 0:
        raise UsageError(f"--top-k is {options.top_k}", "give 0 for all, or 1 and more")
    if not options.memory_frames <= MAX_MEMORY_FRAMES:
        hint = f"give a number of frames, such as 4, and at most {MAX_MEMORY_FRAMES}"
        raise UsageError(f"--memory-frames is {options.memory_frames:g}", hint)
    if options.counting not in COUNTINGS:
        raise UsageError(f"there is no counting '{options.counting}'", f"choose one of {', '.join(COUNTINGS)}")
    return options


def idle_options(options: MemoryOptions, overrides: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of what was given although this memory does not heed it."""
    if options.memory == "lfu":
        return ()
    return tuple(name for name in LFU_ONLY if overrides.get(name) is not None)
