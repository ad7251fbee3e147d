"""Pictures of a run, to see whether it learns: the curves of its metrics, and a sheet of what it says of clips.

Shapes: H, W size of one frame.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vostool.training.chart import PAPER, Line, Points, Range, draw_chart
from vostool.video.writing.overlay import contour, draw_overlay

LOSS_KEY, SCORE_KEY = "loss", "J&F"
FAINT_RED, RED, BLUE = "#f3b8ae", "#c0392b", "#1f6fb2"
# The running mean of the loss is taken over this share of the steps, and at least so many.
SMOOTHING_SHARE, MIN_SMOOTHED = 0.05, 5
# Losses above this quantile, as those of the first steps, do not stretch the axis.
LOSS_QUANTILE = 0.99

TILE_WIDTH, GAP, CAPTION, LEGEND = 300, 6, 24, 30
TEXT_SIZE = 14
OUTLINE, OUTLINE_EDGE = (255, 255, 255), (0, 0, 0)


@dataclass(frozen=True)
class SheetFrame:
    """One frame of a contact sheet.

    Attributes:
        index: Its number in the clip.
        image: (H, W, 3) uint8 RGB.
        prediction: (H, W) uint8 labels; 0 background.
        truth: The same of the annotation; None where there is none.
        is_given: Whether it is the frame whose mask was given.
    """

    index: int
    image: np.ndarray
    prediction: np.ndarray
    truth: np.ndarray | None = None
    is_given: bool = False


@dataclass(frozen=True)
class SheetRow:
    """One clip of a contact sheet: its name with its score, and some of its frames."""

    title: str
    frames: tuple[SheetFrame, ...]


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The records of a ``metrics.jsonl``; a last line that was cut is left out."""
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            break
    return records


def draw_curves(records: Sequence[Mapping[str, Any]]) -> Image.Image:
    """Loss and validation J&F over the steps of a run.

    Args:
        records: Of ``metrics.jsonl``: each has a ``step``, and ``loss``, ``J&F`` or both.
    """
    losses, scores = _points(records, LOSS_KEY), _points(records, SCORE_KEY)
    steps = [step for step, _ in (*losses, *scores)] or [0.0]
    across = (0.0, max(1.0, *steps))
    charts = [_loss_chart(losses, across)]
    if scores:
        charts.append(_score_chart(scores, across))
    return _stack(charts)


def draw_sheet(rows: Sequence[SheetRow]) -> Image.Image:
    """A contact sheet: a row for each clip, each frame tinted by the prediction and outlined in white by the truth."""
    strips = [_strip(row) for row in rows]
    legend = Image.new("RGB", (max(strip.width for strip in strips), LEGEND), PAPER)
    _write(legend, GAP, "colour: what the network says     white line: the annotation")
    return _stack([legend, *strips])


def pick_frames(num_frames: int, num_picked: int = 5) -> tuple[int, ...]:
    """Indices spread evenly over a clip, the first and the last among them."""
    spread = np.linspace(0, num_frames - 1, min(num_picked, num_frames))
    return tuple(int(index) for index in np.round(spread))


def _points(records: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    return [(float(record["step"]), float(record[key])) for record in records if record.get(key) is not None]


def _loss_chart(losses: Points, across: Range) -> Image.Image:
    values = np.array([loss for _, loss in losses if np.isfinite(loss)] or [1.0])
    smooth = _running_mean(losses)
    highest = max([float(np.quantile(values, LOSS_QUANTILE)), *(loss for _, loss in smooth[-1:])])
    lines = [Line(losses, FAINT_RED, 1), Line(smooth, RED)]
    note = f"at the end {smooth[-1][1]:.4g}" if smooth else ""
    return draw_chart("loss of a step, and its running mean", lines, across, (0.0, highest), "step", note)


def _score_chart(scores: Points, across: Range) -> Image.Image:
    values = [score for _, score in scores]
    step, best = max(scores, key=lambda point: point[1])
    # A range of at least a tenth, so that noise does not look like progress.
    middle, half = (min(values) + max(values)) / 2, max(0.05, (max(values) - min(values)) / 2)
    upward = (max(0.0, middle - half), min(1.0, middle + half))
    title = "J&F on the validation clips"
    return draw_chart(
        title, [Line(scores, BLUE, has_marks=True)], across, upward, "step", f"best {best:.3f} at step {step:.0f}"
    )


def _running_mean(points: Points) -> list[tuple[float, float]]:
    """Mean of the last few points at each one; what is not finite is left out."""
    finite = [point for point in points if np.isfinite(point[1])]
    length = max(MIN_SMOOTHED, round(len(finite) * SMOOTHING_SHARE))
    sums = np.cumsum([0.0, *(value for _, value in finite)])
    ends = np.arange(1, len(finite) + 1)
    starts = np.maximum(0, ends - length)
    means = (sums[ends] - sums[starts]) / np.maximum(1, ends - starts)
    return [(step, float(mean)) for (step, _), mean in zip(finite, means, strict=True)]


def _strip(row: SheetRow) -> Image.Image:
    """The frames of one clip side by side, below its title."""
    tiles = [_tile(frame) for frame in row.frames]
    width = GAP + sum(tile.width + GAP for tile in tiles)
    strip = Image.new("RGB", (width, CAPTION + max(tile.height for tile in tiles) + GAP), PAPER)
    left = GAP
    for tile in tiles:
        strip.paste(tile, (left, CAPTION))
        left += tile.width + GAP
    _write(strip, GAP, row.title)
    return strip


def _tile(frame: SheetFrame) -> Image.Image:
    """One frame at the width of a tile, drawn on after scaling so that lines stay lines."""
    height = max(1, round(frame.image.shape[0] * TILE_WIDTH / frame.image.shape[1]))
    size = (TILE_WIDTH, height)
    image = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
    drawn = draw_overlay(np.ascontiguousarray(image), _shrink(frame.prediction, size))
    if frame.truth is not None and not frame.is_given:
        drawn = _outline(drawn, _shrink(frame.truth, size))
    tile = Image.fromarray(drawn)
    label = f"{frame.index}: given" if frame.is_given else str(frame.index)
    _badge(tile, label)
    return tile


def _outline(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """A white line with dark edges along the borders of the labels, visible on any picture."""
    drawn = image.copy()
    drawn[_widen(contour(labels, 1))] = OUTLINE_EDGE
    drawn[contour(labels, 1)] = OUTLINE
    return drawn


def _widen(mask: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)), dtype=bool)


def _shrink(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def _badge(tile: Image.Image, text: str) -> None:
    """The frame's number in the lower left corner, white on black."""
    pen, font = ImageDraw.Draw(tile), ImageFont.load_default(TEXT_SIZE)
    place = (4, tile.height - 4)
    left, top, right, bottom = pen.textbbox(place, text, font=font, anchor="lb")
    pen.rectangle((left - 3, top - 2, right + 3, bottom + 2), fill="black")
    pen.text(place, text, fill="white", font=font, anchor="lb")


def _write(image: Image.Image, left: int, text: str) -> None:
    ImageDraw.Draw(image).text(
        (left, CAPTION / 2), text, fill="black", font=ImageFont.load_default(TEXT_SIZE), anchor="lm"
    )


def _stack(images: Sequence[Image.Image]) -> Image.Image:
    """Pictures below one another on white."""
    stacked = Image.new("RGB", (max(image.width for image in images), sum(image.height for image in images)), PAPER)
    top = 0
    for image in images:
        stacked.paste(image, (0, top))
        top += image.height
    return stacked
