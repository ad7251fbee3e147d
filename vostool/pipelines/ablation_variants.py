"""The memory study as data: which memories are compared, and in which tables each of them stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vostool.memory.lfu import DEFAULT_FLOOR
from vostool.memory.policy import DEFAULT_EVERY

# Title of each table. Thesis: Pourganjalikhan, "Adaptive Memory Management in Video Object Segmentation", section 3.5.
STUDIES = {
    "policy": "which memory (thesis, Tables 1 and 3)",
    "counting": "what counts as use (thesis, Table 4)",
    "capacity": "how many frames (thesis, Figure 11)",
    "protection": "pinning and floor (not in the thesis, whose memory has neither)",
}


@dataclass(frozen=True)
class Variant:
    """One memory; run once, however many tables it stands in.

    Attributes:
        name: As in tables and JSON.
        studies: Keys of ``STUDIES``.
        memory: Fields of ``MemoryOptions`` in place of the system's own.
    """

    name: str
    studies: tuple[str, ...]
    memory: Mapping[str, Any] = field(default_factory=dict)


def _lfu(frames: float, *, counting: str = "top-k", pin: bool = True, floor: float = DEFAULT_FLOOR) -> dict[str, Any]:
    return {
        "memory": "lfu", "memory_frames": frames, "memory_every": DEFAULT_EVERY, "counting": counting, "pin": pin,
        "floor": floor,
    }  # fmt: skip


# Speed is told as a multiple of this one's.
REFERENCE = "every-5"

VARIANTS = (
    Variant(REFERENCE, ("policy", "capacity"), {"memory": "every-k", "memory_every": 5}),
    Variant("first-and-latest", ("policy", "capacity"), {"memory": "first-latest", "memory_every": 1}),
    # Of the size of first-and-latest and without protection, as the thesis has it.
    Variant("lfu-2-bare", ("policy",), _lfu(2.0, pin=False, floor=0.0)),
    Variant("lfu-1", ("capacity",), _lfu(1.0)),
    Variant("lfu-2", ("capacity",), _lfu(2.0)),
    Variant("lfu-4", ("policy", "counting", "capacity", "protection"), _lfu(4.0)),
    Variant("lfu-8", ("capacity",), _lfu(8.0)),
    Variant("lfu-4-softmax", ("counting",), _lfu(4.0, counting="softmax")),
    Variant("lfu-4-log-top-k", ("counting",), _lfu(4.0, counting="log-top-k")),
    Variant("lfu-4-bare", ("protection",), _lfu(4.0, pin=False, floor=0.0)),
    Variant("lfu-4-pin", ("protection",), _lfu(4.0, floor=0.0)),
    Variant("lfu-4-floor", ("protection",), _lfu(4.0, pin=False)),
)
LEGEND = (
    "lfu-N: N frames, use counted by top-k, with pin and floor unless the name says otherwise; bare: neither. "
    "frames: frames' worth of memory that a frame reads, pinned ones included"
)
