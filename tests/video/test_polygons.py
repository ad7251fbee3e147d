from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, ImageDraw

from vostool.video.masks.polygons import ENOUGH_IOU, Tracing, fill_polygons, measure_iou, trace_parts, trace_whole

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))


def draw_with_pillow(tracing: Tracing, size: tuple[int, int]) -> np.ndarray:
    """As labelme fills its polygons."""
    image = Image.new("1", size[::-1])
    for polygon in tracing.polygons:
        ImageDraw.Draw(image).polygon([tuple(point) for point in polygon.tolist()], outline=1, fill=1)
    return np.asarray(image)


def iou(first: np.ndarray, second: np.ndarray) -> float:
    return np.count_nonzero(first & second) / np.count_nonzero(first | second)


def blob(seed: int, size: tuple[int, int] = (120, 160)) -> np.ndarray:
    """A ragged shape of one large part."""
    noise = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    rows, columns = np.mgrid[: size[0], : size[1]]
    distance = np.hypot(rows - size[0] / 2, columns - size[1] / 2)
    return distance + 60 * cv2.GaussianBlur(noise, (0, 0), 4) < 40


@given(MASKS)
def test_parts_come_back(mask: np.ndarray) -> None:
    tracing = trace_parts(mask)
    assert tracing.iou >= ENOUGH_IOU
    assert measure_iou(tracing.polygons, mask) == tracing.iou
    assert all(len(polygon) >= 3 for polygon in tracing.polygons)
    assert bool(tracing.polygons) == mask.any()


@pytest.mark.parametrize("seed", range(8))
def test_outlines_come_back_in_other_readers(seed: int) -> None:
    mask = blob(seed)
    assert iou(draw_with_pillow(trace_parts(mask), mask.shape), mask) >= 0.97
    assert trace_whole(mask).iou >= 0.97
    assert iou(draw_with_pillow(trace_whole(mask), mask.shape), mask) >= 0.97


def test_outlines_are_simple() -> None:
    rows, columns = np.mgrid[:400, :400]
    disc = np.hypot(rows - 200, columns - 200) < 150
    (polygon,) = trace_parts(disc).polygons
    assert len(polygon) < 60


def test_holes_stay_open() -> None:
    mask = np.zeros((60, 80), np.bool_)
    mask[5:50, 5:70] = True
    mask[15:30, 10:30] = mask[15:40, 40:60] = False
    for tracing in (trace_parts(mask), trace_whole(mask)):
        filled = fill_polygons(tracing.polygons, (60, 80))
        assert len(tracing.polygons) == 1
        assert not filled[17:28, 12:28].any()
        assert not filled[17:38, 42:58].any()
        assert iou(filled, mask) >= 0.97


def test_a_whole_has_one_polygon() -> None:
    mask = np.zeros((60, 80), np.bool_)
    mask[5:30, 5:30] = mask[35:50, 40:70] = True
    mask[2, 70] = True
    assert len(trace_parts(mask).polygons) == 3
    tracing = trace_whole(mask)
    assert len(tracing.polygons) == 1
    assert tracing.iou >= 0.97
    filled = fill_polygons(tracing.polygons, (60, 80))
    assert filled[10, 10]
    assert filled[40, 60]
    assert not filled[2, 70], "a bridge to it would be larger than it is"


def test_nothing_has_no_polygon() -> None:
    assert trace_whole(np.zeros((4, 5), np.bool_)) == trace_parts(np.zeros((4, 5), np.bool_)) == Tracing()


@pytest.mark.parametrize("size", [(1, 1), (1, 2)])
def test_specks_are_triangles(size: tuple[int, int]) -> None:
    mask = np.zeros((9, 9), np.bool_)
    mask[4 : 4 + size[0], 4 : 4 + size[1]] = True
    (polygon,) = trace_whole(mask).polygons
    assert len(polygon) == 3
    assert np.array_equal(fill_polygons([polygon], (9, 9)), mask)
