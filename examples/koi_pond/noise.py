"""Noise and small shapes that everything in the pond is painted with."""

from __future__ import annotations

import cv2
import numpy as np

WIDTH, HEIGHT = 854, 480
SUPERSAMPLING = 1.5


def scaled(length: float) -> float:
    """World pixels as pixels of the finer picture that is painted."""
    return length * SUPERSAMPLING


def fractal_noise(
    random: np.random.Generator, height: int, width: int, cell: float, octaves: int = 4, gain: float = 0.5
) -> np.ndarray:
    """HxW float32 of mean 0 and spread 1, with features of about ``cell`` pixels and finer ones on top."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        step = max(cell / 2**octave, 1.0)
        grid = random.standard_normal((int(height / step) + 4, int(width / step) + 4)).astype(np.float32)
        rows = np.arange(height, dtype=np.float32) / step + 1
        columns = np.arange(width, dtype=np.float32) / step + 1
        map_x, map_y = np.meshgrid(columns, rows)
        total += gain**octave * cv2.remap(grid, map_x, map_y, cv2.INTER_CUBIC)
    return (total - total.mean()) / (total.std() + 1e-6)


def smoothstep(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """0 below ``low``, 1 above ``high``, smooth between; ``low`` may be the larger."""
    ramp = np.clip((value - low) / (high - low), 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def mix(first: np.ndarray, second: np.ndarray | tuple[float, ...], weight: np.ndarray) -> np.ndarray:
    """HxWx3 blend of two colours or pictures; ``weight`` HxW is the share of the second."""
    second = np.asarray(second, np.float32)
    return first + (second - first) * weight[..., None]


def normals_of(height: np.ndarray) -> np.ndarray:
    """HxWx3 unit normals (x right, y down, z to the viewer) of a height field in pixels."""
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    normals = np.dstack([-slope_x, -slope_y, np.ones_like(height)])
    return normals / np.linalg.norm(normals, axis=2, keepdims=True)


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur, ``sigma`` in pixels of the image."""
    return cv2.GaussianBlur(image, (0, 0), sigma)
