"""Pages of charts below one another, with one legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from vostool.errors import OutputError
from vostool.training.chart import LEFT, PAPER, TITLE_SIZE, WIDTH

COLOURS = ("#1f6fb2", "#c0392b", "#2e8b57", "#8e44ad", "#d68910", "#555555")
LEGEND_HEIGHT = 26


def draw_legend(colours: Mapping[str, str]) -> Image.Image:
    """A strip with each name in its colour."""
    strip = Image.new("RGB", (WIDTH, LEGEND_HEIGHT), PAPER)
    pen, font, left = ImageDraw.Draw(strip), ImageFont.load_default(TITLE_SIZE), float(LEFT)
    for name, colour in colours.items():
        pen.text((left, LEGEND_HEIGHT / 2), name, fill=colour, font=font, anchor="lm")
        left += pen.textlength(name, font=font) + 24
    return strip


def save_page(panels: Sequence[Image.Image], path: Path) -> None:
    """Writes pictures of one width as one, below one another.

    Raises:
        OutputError: The file cannot be written.
    """
    page = Image.new("RGB", (WIDTH, sum(panel.height for panel in panels)), PAPER)
    top = 0
    for panel in panels:
        page.paste(panel, (0, top))
        top += panel.height
    try:
        page.save(path)
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot write the plot {path} ({error})", "name a .png in a folder that exists") from error
