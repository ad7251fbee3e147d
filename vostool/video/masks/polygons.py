"""Masks as polygons, and back.

Points are centres of pixels, x right and y down, on the outline of the mask; a polygon is drawn with its own outline,
as OpenCV and Pillow do. Formats of annotations have no holes and some have one polygon for an object, so holes are cut
open by a bridge, a line that is walked in both directions, and parts are joined by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

# Distance in pixels of a simplified outline from the true one: the first that is true enough is taken.
TOLERANCES = (1.0, 0.5, 0.0)
ENOUGH_IOU = 0.98
_MIN_POINTS = 3


@dataclass(frozen=True, slots=True)
class Tracing:
    """What a mask became.

    Attributes:
        polygons: (N,2) int32 each, N at least 3; none for an empty mask.
        iou: Intersection over union of the mask and what the polygons cover.
    """

    polygons: tuple[np.ndarray, ...] = ()
    iou: float = 1.0


def trace_parts(mask: np.ndarray) -> Tracing:
    """One polygon for each connected part of an HxW bool mask, its holes cut open."""
    return _trace(mask, is_joined=False)


def trace_whole(mask: np.ndarray) -> Tracing:
    """At most one polygon, for all of an HxW bool mask; parts smaller than the bridge to them are left out."""
    return _trace(mask, is_joined=True)


def fill_polygons(polygons: Sequence[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """The HxW bool mask that polygons cover, outlines included."""
    canvas = np.zeros(size, np.uint8)
    for polygon in polygons:
        cv2.fillPoly(canvas, [polygon.astype(np.int32)], 1)
    return canvas.view(bool)


def measure_iou(polygons: Sequence[np.ndarray], mask: np.ndarray) -> float:
    """Intersection over union of a mask and what polygons cover; 1 if both are empty."""
    filled = fill_polygons(polygons, mask.shape)
    union = np.count_nonzero(filled | mask)
    return np.count_nonzero(filled & mask) / union if union else 1.0


def _trace(mask: np.ndarray, *, is_joined: bool) -> Tracing:
    """Polygons with as few points as are true enough."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return Tracing()
    window = np.ascontiguousarray(mask[top : top + height, left : left + width])
    parts = _find_parts(window)
    best = Tracing((), -1.0)
    for tolerance in TOLERANCES:
        polygons = [_join(_simplify(part, tolerance)) for part in parts]
        polygons = [_join_parts(polygons)] if is_joined else polygons
        if (iou := measure_iou(polygons, window)) > best.iou:
            best = Tracing(tuple(polygons), iou)
        if iou >= ENOUGH_IOU:
            break
    corner = np.array([left, top], np.int32)
    return Tracing(tuple(_with_enough_points(polygon) + corner for polygon in best.polygons), best.iou)


def _find_parts(mask: np.ndarray) -> list[list[np.ndarray]]:
    """For each connected part its outline and those of its holes, (N,2) int32 each."""
    rings, tree = cv2.findContours(mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    parents = tree[0, :, 3]
    parts = {index: [ring[:, 0]] for index, ring in enumerate(rings) if parents[index] < 0}
    for index, ring in enumerate(rings):
        if parents[index] >= 0:
            parts[parents[index]].append(ring[:, 0])
    return list(parts.values())


def _simplify(part: list[np.ndarray], tolerance: float) -> list[np.ndarray]:
    """The rings of a part with fewer points; holes that collapse are left out."""
    if not tolerance:
        return part
    outline, *holes = [cv2.approxPolyDP(ring, tolerance, True)[:, 0] for ring in part]
    return [outline, *(hole for hole in holes if len(hole) >= _MIN_POINTS)]


def _join(rings: list[np.ndarray]) -> np.ndarray:
    """One ring that walks all rings, over bridges between points close to each other."""
    joined = rings[0]
    for ring in rings[1:]:
        here, there = _find_bridge(joined, ring)
        tour = np.concatenate([ring[there:], ring[: there + 1]])
        joined = np.concatenate([joined[: here + 1], tour, joined[here:]])
    return joined


def _join_parts(polygons: list[np.ndarray]) -> np.ndarray:
    """One ring that walks all parts but those that are smaller than the bridge to them would be; the largest first."""
    areas = [cv2.contourArea(polygon) + len(polygon) for polygon in polygons]
    joined, *others = sorted(zip(areas, polygons, strict=True), key=lambda pair: -pair[0])
    whole = joined[1]
    for area, polygon in others:
        here, there = _find_bridge(whole, polygon)
        if area >= np.abs(whole[here] - polygon[there]).max():
            whole = _join([whole, polygon])
    return whole


def _find_bridge(first: np.ndarray, second: np.ndarray) -> tuple[int, int]:
    """Indices of a point of each that are close: the nearest one is looked for on either side in turn."""
    there = 0
    for _ in range(2):
        here = _nearest(first, second[there])
        there = _nearest(second, first[here])
    return here, there


def _nearest(ring: np.ndarray, point: np.ndarray) -> int:
    return int(np.square(ring - point).sum(axis=1).argmin())


def _with_enough_points(polygon: np.ndarray) -> np.ndarray:
    """Parts of one or two pixels get points twice, because tools refuse less than a triangle."""
    missing = max(0, _MIN_POINTS - len(polygon))
    return np.concatenate([polygon, np.repeat(polygon[-1:], missing, axis=0)])
