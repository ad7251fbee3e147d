"""The water: waves that bend the view, and the net of light that they throw on what lies below."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .noise import HEIGHT, WIDTH, blurred

NUM_WAVES = 22
REACH = 40


@dataclass(frozen=True)
class Surface:
    """The surface at one moment; all arrays are for the 854x480 picture with ``REACH`` more on each side.

    Attributes:
        slope_x, slope_y: Slopes of the surface.
        caustic: Sunlight that arrives below, 1 on average.
    """

    slope_x: np.ndarray
    slope_y: np.ndarray
    caustic: np.ndarray


class Water:
    """A sum of plane waves; short waves run slower, as in deep water."""

    def __init__(self, random: np.random.Generator) -> None:
        wavelength = np.exp(random.uniform(np.log(38), np.log(190), NUM_WAVES))
        heading = random.uniform(0, 2 * np.pi, NUM_WAVES)
        number = 2 * np.pi / wavelength
        self.number_x, self.number_y = number * np.cos(heading), number * np.sin(heading)
        self.speed = 9.0 * np.sqrt(number)
        self.phase = random.uniform(0, 2 * np.pi, NUM_WAVES)
        self.steepness = (wavelength / 100) ** 0.35

    def at(self, time: float, focus: float = 46.0) -> Surface:
        """The surface at ``time`` seconds; ``focus`` is how far, in world pixels, a slope of 1 moves the light."""
        columns = np.arange(-REACH, WIDTH + REACH, dtype=np.float32)
        rows = np.arange(-REACH, HEIGHT + REACH, dtype=np.float32)
        # cos(a + b) as a sum of products: the whole field is one small matrix product.
        across = np.outer(columns, self.number_x)
        down = np.outer(rows, self.number_y) + self.phase - self.speed * time
        basis = np.hstack([np.cos(across), -np.sin(across)]).astype(np.float32)
        waves = np.hstack([np.cos(down), np.sin(down)]).astype(np.float32)
        scale = self.steepness / np.sqrt(NUM_WAVES)
        direction = np.hypot(self.number_x, self.number_y)
        slope_x = waves @ (basis * np.tile(scale * self.number_x / direction, 2).astype(np.float32)).T
        slope_y = waves @ (basis * np.tile(scale * self.number_y / direction, 2).astype(np.float32)).T
        return Surface(slope_x, slope_y, gather_light(slope_x, slope_y, focus * 0.42))


def gather_light(slope_x: np.ndarray, slope_y: np.ndarray, focus: float) -> np.ndarray:
    """Follow one ray from each pixel of the surface to the ground and count what arrives, at half resolution."""
    height, width = slope_x.shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    x = np.clip((columns - focus * slope_x) / 2, 0, width // 2 - 2)
    y = np.clip((rows - focus * slope_y) / 2, 0, height // 2 - 2)
    left, top = x.astype(np.int32), y.astype(np.int32)
    right_share, bottom_share = x - left, y - top
    light = np.zeros((height // 2) * (width // 2))
    for down, share_y in ((0, 1 - bottom_share), (1, bottom_share)):
        for right, share_x in ((0, 1 - right_share), (1, right_share)):
            cell = (top + down) * (width // 2) + left + right
            light += np.bincount(cell.ravel(), (share_x * share_y).ravel(), light.size)
    light = blurred(light.reshape(height // 2, width // 2).astype(np.float32) / 4, 1.0)
    return cv2.resize(light, (width, height), interpolation=cv2.INTER_CUBIC)
