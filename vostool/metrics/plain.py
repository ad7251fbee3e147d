"""J and F by their definition, one step after another, with nothing spared: what the fast ones must equal.

The steps are those of the DAVIS 2017 evaluation: a sequence as a whole, a mask of every object on every frame, whole
frames, outlines compared by dilation with a disk, and void taken out at each step, though none is left by then. Tests
compare its numbers with ours, ``vostool bench --scoring`` its speed.

Shapes: K objects; T frames; H, W frame size.
"""

from __future__ import annotations

import cv2
import numpy as np

from vostool.metrics.boundary import boundary_tolerance


def plain_scores(predictions: np.ndarray, truths: np.ndarray, num_objects: int) -> tuple[np.ndarray, np.ndarray]:
    """J and F of the objects 1 to ``num_objects`` on every frame.

    Args:
        predictions: TxHxW labels.
        truths: TxHxW labels.
        num_objects: The largest label of the first mask.

    Returns:
        J and F, KxT each.
    """
    predicted, true = split_objects(predictions, num_objects), split_objects(truths, num_objects)
    regions, boundaries = np.zeros(true.shape[:2]), np.zeros(true.shape[:2])
    for row in range(num_objects):
        regions[row] = plain_jaccard(predicted[row], true[row])
        boundaries[row] = [plain_boundary_f(*pair) for pair in zip(predicted[row], true[row], strict=True)]
    return regions, boundaries


def split_objects(labels: np.ndarray, num_objects: int) -> np.ndarray:
    """TxHxW labels to KxTxHxW bool, by comparison with an array of that size in 64-bit numbers, as it is done there."""
    object_ids = np.ones((num_objects, *labels.shape)) * np.arange(1, num_objects + 1)[:, None, None, None]
    return (object_ids == labels) > 0


def plain_jaccard(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Intersection over union of TxHxW bool masks, T of them; 1 where both are empty."""
    counts = ~np.zeros_like(true)
    intersections = np.sum(predicted & true & counts, axis=(-2, -1))
    unions = np.sum((predicted | true) & counts, axis=(-2, -1))
    is_empty = unions == 0
    return np.where(is_empty, 1.0, intersections / np.where(is_empty, 1, unions))


def plain_boundary_f(predicted: np.ndarray, true: np.ndarray) -> float:
    """F-measure of the outlines of two HxW bool masks."""
    disk = plain_disk(boundary_tolerance(*true.shape))
    counts = ~np.zeros_like(true)
    outlines = [plain_outline(mask & counts) for mask in (predicted, true)]
    near = [cv2.dilate(outline.astype(np.uint8), disk) > 0 for outline in outlines]
    num_predicted, num_true = (int(np.sum(outline)) for outline in outlines)
    if num_predicted == 0 or num_true == 0:
        return float(num_predicted == num_true)
    precision = float(np.sum(outlines[0] & near[1])) / num_predicted
    recall = float(np.sum(outlines[1] & near[0])) / num_true
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def plain_outline(mask: np.ndarray) -> np.ndarray:
    """Pixels that differ from the right, the lower or the lower right neighbour; HxW bool to HxW bool.

    Neighbours outside the frame are as the pixel's own row or column ends, so that the last corner is never one.
    """
    right, lower, lower_right = mask.copy(), mask.copy(), mask.copy()
    right[:, :-1] = mask[:, 1:]
    lower[:-1] = mask[1:]
    lower_right[:-1, :-1] = mask[1:, 1:]
    outline = (mask ^ right) | (mask ^ lower) | (mask ^ lower_right)
    outline[-1] = mask[-1] ^ right[-1]
    outline[:, -1] = mask[:, -1] ^ lower[:, -1]
    outline[-1, -1] = False
    return outline


def plain_disk(radius: int) -> np.ndarray:
    """Square of side ``2 * radius + 1``, uint8, 1 where a pixel lies within the radius of the middle."""
    steps = np.arange(-radius, radius + 1)
    return (steps[:, None] ** 2 + steps**2 <= radius**2).astype(np.uint8)
