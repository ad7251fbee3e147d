"""Time and memory against the number of the frame, one line for each system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from vostool.pipelines.chart_page import COLOURS, draw_legend, save_page
from vostool.training.chart import Line, draw_chart

# Single frames above this quantile do not stretch the axis.
TIME_QUANTILE = 0.99

Curve = Sequence[tuple[float, float]]


def save_charts(charts: Mapping[str, Mapping[str, Curve]], path: Path) -> None:
    """Draws charts below one another; curves of one name have one colour in all of them.

    Raises:
        OutputError: The file cannot be written.
    """
    names = list(dict.fromkeys(name for curves in charts.values() for name in curves))
    colours = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}
    panels = [draw_legend(colours), *(_chart(title, curves, colours) for title, curves in charts.items())]
    save_page(panels, path)


def _chart(title: str, curves: Mapping[str, Curve], colours: Mapping[str, str]) -> Image.Image:
    lines = [Line(curve, colours[name]) for name, curve in curves.items() if curve]
    values = [value for line in lines for _, value in line.points] or [1.0]
    last = max((line.points[-1][0] for line in lines), default=1.0)
    return draw_chart(title, lines, (0.0, last), (0.0, float(np.quantile(values, TIME_QUANTILE))), "frame")
