"""A plain line chart with axes, drawn with Pillow: a run must be visible without a plotting library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 960, 320
LEFT, RIGHT, TOP, BOTTOM = 76, 30, 46, 52
# Drawn larger and scaled down, which smooths the lines.
OVERSAMPLING = 2
PAPER, INK, GRID = "#ffffff", "#222222", "#dddddd"
TEXT_SIZE, TITLE_SIZE = 14, 16
NUM_TICKS = 5

Points = Sequence[tuple[float, float]]
Range = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        points: (x, y), x rising.
        colour: As CSS writes it.
        width: In pixels.
        has_marks: Whether each point is marked by a dot.
    """

    points: Points
    colour: str
    width: int = 2
    has_marks: bool = False


def nice_ticks(low: float, high: float, smallest_step: float = 0.0) -> list[float]:
    """About five round numbers that enclose a range: steps of 1, 2 or 5 times a power of ten."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / NUM_TICKS))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power * NUM_TICKS >= span * 0.999)
    step = max(step, smallest_step)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, max(last, first + 1) + 1)]


def draw_chart(
    title: str, lines: Sequence[Line], across: Range, upward: Range, across_label: str, note: str = ""
) -> Image.Image:
    """Draws lines over shared axes.

    Args:
        title: Above the chart, at the left.
        lines: Later ones lie over earlier ones; values above the axis are drawn at its end.
        across: Smallest and largest x, whole numbers.
        upward: Smallest and largest y; both ranges are widened to round numbers.
        across_label: What x is.
        note: Above the chart, at the right.

    Returns:
        RGB, ``WIDTH`` x ``HEIGHT``.
    """
    return _Chart(nice_ticks(*across, smallest_step=1.0), nice_ticks(*upward)).draw(title, lines, across_label, note)


class _Chart:
    """The picture that grows, and where a value lies in it."""

    def __init__(self, across: list[float], upward: list[float]) -> None:
        size = (WIDTH * OVERSAMPLING, HEIGHT * OVERSAMPLING)
        self._image = Image.new("RGB", size, PAPER)
        self._pen = ImageDraw.Draw(self._image)
        self._across, self._upward = across, upward

    def draw(self, title: str, lines: Sequence[Line], across_label: str, note: str) -> Image.Image:
        self._draw_axes()
        for line in lines:
            self._draw_line(line)
        self._write((LEFT, TOP / 2), title, "lm", TITLE_SIZE)
        self._write((WIDTH - RIGHT, TOP / 2), note, "rm", TEXT_SIZE)
        self._write(((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4), across_label, "mb", TEXT_SIZE)
        return self._image.resize((WIDTH, HEIGHT), Image.Resampling.BOX)

    def _draw_axes(self) -> None:
        left, right, top, bottom = LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM
        for value in self._upward:
            _, y = self._place(self._across[0], value)
            self._stroke([(left, y), (right, y)], GRID, 1)
            self._write((left - 8, y), f"{value:.4g}", "rm", TEXT_SIZE)
        for value in self._across:
            x, _ = self._place(value, self._upward[0])
            self._stroke([(x, bottom), (x, bottom + 5)], INK, 1)
            self._write((x, bottom + 8), f"{value:.6g}", "mt", TEXT_SIZE)
        self._stroke([(left, top), (left, bottom), (right, bottom)], INK, 1)

    def _draw_line(self, line: Line) -> None:
        places = [self._place(*point) for point in line.points if all(map(math.isfinite, point))]
        if len(places) > 1:
            self._stroke(places, line.colour, line.width)
        if line.has_marks or len(places) == 1:
            for x, y in places:
                box = [(each - 4) * OVERSAMPLING for each in (x, y)] + [(each + 4) * OVERSAMPLING for each in (x, y)]
                self._pen.ellipse(box, fill=line.colour)

    def _place(self, across: float, upward: float) -> tuple[float, float]:
        """Pixels of a point; what lies outside the axes is moved to their ends."""
        right = _share(across, self._across) * (WIDTH - LEFT - RIGHT)
        up = _share(upward, self._upward) * (HEIGHT - TOP - BOTTOM)
        return LEFT + right, HEIGHT - BOTTOM - up

    def _stroke(self, places: Points, colour: str, width: int) -> None:
        scaled = [(x * OVERSAMPLING, y * OVERSAMPLING) for x, y in places]
        self._pen.line(scaled, fill=colour, width=width * OVERSAMPLING, joint="curve")

    def _write(self, place: tuple[float, float], text: str, anchor: str, size: int) -> None:
        scaled = (place[0] * OVERSAMPLING, place[1] * OVERSAMPLING)
        self._pen.text(scaled, text, fill=INK, anchor=anchor, font=ImageFont.load_default(size * OVERSAMPLING))


def _share(value: float, ticks: list[float]) -> float:
    return min(1.0, max(0.0, (value - ticks[0]) / (ticks[-1] - ticks[0])))
