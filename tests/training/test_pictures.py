"""Curves and contact sheets, looked at pixel by pixel."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vostool.training.chart import HEIGHT, nice_ticks
from vostool.training.pictures import SheetFrame, SheetRow, draw_curves, draw_sheet, pick_frames, read_metrics

RECORDS = [{"step": step, "loss": 2.0 / step} for step in range(1, 40)]
SCORES = [{"step": step, "J&F": 0.5 + step / 100} for step in (0, 20, 40)]


def colours(image: Image.Image) -> set[tuple[int, int, int]]:
    return {tuple(pixel) for pixel in np.asarray(image).reshape(-1, 3).tolist()}


def red_rows(image: Image.Image, column: slice) -> np.ndarray:
    """Rows in which the line of the loss lies in some columns."""
    pixels = np.asarray(image)[:, column].astype(int)
    is_red = (pixels[..., 0] - pixels[..., 2] > 100) & (pixels[..., 0] > 150)
    return np.flatnonzero(is_red.any(axis=1))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 500_000), (0.79, 0.89), (0, 0.0003), (2, 2), (0, 0)])
def test_ticks_are_few_and_enclose_the_range(low: float, high: float) -> None:
    ticks = nice_ticks(low, high)
    assert 2 <= len(ticks) <= 8
    assert ticks[0] <= low + 1e-9
    assert ticks[-1] >= high - 1e-9
    assert nice_ticks(0, 3, smallest_step=1.0) == [0, 1, 2, 3]


def test_a_falling_loss_falls_in_the_picture() -> None:
    image = draw_curves(RECORDS)
    early, late = red_rows(image, slice(90, 150)), red_rows(image, slice(850, 930))
    assert early.mean() + 100 < late.mean()


def test_scores_get_a_chart_of_their_own() -> None:
    assert draw_curves(RECORDS).height == HEIGHT
    both = draw_curves([*RECORDS, *SCORES])
    assert both.height == 2 * HEIGHT
    lower = np.asarray(both)[HEIGHT:].astype(int)
    assert (lower[..., 2] - lower[..., 0] > 100).sum() > 100


@pytest.mark.parametrize("records", [[], [{"step": 1, "loss": 0.5}], [{"step": 1, "loss": float("nan")}], SCORES])
def test_short_runs_can_be_drawn(records: list[dict[str, float]]) -> None:
    assert len(colours(draw_curves(records))) > 2


def test_metrics_survive_a_cut_last_line(tmp_path: Path) -> None:
    text = "".join(json.dumps(record) + "\n" for record in RECORDS)
    (tmp_path / "metrics.jsonl").write_text(text + '{"step": 40, "lo')
    assert read_metrics(tmp_path / "metrics.jsonl") == RECORDS


def frame(index: int, *, is_given: bool = False, has_truth: bool = True) -> SheetFrame:
    labels = np.zeros((60, 120), np.uint8)
    labels[20:40, 30:60] = 1
    truth = np.roll(labels, 12, axis=1) if has_truth else None
    return SheetFrame(index, np.full((60, 120, 3), 90, np.uint8), labels, truth, is_given)


def test_sheet_shows_prediction_and_truth() -> None:
    with_truth = draw_sheet([SheetRow("walk", (frame(0),))])
    without = draw_sheet([SheetRow("walk", (frame(0, has_truth=False),))])
    given = draw_sheet([SheetRow("walk", (frame(0, is_given=True),))])
    tiles = [np.asarray(image)[60:200, 10:300].astype(int) for image in (with_truth, without, given)]
    assert all(((tile[..., 0] - tile[..., 1]) > 40).any() for tile in tiles)
    white = [(tile.min(axis=-1) == 255).sum() for tile in tiles]
    assert white[0] > white[1] + 100
    assert abs(white[2] - white[1]) < 100


def test_sheet_has_a_row_for_each_clip() -> None:
    one = draw_sheet([SheetRow("walk", (frame(0), frame(5)))])
    three = draw_sheet(
        [SheetRow("walk", (frame(0), frame(5))), SheetRow("run", (frame(0),)), SheetRow("x", (frame(1),))]
    )
    assert three.width == one.width
    assert three.height > 2 * one.height


@pytest.mark.parametrize(("num_frames", "expected"), [(1, (0,)), (3, (0, 1, 2)), (9, (0, 2, 4, 6, 8))])
def test_frames_are_spread(num_frames: int, expected: tuple[int, ...]) -> None:
    assert pick_frames(num_frames) == expected
