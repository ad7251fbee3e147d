"""Time and memory against the number of the frame, one line for each system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vostool.errors import OutputError
from vostool.training.chart import LEFT, PAPER, TITLE_SIZE, WIDTH, Line, draw_chart

COLOURS = ("#1f6fb2", "#c0392b", "#2e8b57", "#8e44ad", "#d68910", "#555555")
LEGEND_HEIGHT = 26
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
    images = [_legend(colours), *(_chart(title, curves, colours) for title, curves in charts.items())]
    page = Image.new("RGB", (WIDTH, sum(image.height for image in images)), PAPER)
    top = 0
    for image in images:
        page.paste(image, (0, top))
        top += image.height
    try:
        page.save(path)
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot write the plot {path} ({error})", "name a .png in a folder that exists") from error


def _chart(title: str, curves: Mapping[str, Curve], colours: Mapping[str, str]) -> Image.Image:
    lines = [Line(curve, colours[name]) for name, curve in curves.items() if curve]
    values = [value for line in lines for _, value in line.points] or [1.0]
    last = max((line.points[-1][0] for line in lines), default=1.0)
    return draw_chart(title, lines, (0.0, last), (0.0, float(np.quantile(values, TIME_QUANTILE))), "frame")


def _legend(colours: Mapping[str, str]) -> Image.Image:
    strip = Image.new("RGB", (WIDTH, LEGEND_HEIGHT), PAPER)
    pen, font, left = ImageDraw.Draw(strip), ImageFont.load_default(TITLE_SIZE), float(LEFT)
    for name, colour in colours.items():
        pen.text((left, LEGEND_HEIGHT / 2), name, fill=colour, font=font, anchor="lm")
        left += pen.textlength(name, font=font) + 24
    return strip
