"""Where everything is at a given time: the camera, the paths of the fish, the bend of their bodies."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .koi import FIRST_S, LAST_S
from .noise import HEIGHT, SUPERSAMPLING, WIDTH

NUM_MIDLINE_POINTS = 64
GRID_STEP = 8


def camera(time: float, parallax: float) -> np.ndarray:
    """2x3 matrix from world pixels to pixels of the painted picture; ``parallax`` is 1 at the height of the fish."""
    angle = np.deg2rad(1.3 * np.sin(0.55 * time - 0.9))
    zoom = SUPERSAMPLING * (1.0 + 0.012 * time * parallax)
    rotation = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    drift = np.array([14 * np.sin(0.7 * time - 0.8) + 5 * time - 12, 9 * np.sin(0.9 * time + 0.4)])
    shake = 0.5 * np.array([np.sin(7.1 * time) + np.sin(11.3 * time + 1), np.cos(8.7 * time) + np.sin(13.9 * time)])
    centre = np.array([WIDTH / 2, HEIGHT / 2])
    target = centre * SUPERSAMPLING + SUPERSAMPLING * parallax * (drift + shake)
    return np.hstack([rotation, (target - rotation @ centre)[:, None]])


def transform(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Nx2 points through a 2x3 matrix."""
    return points @ matrix[:, :2].T + matrix[:, 2]


