"""Random geometry and colour for training clips.

Affine maps are 3x3 float64 matrices from source pixels (x, y, 1) to crop pixels. Shapes: S side of the square crop.
"""

from __future__ import annotations

import cv2
import numpy as np


def translation(x: float, y: float) -> np.ndarray:
    """Moves by x, y pixels."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def linear(angle: float, scale_x: float, scale_y: float, shear: float) -> np.ndarray:
    """Shears, scales and rotates about the origin; angle and shear in radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    rotation = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    stretch = np.array([[scale_x, scale_x * np.tan(shear), 0.0], [0.0, scale_y, 0.0], [0.0, 0.0, 1.0]])
    return rotation @ stretch


def random_affine(
    generator: np.random.Generator, *, degrees: float, zoom: float, shear: float, shift: float
) -> np.ndarray:
    """A random motion about the origin.

    Args:
        degrees, shear: Largest rotation and shear, in degrees.
        zoom: Largest factor by which the size changes, 1 or more.
        shift: Largest translation in pixels.
    """
    scale = zoom ** generator.uniform(-1, 1)
    aspect = zoom ** generator.uniform(-0.3, 0.3)
    matrix = linear(
        np.deg2rad(generator.uniform(-degrees, degrees)),
        scale * aspect,
        scale / aspect,
        np.deg2rad(generator.uniform(-shear, shear)),
    )
    return translation(*generator.uniform(-shift, shift, 2)) @ matrix


def place(matrix: np.ndarray, *, source: tuple[float, float], target: tuple[float, float]) -> np.ndarray:
    """The map that acts like ``matrix`` about ``source`` and carries it to ``target``; both (x, y)."""
    return translation(*target) @ matrix @ translation(-source[0], -source[1])


def random_bend(generator: np.random.Generator, side: int, strength: float) -> np.ndarray:
    """A smooth random displacement field, (S, S, 2) float32 pixels, of deviation ``strength`` * S."""
    coarse = generator.normal(0.0, strength * side, (5, 5, 2)).astype(np.float32)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def warp(picture: np.ndarray, matrix: np.ndarray, side: int, bend: np.ndarray | None = None,
         *, is_mask: bool = False, border: int = cv2.BORDER_REFLECT_101) -> np.ndarray:  # fmt: skip
    """Warps a picture or a mask to a square crop of ``side`` pixels; ``bend`` displaces in crop pixels."""
    interpolation = cv2.INTER_NEAREST if is_mask else cv2.INTER_LINEAR
    if bend is None:
        return cv2.warpAffine(picture, matrix[:2], (side, side), flags=interpolation, borderMode=border)
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    points = np.stack([columns, rows], axis=-1) + bend
    inverse = np.linalg.inv(matrix).astype(np.float32)
    where = points @ inverse[:2, :2].T + inverse[:2, 2]
    return cv2.remap(picture, where[..., 0], where[..., 1], interpolation, borderMode=border)


def jitter_colour(generator: np.random.Generator, num_frames: int, *, strength: float, drift: float) -> np.ndarray:
    """Random colour maps, (T, 3, 4) float32 acting on RGB in 0..255: one for the clip, drifting over its frames.

    Args:
        strength: Deviation of brightness, contrast and saturation for the whole clip.
        drift: Deviation of each frame from the clip.
    """
    base = generator.normal(0.0, strength, 3)
    maps = np.empty((num_frames, 3, 4), np.float32)
    grey = generator.random() < 0.05
    luma = np.array([0.299, 0.587, 0.114], np.float32)
    for frame in range(num_frames):
        brightness, contrast, saturation = base + generator.normal(0.0, drift, 3)
        weight = 0.0 if grey else max(0.0, 1.0 + 2.0 * saturation)
        mix = weight * np.eye(3) + (1.0 - weight) * luma[None, :]
        gain = max(0.3, 1.0 + contrast)
        maps[frame, :, :3] = gain * mix
        maps[frame, :, 3] = 128.0 * (1.0 - gain) + 255.0 * brightness
    return maps


def apply_colour(image: np.ndarray, colour_map: np.ndarray) -> np.ndarray:
    """Applies one (3, 4) map of ``jitter_colour`` to an HxWx3 uint8 image."""
    return np.clip(cv2.transform(image, colour_map), 0, 255).astype(np.uint8)


def motion_blur(image: np.ndarray, generator: np.random.Generator, longest: int) -> np.ndarray:
    """Smears an image along a random direction over up to ``longest`` pixels."""
    length = int(generator.integers(3, longest + 1)) | 1
    kernel = np.zeros((length, length), np.float32)
    middle, angle = np.full(2, length // 2), generator.uniform(0, np.pi)
    offset = np.rint(np.array([np.cos(angle), np.sin(angle)]) * (length // 2)).astype(int)
    cv2.line(kernel, (middle - offset).tolist(), (middle + offset).tolist(), 1.0)
    return cv2.filter2D(image, -1, kernel / kernel.sum())
