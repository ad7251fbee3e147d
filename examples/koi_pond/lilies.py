"""What floats: lily pads, a lotus flower, fallen petals."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .bed import SUN
from .noise import fractal_noise, mix, normals_of, smoothstep

LEAF = (0.075, 0.21, 0.035)
LEAF_RIM = (0.20, 0.28, 0.07)
VEIN = (0.24, 0.36, 0.12)


@dataclass(frozen=True)
class Float:
    """Something that floats.

    Attributes:
        colour: HxWx3, multiplied by ``cover``.
        cover: HxW.
        place: World position of its middle.
        scale: World pixels per pixel of the painting.
        turn, drift, spin: Radians at time 0; world pixels a second; radians a second.
    """

    colour: np.ndarray
    cover: np.ndarray
    place: tuple[float, float]
    scale: float
    turn: float
    drift: tuple[float, float] = (0.0, 0.0)
    spin: float = 0.0

    def matrix(self, time: float) -> np.ndarray:
        """2x3 matrix from the painting to world pixels; it rocks a little."""
        rock = np.array([np.sin(1.1 * time + self.turn), np.cos(0.9 * time + 2 * self.turn)])
        angle = self.turn + self.spin * time + 0.02 * np.sin(0.8 * time + self.turn)
        middle = np.array(self.place) + np.array(self.drift) * time + 1.6 * rock
        turn = self.scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        size = np.array(self.cover.shape[::-1])
        return np.hstack([turn, (middle - turn @ (size / 2))[:, None]])


def painted(colour: np.ndarray, cover: np.ndarray, **place: object) -> Float:
    """A float from a colour that is not multiplied by its cover."""
    return Float((colour * cover[..., None]).astype(np.float32), cover.astype(np.float32), **place)  # type: ignore[arg-type]


def paint_pad(random: np.random.Generator, **place: object) -> Float:
    """A round leaf with a notch, veins from its middle, and a turned-up rim."""
    size = 360
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32) * 1.06
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    rim = 0.98 + 0.012 * np.sin(5 * angle + 1) + 0.012 * np.sin(9 * angle + random.uniform(0, 6))
    share = radius / rim
    notch = np.abs(angle) - 0.20 * smoothstep(0.02, 0.9, share) - 0.03
    cover = smoothstep(1.0, 0.985, share) * smoothstep(0.0, 0.02 / (radius.mean() + 0.1), notch * radius)
    forks = angle * 17 + 0.5 * np.sin(angle * 8)
    veins = np.exp(-((np.abs(np.sin(forks / 2)) * radius / 0.016) ** 2)) * smoothstep(1.0, 0.6, share)
    mottle = fractal_noise(random, size, size, cell=60, octaves=5, gain=0.6)
    colour = np.float32(LEAF) * (1 + 0.22 * mottle)[..., None]
    colour = mix(colour, (0.30, 0.24, 0.05), 0.5 * smoothstep(1.3, 2.6, mottle + 0.6 * share))
    colour = mix(colour, VEIN, 0.42 * veins)
    colour = mix(colour, LEAF_RIM, 0.8 * smoothstep(0.93, 0.985, share))
    height = 22 * share**3 - 2.2 * veins + 1.2 * mottle + 4 * np.cos(forks) * share
    sun = np.clip(normals_of(height) @ (SUN / np.linalg.norm(SUN)), 0, 1)
    return painted(colour * (0.35 + 1.05 * sun + 0.25 * sun**12)[..., None], cover, **place)


def add_petal(
    colour: np.ndarray, cover: np.ndarray, x: np.ndarray, y: np.ndarray, angle: float, length: float, width: float
) -> None:
    """Lay one petal, white at the root and pink at the tip, over what is there; it shades what it covers."""
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    share = np.clip(along / length, 0, 1)
    half = width * np.sin(np.pi * share**0.72) ** 0.75 * (1 - 0.2 * share) + 1e-4
    inside = smoothstep(1.03, 0.97, np.abs(across) / half) * ((along > 0) & (along < length))
    shadow = smoothstep(1.45, 0.8, np.abs(across) / half) * smoothstep(1.12, 0.9, along / length) * (along > 0)
    colour *= (1 - 0.35 * shadow * (1 - inside))[..., None]
    blush = smoothstep(0.25, 1.0, share + 0.25 * np.abs(across) / half)
    tint = mix(np.broadcast_to(np.float32((0.95, 0.86, 0.80)), (*x.shape, 3)), (0.86, 0.22, 0.38), blush)
    veins = 1 - 0.07 * (0.5 + 0.5 * np.cos(across / half * 24))
    bowl = 0.80 + 0.28 * np.clip(1 - (across / half) ** 2, 0, 1) + 0.10 * np.cos(angle - np.pi * 1.25)
    colour[:] = mix(colour, tint * (veins * bowl)[..., None], inside)
    np.maximum(cover, inside, out=cover)


def paint_lotus(**place: object) -> Float:
    """An open flower from above: three rings of petals and a yellow middle."""
    size = 300
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    colour, cover = np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.float32)
    for count, length, width, turn in ((9, 0.96, 0.27, 0.1), (8, 0.78, 0.24, 0.45), (6, 0.55, 0.19, 0.2)):
        for petal in range(count):
            add_petal(colour, cover, x, y, 2 * np.pi * petal / count + turn, length, width)
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    stamens = 0.75 + 0.25 * np.cos(angle * 36) * smoothstep(0.08, 0.2, radius)
    colour = mix(colour, np.float32((0.90, 0.58, 0.06)) * stamens[..., None], smoothstep(0.24, 0.19, radius))
    colour = mix(colour, (0.62, 0.60, 0.12), smoothstep(0.11, 0.09, radius))
    return painted(colour, cover, **place)


def paint_fallen_petal(**place: object) -> Float:
    """One small petal."""
    y, x = np.mgrid[-1:1:72j, -1:1:72j].astype(np.float32)
    colour, cover = np.zeros((72, 72, 3), np.float32), np.zeros((72, 72), np.float32)
    add_petal(colour, cover, x + 0.8, y, 0.0, 1.6, 0.55)
    return painted(colour, cover, **place)


def lay_out(floats: list[Float], view: np.ndarray, time: float, shape: tuple[int, int]) -> np.ndarray:
    """HxWx4 picture of all that floats, through the camera matrix ``view``: colour multiplied by cover, and cover."""
    picture = np.zeros((*shape, 4), np.float32)
    for floating in floats:
        lay(picture, floating, (np.vstack([view, (0, 0, 1)]) @ np.vstack([floating.matrix(time), (0, 0, 1)]))[:2])
    return picture


def lay(picture: np.ndarray, floating: Float, matrix: np.ndarray) -> None:
    """Lay one thing over what is there; ``matrix`` leads from its painting to the picture."""
    height, width = floating.cover.shape
    corners = np.array([(0, 0), (width, 0), (0, height), (width, height)]) @ matrix[:, :2].T + matrix[:, 2]
    low = np.clip(np.floor(corners.min(0)).astype(int), 0, picture.shape[1::-1])
    high = np.clip(np.ceil(corners.max(0)).astype(int), 0, picture.shape[1::-1])
    if (high - low).min() < 1:
        return
    moved = np.column_stack([matrix[:, :2], matrix[:, 2] - low])
    layer = np.dstack([floating.colour, floating.cover])
    laid = cv2.warpAffine(layer, moved, tuple(map(int, high - low)), flags=cv2.INTER_LINEAR)
    under = picture[low[1] : high[1], low[0] : high[0]]
    under *= 1 - laid[..., 3:]
    under += laid
