"""J&F and speed against the size of the memory, as in Figure 11 of the thesis on adaptive memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from vostool.pipelines.chart_page import COLOURS, draw_legend, save_page
from vostool.training.chart import Line, draw_chart

ACROSS = "frames' worth of memory that a frame reads, mean"
CURVE = "lfu"
CURVE_LABEL = "LFU, from left to right: "


@dataclass(frozen=True)
class CapacityPoint:
    """One memory.

    Attributes:
        num_frames: Frames' worth that a frame reads, mean.
        score: J&F.
        frames_per_second: Of the network.
    """

    name: str
    num_frames: float
    score: float
    frames_per_second: float


def save_capacity_plot(points: Sequence[CapacityPoint], note: str, path: Path) -> None:
    """Draws two panels: LFU memories of rising capacity are one curve, each other memory is a dot.

    Args:
        points: LFU memories are those whose name begins so.
        note: What was measured.

    Raises:
        OutputError: The file cannot be written.
    """
    curve = sorted((point for point in points if point.name.startswith(CURVE)), key=lambda point: point.num_frames)
    groups = {point.name: [point] for point in points if not point.name.startswith(CURVE)}
    if curve:
        groups[CURVE_LABEL + ", ".join(point.name for point in curve)] = curve
    colours = dict(zip(groups, COLOURS, strict=False))
    scores = {name: [(each.num_frames, each.score) for each in group] for name, group in groups.items()}
    speeds = {name: [(each.num_frames, each.frames_per_second) for each in group] for name, group in groups.items()}
    panels = [
        draw_legend(colours),
        _panel("J&F", scores, colours, note),
        _panel("frames a second, network only", speeds, colours, note),
    ]
    save_page(panels, path)


def _panel(title: str, curves: dict[str, list[tuple[float, float]]], colours: dict[str, str], note: str) -> Image.Image:
    lines = [Line(points, colours[name], has_marks=True) for name, points in curves.items()]
    values = [value for line in lines for _, value in line.points] or [0.0, 1.0]
    most = max((place for line in lines for place, _ in line.points), default=1.0)
    return draw_chart(title, lines, (0.0, most), (min(values), max(values)), ACROSS, note)
