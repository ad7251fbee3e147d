"""Line charts as inline SVG: measures from 0 to 1 over frames or percentiles; colours are classes of the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from vostool.pipelines.report_html import Markup, element
from vostool.training.chart import nice_ticks

WIDTH, HEIGHT = 460, 252
LEFT, RIGHT, TOP, BOTTOM = 42, 30, 30, 42
UPWARD_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
LABEL_HEIGHT = 12.0
TEXT_WIDTH = 6.6  # of one letter, about

Point = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to be seen at one point.

    Attributes:
        x: As on the axis.
        y: 0..1.
        kind: ``worst`` is a ring, ``missing`` a cross, ``absent`` a hollow square, ``lost`` a dot.
        tip: Shown while the pointer rests on it.
        label: Written beside it; may be empty.
    """

    x: float
    y: float
    kind: str
    tip: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """One line.

    Attributes:
        points: (x, y), x rising; y None where the line is broken.
        style: Class that gives its colour.
        label: Written at its end; may be empty.
        marks: On it.
    """

    points: Sequence[Point]
    style: str
    label: str = ""
    marks: Sequence[Mark] = ()


def line_chart(
    title: str, description: str, curves: Sequence[Curve], across: tuple[float, float], across_label: str, upward: str
) -> Markup:
    """Draws lines over shared axes; y is from 0 to 1.

    Args:
        title: For those who hear the page; not drawn.
        description: The same at more length.
        curves: Later ones lie over earlier ones.
        across: Smallest and largest x.
        across_label: What x is.
        upward: What y is.
    """
    chart = _Chart(across)
    marks = [chart.mark(mark, curve.style) for curve in curves for mark in curve.marks]
    return element(
        "svg",
        element("title", title), element("desc", description),
        *chart.axes(across_label, upward), *(chart.line(curve) for curve in curves), *chart.end_labels(curves), *marks,
        viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=f"{title}. {description}", class_="chart",
    )  # fmt: skip


class _Chart:
    """Where a value lies, and what is drawn there."""

    def __init__(self, across: tuple[float, float]) -> None:
        self._first, self._last = across if across[1] > across[0] else (across[0] - 0.5, across[0] + 0.5)
        self._ticks = [each for each in nice_ticks(*across, smallest_step=1.0) if across[0] <= each <= across[1]]

    def axes(self, across_label: str, upward: str) -> Iterator[Markup]:
        left, right, bottom = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM
        for value in UPWARD_TICKS:
            y = self._y(value)
            yield element("line", x1=left, y1=y, x2=right, y2=y, class_="grid" if value else "axis")
            yield _text(left - 7, y + 4, f"{value:g}", "end")
        for value in self._ticks:
            x = self._x(value)
            yield element("line", x1=x, y1=bottom, x2=x, y2=bottom + 4, class_="axis")
            yield _text(x, bottom + 17, f"{value:g}", "middle")
        yield _text((left + right) / 2, HEIGHT - 6, across_label, "middle")
        yield element("text", upward, x=left - 7, y=TOP - 17, text_anchor="end", class_="name")

    def line(self, curve: Curve) -> Markup:
        """The line in pieces; a point that stands alone is a dot."""
        pieces = []
        for is_there, group in groupby(curve.points, key=lambda point: point[1] is not None):
            places = [(self._x(x), self._y(y)) for x, y in group if y is not None]
            if not is_there:
                continue
            if len(places) == 1:
                pieces.append(element("circle", cx=places[0][0], cy=places[0][1], r=2.5, class_="dot"))
            else:
                pieces.append(element("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in places)))
        return element("g", *pieces, class_=f"line {curve.style}")

    def end_labels(self, curves: Sequence[Curve]) -> Iterator[Markup]:
        """Names at the right end of the lines, moved apart where they would lie on one another."""
        ends = []
        for curve in curves:
            places = [(self._y(y), self._x(x)) for x, y in curve.points if y is not None]
            if curve.label and places:
                ends.append((*places[-1], curve))
        ends.sort(key=lambda end: end[0])
        for (_, x, curve), y in zip(ends, _apart([end[0] for end in ends]), strict=True):
            yield element("text", curve.label, x=x + 6, y=y + 4, class_=f"end {curve.style}")

    def mark(self, mark: Mark, style: str) -> Markup:
        x, y = self._x(mark.x), self._y(mark.y)
        shapes = {
            "worst": lambda: element("circle", cx=x, cy=y, r=4.5),
            "missing": lambda: element("path", d=f"M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"),
            "absent": lambda: element("rect", x=x - 3, y=y - 3, width=6, height=6),
            "lost": lambda: element("circle", cx=x, cy=y, r=2.5),
        }
        label = self._mark_label(x, y, mark.label) if mark.label else None
        return element("g", element("title", mark.tip), shapes[mark.kind](), label, class_=f"mark {mark.kind} {style}")

    def _mark_label(self, x: float, y: float, label: str) -> Markup:
        """Below the point or, near the ground, above; never over the sides."""
        half = len(label) * TEXT_WIDTH / 2
        centre = min(max(x, LEFT + half + 2), WIDTH - RIGHT - half)
        below = y + 18 if y + 24 < HEIGHT - BOTTOM else y - 9
        return element("text", label, x=centre, y=below, text_anchor="middle", class_="halo")

    def _x(self, value: float) -> float:
        return LEFT + (value - self._first) / (self._last - self._first) * (WIDTH - LEFT - RIGHT)

    def _y(self, value: float) -> float:
        return TOP + (1 - value) * (HEIGHT - TOP - BOTTOM)


def _apart(heights: Sequence[float]) -> list[float]:
    """Heights, which rise, at least a line of text from one another and no lower than the ground."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + LABEL_HEIGHT) if placed else height)
    ground = float(HEIGHT - BOTTOM)
    for index in reversed(range(len(placed))):
        placed[index] = min(placed[index], ground)
        ground = placed[index] - LABEL_HEIGHT
    return placed


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return element("text", text, x=x, y=y, text_anchor=anchor)
