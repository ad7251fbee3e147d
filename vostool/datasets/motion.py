"""How the frames of a clip move against its first one.

All maps are (T, 3, 3) from crop to crop; positions are (x, y) in pixels. Shapes: T frames.
"""

from __future__ import annotations

import numpy as np

from vostool.datasets.augmentation import Augmentation, ClipShape
from vostool.datasets.thin_plate import thin_plate
from vostool.datasets.warp import Warp, linear, place, translation

# A still drifts: what moves right goes on moving right, with some noise. Deviations from a frame to the next, and
# largest noise of a frame, as shares of the augmentation's largest motions.
DRIFT = {"degrees": 0.43, "scale": 0.84, "shift": 1.0}
NOISE = {"degrees": 0.4, "shear": 0.5, "scale": 0.8, "shift": 0.375}
# Longer clips drift more slowly, so that their object is still seen at the end.
DRIFTING_STEPS = 3
# STCN:dataset/tps.py bends by a thin-plate spline through so many points; it is worked out on a grid of this side.
NUM_CONTROL_POINTS = 12
GRID_SIDE = 13
# How far something goes that leaves the crop, where its middle is near that of the crop and its size below the crop's,
# and how far from where it left it comes back at most: shares of the crop's longer side.
ABSENCE_DISTANCE, RETURN_SPREAD = 2.0, 0.2
# How far the labels of the frame before are off, where a still has none.
NUDGE = Augmentation(degrees=4.0, shear=2.0, scale=1.04, shift=0.02, bend=1.0, bend_strength=0.008)


def draw_drift(
    shape: ClipShape, augmentation: Augmentation, generator: np.random.Generator,
    *, pivot: tuple[float, float], strength: float = 1.0,
) -> np.ndarray:  # fmt: skip
    """A steady motion about ``pivot`` with noise in each frame, the first one's too."""
    slowness = strength * min(1.0, DRIFTING_STEPS / max(1, shape.num_frames - 1))
    draws = slowness * np.clip(generator.normal(0.0, 1.0, 4), -2.0, 2.0)
    spin = draws[0] * np.deg2rad(DRIFT["degrees"] * augmentation.degrees)
    growth = draws[1] * DRIFT["scale"] * np.log(augmentation.scale)
    velocity = draws[2:] * DRIFT["shift"] * augmentation.shift * min(shape.height, shape.width)
    noise = _draw_noise(shape, augmentation, generator, {name: strength * share for name, share in NOISE.items()})
    steps = np.arange(shape.num_frames)
    return np.stack([
        place(
            shake @ linear(spin * step, np.exp(growth * step), np.exp(growth * step), 0.0),
            source=pivot, target=(pivot[0] + velocity[0] * step, pivot[1] + velocity[1] * step),
        )
        for step, shake in zip(steps, noise, strict=True)
    ])  # fmt: skip


def draw_shake(
    shape: ClipShape, augmentation: Augmentation, generator: np.random.Generator, strength: float
) -> np.ndarray:
    """A small motion of each frame by itself, about the middle of the crop."""
    noise = _draw_noise(shape, augmentation, generator, dict.fromkeys(NOISE, strength))
    middle = (shape.width / 2, shape.height / 2)
    return np.stack([place(shake, source=middle, target=middle) for shake in noise])


def draw_passing(
    shape: ClipShape, generator: np.random.Generator, *, over: tuple[float, float], start: float
) -> np.ndarray:
    """A straight way from beside a point, at a distance of ``start`` pixels, over it in some later frame."""
    angle = generator.uniform(0.0, 2.0 * np.pi)
    offset = start * np.array([np.cos(angle), np.sin(angle)])
    meeting = generator.uniform(0.7, max(1.0, shape.num_frames - 1.0))
    places = [np.asarray(over) + offset * (1.0 - step / meeting) for step in range(shape.num_frames)]
    return np.stack([place(np.eye(3), source=over, target=(float(x), float(y))) for x, y in places])