@dataclass(frozen=True)
class Swimmer:
    """How one fish moves.

    Attributes:
        waypoints: Points that its path runs along, in world pixels; before the clip to after it.
        start: How far along its path the nose is at time 0, in world pixels.
        speed: World pixels a second; it varies by ``surge`` with each beat of the tail.
        length, growth: Length of the body in world pixels at time 0, and what it gains every second (it rises).
        beats: Beats of the tail a second.
        phase: Of the beat at time 0, radians.
        depth, sinking: How deep it swims, 0 the surface, 1 the bed, and what that gains every second.
    """

    waypoints: tuple[tuple[float, float], ...]
    start: float
    speed: float
    length: float
    growth: float
    beats: float
    phase: float
    depth: float
    sinking: float
    surge: float = 0.10

    def length_at(self, time: float) -> float:
        """Length of the body in world pixels."""
        return self.length + self.growth * time

    def depth_at(self, time: float) -> float:
        """0 at the surface, 1 at the bed."""
        return self.depth + self.sinking * time

    def beat_at(self, time: float) -> float:
        """Phase of the tail's beat, radians."""
        return 2 * np.pi * self.beats * time + self.phase

    def midline(self, time: float) -> np.ndarray:
        """World positions of the points of the midline, from before the nose to behind the tail.

        The body follows the nose along the path, and a wave that grows towards the tail runs down it.
        """
        s = np.linspace(FIRST_S, LAST_S, NUM_MIDLINE_POINTS)
        beat = self.beat_at(time)
        nose = self.start + self.speed * (time + self.surge * np.sin(2 * beat) / (4 * np.pi * self.beats))
        length = self.length_at(time)
        points, directions = self.along_path(nose - s * length)
        sway = length * (0.018 + 0.085 * np.clip(s, 0, None) ** 1.8) * np.sin(2 * np.pi * 0.85 * s - beat)
        return points + sway[:, None] * directions[:, ::-1] * (-1, 1)

    def along_path(self, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points of the path, and its unit directions, at distances from its first waypoint."""
        dense = catmull_rom(np.array(self.waypoints, float))
        steps = np.hypot(*np.diff(dense, axis=0).T)
        travelled = np.concatenate([[0], np.cumsum(steps)])

        def at(where: np.ndarray) -> np.ndarray:
            return np.stack([np.interp(where, travelled, dense[:, axis]) for axis in (0, 1)], axis=1)

        ahead = at(distance + 6) - at(distance - 6)
        return at(distance), ahead / np.linalg.norm(ahead, axis=1, keepdims=True)


def catmull_rom(points: np.ndarray, num_steps: int = 40) -> np.ndarray:
    """A dense, smooth line through Nx2 points."""
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    share = np.linspace(0, 1, num_steps, endpoint=False)[:, None]
    pieces = []
    for before, first, second, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        slope, bend = (second - before) / 2, before - 2.5 * first + 2 * second - after / 2
        twist = (after - before) / 2 + 1.5 * (first - second)
        pieces.append(first + slope * share + bend * share**2 + twist * share**3)
    line = np.vstack([*pieces, points[-1:]])
    # Waypoints are few: without smoothing, the bend of the body would jump as it passes them.
    kernel = np.hanning(41) / np.hanning(41).sum()
    return np.stack([np.convolve(np.pad(line[:, axis], 20, "edge"), kernel, "valid") for axis in (0, 1)], axis=1)


@dataclass(frozen=True)
class BodyMap:
    """For a window of the picture: where on the straight fish each pixel lies, and how the fish is turned there.

    Attributes:
        window: Slices of the picture's rows and columns.
        s, t: HxW coordinates on the straight fish.
        along_x, along_y: HxW direction from nose to tail in the picture.
    """

    window: tuple[slice, slice]
    s: np.ndarray
    t: np.ndarray
    along_x: np.ndarray
    along_y: np.ndarray


def map_body(midline: np.ndarray, length: float, shape: tuple[int, int], sway: np.ndarray) -> BodyMap | None:
    """Find the nearest point of the midline for each pixel near it; None if the fish is out of the picture.

    Args:
        midline: Nx2 in pixels of the painted picture.
        length: Of the body, in the same pixels.
        shape: Height and width of the picture.
        sway: 2xHxW shift of the view by the waves, in pixels.
    """
    reach = 0.33 * length
    low = np.floor(np.maximum(midline.min(0) - reach, 0)).astype(int)
    high = np.ceil(np.minimum(midline.max(0) + reach, shape[::-1])).astype(int)
    columns, rows = (high - low) // GRID_STEP
    if columns < 2 or rows < 2:
        return None
    window = (slice(low[1], low[1] + rows * GRID_STEP), slice(low[0], low[0] + columns * GRID_STEP))
    # The map is smooth, so it is worked out on a coarse grid and enlarged.
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    points = np.stack([x, y], axis=-1) * GRID_STEP + (GRID_STEP - 1) / 2 + low
    points = points + sway[:, points[..., 1].astype(int), points[..., 0].astype(int)].transpose(1, 2, 0)
    coarse = nearest_on_line(points.reshape(-1, 2), midline, length).reshape(rows, columns, 4).astype(np.float32)
    fine = cv2.resize(coarse, None, fx=GRID_STEP, fy=GRID_STEP, interpolation=cv2.INTER_LINEAR)
    return BodyMap(window, *np.moveaxis(fine, 2, 0))


def nearest_on_line(points: np.ndarray, line: np.ndarray, length: float) -> np.ndarray:
    """Nx4 float32: s, t, and the direction of the line, at the place of the line that is nearest to each point."""
    origin = line.mean(0)
    points, line = (points - origin).astype(np.float32), (line - origin).astype(np.float32)
    nearest = ((line**2).sum(1) - 2 * points @ line.T).argmin(1)
    before, after = project(points, line, nearest - 1), project(points, line, nearest)
    return np.where(before[:, 4:] < after[:, 4:], before, after)[:, :4] * (1, 1 / length, 1, 1)


def project(points: np.ndarray, line: np.ndarray, segment: np.ndarray) -> np.ndarray:
    """Nx5: s, distance to the side, direction, and squared distance, on one segment of the line for each point."""
    segment = np.clip(segment, 0, len(line) - 2)
    start, step = line[segment], np.diff(line, axis=0)[segment]
    squared = (step**2).sum(1)
    offset = points - start
    share = (offset * step).sum(1) / squared
    # Beyond the ends of the line the distance along it goes on, so that nothing is smeared there.
    share = np.clip(share, np.where(segment == 0, -np.inf, 0), np.where(segment == len(line) - 2, np.inf, 1))
    direction = step / np.sqrt(squared)[:, None]
    side = direction[:, 0] * offset[:, 1] - direction[:, 1] * offset[:, 0]
    gap = ((offset - share[:, None] * step) ** 2).sum(1)
    s = FIRST_S + (LAST_S - FIRST_S) * (segment + share) / (len(line) - 1)
    return np.column_stack([s, side, direction, gap])
