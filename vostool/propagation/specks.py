"""Fills small holes of objects and drops small pieces beside them, with the soft edges that belong to them.

Shapes: K objects; H, W source size; h, w a part of it. Alpha is float32 in 0..1 and sums to at most 1.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from vostool.propagation.matte import Box, to_labels

# Pixels that a soft edge around a speck reaches at most.
REACH = 24


def drop_islands(alpha: np.ndarray, object_ids: tuple[int, ...], max_area: int) -> np.ndarray:
    """Pieces of an object up to an area in pixels become what is likeliest there without it; its largest one stays."""
    alpha = alpha.copy()
    labels = to_labels(alpha, object_ids)
    for row, object_id in enumerate(object_ids):
        plane = labels == object_id
        for island, box in _small_parts(plane, max_area, 8, keeps_largest=True):
            around = _around(island, plane[box] & ~island)
            _set_plane(alpha[(slice(None), *box)], row, np.where(around, np.float32(0), alpha[row][box]))
    return alpha


def fill_holes(alpha: np.ndarray, object_ids: tuple[int, ...], max_area: int) -> np.ndarray:
    """Background up to an area in pixels that objects enclose goes to the one with the most of its rim.

    A part of the picture's border is never a hole.
    """
    alpha = alpha.copy()
    labels = to_labels(alpha, object_ids)
    for hole, box in _small_parts(labels == 0, max_area, 4):
        if _touches_border(hole, box, labels.shape):
            continue
        owner = _owner(hole, labels[box])
        around = _around(hole, (labels[box] != owner) & ~hole)
        row = object_ids.index(owner)
        plane = alpha[row][box]
        filled = np.where(around, np.maximum(plane, plane[around].max()), plane)
        _set_plane(alpha[(slice(None), *box)], row, filled)
    return alpha


def _small_parts(
    plane: np.ndarray, max_area: int, connectivity: int, *, keeps_largest: bool = False
) -> Iterator[tuple[np.ndarray, Box]]:
    """Each connected part up to an area: an (h, w) bool mask, and where in the picture it lies, with a margin."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(plane.astype(np.uint8), connectivity=connectivity)
    areas = stats[1:, cv2.CC_STAT_AREA]
    largest = int(areas.argmax()) if keeps_largest and len(areas) else -1
    for place in np.flatnonzero(areas <= max_area):
        if place != largest:
            left, top, width, height = stats[place + 1, :4]
            rows = slice(max(0, top - REACH), top + height + REACH)
            box = rows, slice(max(0, left - REACH), left + width + REACH)
            yield parts[box] == place + 1, box


def _touches_border(part: np.ndarray, box: Box, size: tuple[int, ...]) -> bool:
    whole_rows, whole_columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    first = (whole_rows[0] + box[0].start, whole_columns[0] + box[1].start)
    last = (whole_rows[-1] + box[0].start, whole_columns[-1] + box[1].start)
    return min(first) == 0 or last[0] == size[0] - 1 or last[1] == size[1] - 1


def _owner(hole: np.ndarray, labels: np.ndarray) -> int:
    rim = cv2.dilate(hole.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    counts = np.bincount(labels[rim & ~hole])
    counts[0] = 0
    return int(counts.argmax())


def _around(speck: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """(h, w) bool: the speck, and the pixels near it that are nearer to it than to the rest."""
    to_speck, to_rest = (cv2.distanceTransform((~each).astype(np.uint8), cv2.DIST_L2, 5) for each in (speck, rest))
    return np.asarray((to_speck <= REACH) & (to_speck < to_rest))


def _set_plane(alpha: np.ndarray, row: int, plane: np.ndarray) -> None:
    """Changes one object in place; the others and the background share the rest of each pixel as they did before."""
    left = 1 - alpha[row]
    share = np.divide(1 - plane, left, out=np.zeros_like(left), where=left > 0)
    alpha *= np.where(plane == alpha[row], np.float32(1), share)
    alpha[row] = plane
