"""The bed of the pond: pebbles heaped up at random, sand between them, a little weed."""

from __future__ import annotations

import cv2
import numpy as np

from .noise import HEIGHT, WIDTH, blurred, fractal_noise, mix, normals_of, scaled

MARGIN = 70
NUM_PEBBLES = 2600
SUN = np.array([-0.45, -0.55, 0.70], np.float32)
STONES = np.array(
    [
        [0.30, 0.27, 0.22],
        [0.20, 0.21, 0.20],
        [0.38, 0.34, 0.27],
        [0.16, 0.15, 0.13],
        [0.27, 0.22, 0.17],
        [0.42, 0.40, 0.36],
    ],
    np.float32,
)
SAND = (0.16, 0.14, 0.10)


def paint_bed(random: np.random.Generator) -> np.ndarray:
    """RGB float32 of the bed under even light, ``MARGIN`` world pixels larger than the picture on each side."""
    shape = (int(scaled(HEIGHT + 2 * MARGIN)), int(scaled(WIDTH + 2 * MARGIN)))
    height = 3 * fractal_noise(random, *shape, cell=90)
    colour = mix(np.zeros((*shape, 3), np.float32), SAND, 1 + 0.12 * fractal_noise(random, *shape, cell=3, octaves=2))
    grain = fractal_noise(random, *shape, cell=14, octaves=4, gain=0.7)
    for radius in np.sort(scaled(4) + scaled(20) * random.random(NUM_PEBBLES) ** 3.2):
        drop_pebble(random, height, colour, float(radius))
    colour *= 1 + 0.13 * grain[..., None]
    weed = np.clip(0.5 * fractal_noise(random, *shape, cell=130, octaves=3) - 0.15, 0, 0.55)
    colour = mix(colour, (0.09, 0.13, 0.05), weed)
    return lit(colour, height).astype(np.float32)


def drop_pebble(random: np.random.Generator, height: np.ndarray, colour: np.ndarray, radius: float) -> None:
    """Lay one pebble where it is higher than what lies there already."""
    reach = int(radius * 1.5) + 2
    row = int(random.integers(0, height.shape[0] - 2 * reach))
    column = int(random.integers(0, height.shape[1] - 2 * reach))
    window = np.s_[row : row + 2 * reach, column : column + 2 * reach]
    y, x = np.mgrid[-reach:reach, -reach:reach].astype(np.float32) / radius
    turn, stretch = random.uniform(0, np.pi), random.uniform(0.72, 1.0)
    along, across = x * np.cos(turn) + y * np.sin(turn), (y * np.cos(turn) - x * np.sin(turn)) / stretch
    angle = np.arctan2(across, along)
    wobble = 1 + 0.07 * np.cos(2 * angle + random.uniform(0, 6)) + 0.05 * np.cos(3 * angle + random.uniform(0, 6))
    distance = np.hypot(along, across) / wobble
    dome = np.maximum(1 - np.abs(distance) ** 2.4, 0) ** 0.5 * radius * random.uniform(0.45, 0.75)
    ground = float(np.median(height[window]))
    lies_on_top = (distance < 1) & (ground + dome - 0.15 * radius > height[window])
    height[window][lies_on_top] = (ground + dome - 0.15 * radius)[lies_on_top]
    stone = STONES[random.integers(len(STONES))] * random.uniform(0.7, 1.35) + random.normal(0, 0.006, 3)
    bands = 1 + 0.10 * np.sin(along * random.uniform(2, 9) + 2 * across * random.random() + random.uniform(0, 6))
    colour[window][lies_on_top] = (np.maximum(stone, 0.02) * bands[..., None])[lies_on_top]


def lit(colour: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Shade by the sun, and darken the gaps that little light reaches."""
    sun = np.clip(normals_of(blurred(height, 0.8)) @ (SUN / np.linalg.norm(SUN)), 0, 1)
    gap = np.clip((blurred(height, scaled(5)) - height) / scaled(7), -0.5, 1)
    shade = (0.30 + 0.95 * sun) * (1 - 0.65 * gap)
    return cv2.GaussianBlur(colour * shade[..., None], (0, 0), 0.8)
