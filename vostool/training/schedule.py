"""Numbers that change over a run, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """A number over the progress of a run.

    Attributes:
        points: Pairs of progress (0..1, rising) and value; before the first and after the last the value stays.
        is_stepped: Whether the value jumps at each point instead of moving evenly from one to the next.
    """

    points: tuple[tuple[float, float], ...]
    is_stepped: bool = False

    def at(self, progress: float) -> float:
        """The value at a progress in 0..1."""
        before = [point for point in self.points if point[0] <= progress] or [self.points[0]]
        after = [point for point in self.points if point[0] > progress]
        if self.is_stepped or not after or progress < self.points[0][0]:
            return before[-1][1]
        (start, low), (end, high) = before[-1], after[0]
        return low + (high - low) * (progress - start) / (end - start)


def constant(value: float) -> Schedule:
    """The same all the time."""
    return Schedule(((0.0, value),))


ALWAYS_ONE = constant(1.0)


def linear(start: float, end: float) -> Schedule:
    """Evenly from one value to another."""
    return Schedule(((0.0, start), (1.0, end)))


def stepped(*points: tuple[float, float]) -> Schedule:
    """Each value from its progress on."""
    return Schedule(points, is_stepped=True)
