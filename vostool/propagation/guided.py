"""Lets the edges of an alpha follow those of the picture: the guided filter of He, Sun and Tang.

"Guided Image Filtering", IEEE Transactions on Pattern Analysis and Machine Intelligence 35(6), 2013, section 3.5
(colour guide). Its coefficients are found on a smaller picture: He, Sun, "Fast Guided Filter" (arXiv 1505.00996).

The filter puts edges into their places, but softens them; so the difference between the likeliest of the objects and
the background, and the next, is made larger again. The constants come from ten sequences of the training set of
DAVIS 2016, see docs/matte.md.

Shapes: K objects; H, W a picture or a part of one; h, w the same made smaller.
"""

from __future__ import annotations

import cv2
import numpy as np

from vostool.propagation.matte import box_of

# Radius of the windows as a part of the picture's shorter side, and variance of an edge that is none.
RADIUS, EPSILON = 1 / 50, 1e-4
# The functions are found on a picture in which the radius is as many pixels.
SMALL_RADIUS = 4
# How many times the difference is larger than the filter left it.
CONTRAST = 3
# What is fainter is none of an object.
FAINT = 0.05

# Places of the six different elements of a symmetric 3x3 matrix.
PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


def refine(alpha: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Objects with the edges that the picture has near theirs; 0 away from all of them.

    Args:
        alpha: (K, H, W) float32 in 0..1 with a sum up to 1.
        image: (H, W, 3) uint8.

    Returns:
        (K, H, W) float32, likewise.
    """
    radius = max(1, round(RADIUS * min(image.shape[:2])))
    refined = np.zeros_like(alpha)
    for source, target in zip(alpha, refined, strict=True):
        box = box_of(source > FAINT, 2 * radius)
        if not source[box].size:
            continue
        step = max(1, radius // SMALL_RADIUS)
        target[box] = np.clip(guided_filter(image[box], source[box], radius, EPSILON, step), 0, 1)
    seen = box_of(refined.max(axis=0, initial=0), 0)
    if refined[:, *seen].size:
        refined[:, *seen] = _steepen(refined[:, *seen])
    return refined


def _steepen(alpha: np.ndarray) -> np.ndarray:
    """(K, h, w) in 0..1 with a larger difference between the likeliest and the next; ties stay ties."""
    planes = np.concatenate([1 - alpha.sum(axis=0, keepdims=True), alpha])
    next_best, best = np.partition(planes, -2, axis=0)[-2:]
    rivals = np.where(planes == best, next_best, best)
    steep = np.clip(np.float32(0.5) + np.float32(CONTRAST / 2) * (planes - rivals), 0, 1)
    return np.asarray(steep[1:] / steep.sum(axis=0))


def guided_filter(guide: np.ndarray, plane: np.ndarray, radius: int, epsilon: float, step: int = 1) -> np.ndarray:
    """The plane as, in every window, the linear function of the guide's colours that is nearest to it.

    Args:
        guide: (H, W, 3) uint8.
        plane: (H, W) float32.
        radius: Of the square windows, in pixels.
        epsilon: Variance of the guide, in 0..1 squared, below which an edge is no edge.
        step: How many times smaller the picture is on which the functions are found.

    Returns:
        (H, W) float32, not bounded to the plane's range.
    """
    colours = guide.astype(np.float32) / np.float32(255)
    small_guide, small_plane = _shrink(colours, step), _shrink(plane, step)
    slopes, offset = _functions(small_guide, small_plane, max(1, round(radius / step)), epsilon)
    size = (plane.shape[1], plane.shape[0])
    slopes, offset = (cv2.resize(each, size, interpolation=cv2.INTER_LINEAR) for each in (slopes, offset))
    return np.asarray(np.einsum("hwc,hwc->hw", slopes, colours) + offset, np.float32)


def _shrink(planes: np.ndarray, step: int) -> np.ndarray:
    size = tuple(max(1, -(-side // step)) for side in (planes.shape[1], planes.shape[0]))
    return planes if step == 1 else cv2.resize(planes, size, interpolation=cv2.INTER_AREA)


def _functions(guide: np.ndarray, plane: np.ndarray, radius: int, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """(h, w, 3) slopes and (h, w) offset of the function of each pixel: the mean of those of the windows around it."""
    mean_guide, mean_plane = _mean(guide, radius), _mean(plane, radius)
    covariance = _mean(guide * plane[:, :, None], radius) - mean_guide * mean_plane[:, :, None]
    slopes = _solve(_variances(guide, mean_guide, radius, epsilon), covariance)
    offset = mean_plane - np.einsum("hwc,hwc->hw", slopes, mean_guide)
    return _mean(slopes, radius), _mean(offset, radius)


def _mean(planes: np.ndarray, radius: int) -> np.ndarray:
    return np.asarray(cv2.blur(planes, (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_REFLECT))


def _variances(guide: np.ndarray, mean: np.ndarray, radius: int, epsilon: float) -> list[np.ndarray]:
    """The six different elements of the colours' covariance in each window, epsilon added to the diagonal."""
    found = (_mean(guide[:, :, i] * guide[:, :, j], radius) - mean[:, :, i] * mean[:, :, j] for i, j in PAIRS)
    return [each + np.float32(epsilon if i == j else 0) for each, (i, j) in zip(found, PAIRS, strict=True)]


def _solve(matrix: list[np.ndarray], right: np.ndarray) -> np.ndarray:
    """(h, w, 3) solutions of symmetric 3x3 systems, by the adjugate."""
    rr, rg, rb, gg, gb, bb = matrix
    cofactors = (gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb)
    determinant = rr * cofactors[0] + rg * cofactors[1] + rb * cofactors[2]
    crossed = (rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg)
    rows = (cofactors, (cofactors[1], crossed[0], crossed[1]), (cofactors[2], crossed[1], crossed[2]))
    red, green, blue = (right[:, :, channel] for channel in range(3))
    solved = [row[0] * red + row[1] * green + row[2] * blue for row in rows]
    return np.stack(solved, axis=2) / determinant[:, :, None]
