"""Which frames are written to memory, and how long they stay: the policies by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from vostool.errors import UsageError
from vostool.memory.bank import GrowingBank, MemoryBank
from vostool.memory.lfu import DEFAULT_CAPACITY_FRAMES, DEFAULT_FLOOR, DEFAULT_PINNED_FRAMES, LfuBank

MemoryName = Literal["lfu", "every-k", "first-latest"]
MEMORY_NAMES: tuple[str, ...] = get_args(MemoryName)
DEFAULT_EVERY = 5


@dataclass(frozen=True)
class WritePolicy:
    """Which frames are written.

    Attributes:
        every: Every so many frames one is written.
        temporary_previous: True if the others are temporary entries, which only the next frame reads.
        restarts: Whether frames are counted from the newest annotated one (STCN:inference_core_yv.py) instead of from
            the first.
    """

    every: int = DEFAULT_EVERY
    temporary_previous: bool = False
    restarts: bool = False

    def __post_init__(self) -> None:
        if self.every < 1:
            raise UsageError(
                f"a frame cannot be stored every {self.every} frames", "give 1 or more", code="usage.memory_every"
            )

    def should_write(self, ticks_since_start: int) -> bool:
        """Whether to write a frame, given its distance in frames from the one that is counted from."""
        return ticks_since_start % self.every == 0


def build_write_policy(
    name: str, every: int | None = None, *, temporary_previous: bool = False, restarts: bool = False
) -> WritePolicy:
    """The write policy of a memory; unless told otherwise, the latest frame of first-and-latest is the previous one."""
    _check_name(name)
    if every is None:
        every = 1 if name == "first-latest" else DEFAULT_EVERY
    return WritePolicy(every, temporary_previous, restarts)


def build_bank(
    name: str,
    memory_frames: float = DEFAULT_CAPACITY_FRAMES,
    *,
    pin: bool = True,
    floor: float = DEFAULT_FLOOR,
    has_temporary: bool = False,
) -> MemoryBank:
    """An empty bank.

    Args:
        name: One of ``MEMORY_NAMES``.
        memory_frames: Capacity of "lfu" in frames' worth of positions; the others do not heed it.
        pin: Whether annotated frames stay within a quota of their own; "every-k" keeps all frames anyway.
        floor: Share of the capacity of "lfu" that its objects are sure to keep.
        has_temporary: Whether ``set_temporary`` will be called.

    Raises:
        UsageError: There is no such memory, or it is too small for one frame.
    """
    _check_name(name)
    pinned_frames = DEFAULT_PINNED_FRAMES if pin else 0
    banks: dict[str, Callable[[], MemoryBank]] = {
        "lfu": lambda: LfuBank(memory_frames, pinned_frames, floor, has_temporary),
        "every-k": lambda: GrowingBank("all"),
        "first-latest": lambda: GrowingBank("first-latest", pinned_frames),
    }
    return banks[name]()


def _check_name(name: str) -> None:
    if name not in MEMORY_NAMES:
        raise UsageError(
            f"there is no memory '{name}'", f"choose one of {', '.join(MEMORY_NAMES)}", code="usage.memory"
        )