def draw_growth(
    shape: ClipShape, augmentation: Augmentation, generator: np.random.Generator, *, pivot: tuple[float, float]
) -> np.ndarray:
    """A steady change of size about ``pivot``, by at most the augmentation's growth from first to last frame."""
    rate = generator.uniform(-1.0, 1.0) * np.log(augmentation.growth)
    scales = np.exp(rate * np.linspace(0.0, 1.0, shape.num_frames))
    return np.stack([place(linear(0.0, scale, scale, 0.0), source=pivot, target=pivot) for scale in scales])


def draw_absence(shape: ClipShape, generator: np.random.Generator) -> np.ndarray:
    """Away from the crop in some of the frames between first and last, in a row, and back a little beside the place."""
    side = max(shape.height, shape.width)
    gone, back = np.sort(generator.choice(np.arange(1, shape.num_frames), 2, replace=False))
    angle = generator.uniform(0.0, 2.0 * np.pi)
    away = ABSENCE_DISTANCE * side * np.array([np.cos(angle), np.sin(angle)])
    beside = RETURN_SPREAD * side * generator.uniform(-1.0, 1.0, 2)
    steps = [(0.0, 0.0) if step < gone else away if step < back else beside for step in range(shape.num_frames)]
    return np.stack([translation(float(x), float(y)) for x, y in steps])


def draw_bends(shape: ClipShape, augmentation: Augmentation, generator: np.random.Generator) -> np.ndarray | None:
    """Thin-plate splines as ``Warp.bends`` takes them, of some of the frames after the first; None if none is bent."""
    is_bent = generator.random(shape.num_frames) < augmentation.bend
    is_bent[0] = False
    if not is_bent.any():
        return None
    return np.stack([_draw_bend(shape, augmentation, generator) * bent for bent in is_bent])


def draw_nudge(shape: ClipShape, generator: np.random.Generator) -> Warp:
    """The small motion that makes labels of a frame those of the frame before, where none are known."""
    maps = draw_shake(shape, NUDGE, generator, strength=1.0)
    bends = np.stack([_draw_bend(shape, NUDGE, generator) for _ in range(shape.num_frames)])
    return Warp(maps, (shape.height, shape.width), bends)


def _draw_bend(shape: ClipShape, augmentation: Augmentation, generator: np.random.Generator) -> np.ndarray:
    """(2, n, n) displacements, x and y, of a spline through control points anywhere on the crop."""
    deviation = augmentation.bend_strength * min(shape.height, shape.width)
    shifts = generator.normal(0.0, deviation, (NUM_CONTROL_POINTS, 2))
    side = np.linspace(0.0, 1.0, GRID_SIDE)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    # Far from all points a spline runs away; nothing is moved further than its own points are.
    bend = thin_plate(generator.uniform(0.0, 1.0, (NUM_CONTROL_POINTS, 2)), shifts, grid)
    return bend.clip(shifts.min(), shifts.max()).T.reshape(2, GRID_SIDE, GRID_SIDE)


def _draw_noise(
    shape: ClipShape, augmentation: Augmentation, generator: np.random.Generator, strengths: dict[str, float]
) -> list[np.ndarray]:
    """A random motion about the origin for each frame, at most as large as the augmentation's times a strength."""
    draws = generator.uniform(-1.0, 1.0, (shape.num_frames, 5))
    angles = np.deg2rad(augmentation.degrees * strengths["degrees"]) * draws[:, 0]
    shears = np.deg2rad(augmentation.shear * strengths["shear"]) * draws[:, 1]
    scales = augmentation.scale ** (strengths["scale"] * draws[:, 2])
    shifts = augmentation.shift * strengths["shift"] * min(shape.height, shape.width) * draws[:, 3:]
    return [
        place(linear(angle, scale, scale, shear), source=(0.0, 0.0), target=(float(x), float(y)))
        for angle, shear, scale, (x, y) in zip(angles, shears, scales, shifts, strict=True)
    ]
