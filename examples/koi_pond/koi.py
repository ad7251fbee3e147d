"""A koi seen from above: painted once stretched out straight, then bent along its path.

Coordinates of the straight fish: s runs from 0 at the nose to 1 at the tip of the tail, t across, both in body lengths.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .noise import blurred, fractal_noise, mix, normals_of, smoothstep

PIXELS_PER_LENGTH = 520
FIRST_S, LAST_S, REACH_T = -0.06, 1.06, 0.34
NUM_FLAPS = 12
WHITE = (0.80, 0.77, 0.70)


@dataclass(frozen=True)
class Skin:
    """What tells one koi from another.

    Attributes:
        ground: Colour of the body between its patches.
        patches: Rows of (s, t, radius along s, radius along t, strength): where the patches lie.
        patch_colour: Their colour.
        fin: Colour of the fins.
        scales: How strongly the scales are drawn.
        freckles: How strongly a fine dark pattern is drawn on the back.
    """

    ground: tuple[float, ...]
    patches: tuple[tuple[float, ...], ...]
    patch_colour: tuple[float, ...]
    fin: tuple[float, ...]
    scales: float
    freckles: float


KOHAKU = Skin(
    ground=WHITE,
    patches=(
        (0.10, 0.00, 0.075, 0.060, 1.3),
        (0.33, 0.03, 0.105, 0.085, 1.4),
        (0.42, -0.05, 0.07, 0.05, 0.9),
        (0.62, -0.01, 0.085, 0.065, 1.3),
        (0.80, 0.0, 0.035, 0.05, 1.0),
    ),
    patch_colour=(0.74, 0.075, 0.018),
    fin=(0.78, 0.72, 0.64),
    scales=0.13,
    freckles=0.0,
)
YAMABUKI = Skin(
    ground=(0.86, 0.50, 0.055),
    patches=((0.08, 0.0, 0.08, 0.05, 0.8), (0.98, 0.0, 0.1, 0.2, 0.6)),
    patch_colour=(0.90, 0.62, 0.20),
    fin=(0.88, 0.58, 0.13),
    scales=0.30,
    freckles=0.9,
)


@dataclass(frozen=True)
class Pose:
    """The straight fish at one moment of its fins' stroke.

    Attributes:
        colour: HxWx3, multiplied by ``cover``.
        cover: HxW, 1 inside.
        normals: HxWx3 unit normals in the frame of s, t and up, multiplied by ``cover``.
    """

    colour: np.ndarray
    cover: np.ndarray
    normals: np.ndarray


def half_width(s: np.ndarray) -> np.ndarray:
    """Half the width of the body without fins."""
    snout = np.sqrt(np.clip(1 - (np.clip(0.34 - s, 0, None) / 0.34) ** 2, 0, 1)) ** 0.8
    taper = 1 - 0.80 * smoothstep(0.30, 0.86, s)
    return 0.108 * snout * taper * smoothstep(0.93, 0.84, s)


def paint_poses(random: np.random.Generator, skin: Skin) -> list[Pose]:
    """The fish at ``NUM_FLAPS`` moments of one stroke of its pectoral fins."""
    columns = np.linspace(FIRST_S, LAST_S, int((LAST_S - FIRST_S) * PIXELS_PER_LENGTH), dtype=np.float32)
    rows = np.linspace(-REACH_T, REACH_T, int(2 * REACH_T * PIXELS_PER_LENGTH), dtype=np.float32)
    s, t = np.meshgrid(columns, rows)
    body, fins = paint_body(random, skin, s, t), paint_still_fins(skin, s, t)
    return [paint_pose(skin, s, t, body, fins, 2 * np.pi * flap / NUM_FLAPS) for flap in range(NUM_FLAPS)]


def paint_body(
    random: np.random.Generator, skin: Skin, s: np.ndarray, t: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Colour HxWx3, cover HxW and height HxW, in body lengths, of the body without fins."""
    width = half_width(s)
    edge = 1.2 / PIXELS_PER_LENGTH
    cover = smoothstep(edge, -edge, np.abs(t) - width) * (width > 0.004)
    roundness = np.sqrt(np.clip(1 - (t / np.maximum(width, 1e-3)) ** 2, 0, 1))
    raggedness = fractal_noise(random, *s.shape, cell=46, octaves=4, gain=0.55)
    patches = sum(
        strength * np.exp(-(((s - at_s) / long) ** 2) - ((t - at_t) / wide) ** 2)
        for at_s, at_t, long, wide, strength in skin.patches
    )
    inside_patch = smoothstep(0.44, 0.54, patches + 0.13 * raggedness)
    colour = mix(np.broadcast_to(np.float32(skin.ground), (*s.shape, 3)), skin.patch_colour, inside_patch)
    colour = colour * (1 + 0.05 * fractal_noise(random, *s.shape, cell=9, octaves=3))[..., None]
    scales, net = scale_pattern(s, t)
    on_back = smoothstep(0.17, 0.26, s) * smoothstep(0.90, 0.80, s)
    colour *= (1 - skin.scales * on_back * scales)[..., None]
    dark_back = np.exp(-((t / (0.55 * width + 0.004)) ** 2)) * on_back
    colour *= (1 - skin.freckles * dark_back * (0.25 + 0.6 * net))[..., None]
    height = 0.85 * width * roundness - 0.0035 * on_back * scales
    colour, height = paint_face(colour, height, s, t)
    return colour, cover, height


def scale_pattern(s: np.ndarray, t: np.ndarray, rows: float = 44.0) -> tuple[np.ndarray, np.ndarray]:
    """Two HxW patterns, 0..1: the shadow under each scale's rim, and the net of the rims alone."""
    across = t * rows
    along = s * rows * 0.92
    rim = np.full(s.shape, 9.0, np.float32)
    # Each scale is an arc that bulges to the tail; alternate rows are shifted by half a scale.
    for shift in (0.0, 0.5):
        cell_t = (across + shift) % 1 - 0.5
        cell_s = (along + shift - 0.45 * np.sqrt(np.clip(1 - (2 * cell_t) ** 2, 0, 1))) % 1
        rim = np.minimum(rim, np.where(np.abs(cell_t) < 0.5, cell_s, 9.0))
    return np.exp(-rim / 0.28), np.exp(-rim / 0.16)


def paint_face(colour: np.ndarray, height: np.ndarray, s: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Add eyes, nostrils, gill covers and the groove behind the head."""
    side = np.abs(t)
    gill = np.exp(-(((s - 0.215 + 1.6 * (side - 0.02) ** 2 * 10) / 0.006) ** 2)) * smoothstep(0.015, 0.05, side)
    colour = colour * (1 - 0.38 * gill)[..., None]
    height = height - 0.004 * gill
    nostril = np.exp(-(((s - 0.052) / 0.0055) ** 2) - ((side - 0.026) / 0.0055) ** 2)
    colour = colour * (1 - 0.6 * nostril)[..., None]
    eye = np.hypot((s - 0.098) * 0.85, side - 0.0745)
    height = height + 0.012 * smoothstep(0.019, 0.004, eye)
    colour = mix(colour, (0.55, 0.42, 0.16), smoothstep(0.0165, 0.0145, eye))
    colour = mix(colour, (0.012, 0.012, 0.015), smoothstep(0.0125, 0.0105, eye))
    glint = np.hypot(s - 0.092, side - 0.071)
    return mix(colour, (1.6, 1.6, 1.6), smoothstep(0.0045, 0.003, glint)), height


def fan(
    s: np.ndarray, t: np.ndarray, root: tuple[float, float], heading: float, spread: float, length: float, fork: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cover, rays and share of the length, each HxW, of a fin that spreads from ``root`` towards ``heading``."""
    away_s, away_t = s - root[0], t - root[1]
    radius = np.hypot(away_s, away_t) + 1e-6
    angle = (np.arctan2(away_t, away_s) - heading + np.pi) % (2 * np.pi) - np.pi
    share = angle / spread
    rim = length * (1 - fork + fork * share**2) * np.clip(1 - np.abs(share) ** 5, 0, 1) ** 0.4
    rim = rim * (1 + 0.025 * np.sin(share * 19))
    edge = 1.6 / PIXELS_PER_LENGTH
    cover = smoothstep(edge, -edge, radius - rim) * smoothstep(1.0, 0.94, np.abs(share))
    rays = 0.5 + 0.5 * np.cos(share * 52 + 2 * np.sin(radius * 60))
    return cover, rays, radius / np.maximum(length, 1e-6)


Layers = tuple[np.ndarray, np.ndarray, np.ndarray]


def paint_still_fins(skin: Skin, s: np.ndarray, t: np.ndarray) -> Layers:
    """Colour, cover and height of the fins that only bend with the body: tail and pelvic fins."""
    fins = np.zeros((*s.shape, 3), np.float32), np.zeros_like(s), np.zeros_like(s)
    for side in (-1, 1):
        add_fin(fins, skin, fan(s, t, (0.51, 0.055 * side), 0.55 * side, 0.38, 0.095, -0.1))
    add_fin(fins, skin, fan(s, t, (0.77, 0.0), 0.0, 0.46, 0.25, 0.32))
    return fins


def paint_pose(skin: Skin, s: np.ndarray, t: np.ndarray, body: Layers, still_fins: Layers, phase: float) -> Pose:
    """Lay body and fins over each other and work out the normals."""
    colour, cover, height = body
    fins = tuple(part.copy() for part in still_fins)
    for side in (-1, 1):
        heading = 0.86 + 0.30 * np.sin(phase + 0.5 * side)
        add_fin(fins, skin, fan(s, t, (0.225, 0.075 * side), side * heading, 0.50, 0.165, -0.12))
    fin_colour, fin_cover, fin_height = fins
    colour = mix(fin_colour, colour, cover)
    height = np.where(cover > 0.5, height, fin_height)
    cover = np.maximum(cover, fin_cover)
    colour, height = add_dorsal(skin, colour, height, s, t)
    normals = normals_of(blurred(height * PIXELS_PER_LENGTH, 1.0))
    return Pose(colour * cover[..., None], cover, normals * cover[..., None])


def add_fin(fins: Layers, skin: Skin, shape: Layers) -> None:
    """Lay one more fin over those that are there."""
    colour, cover, height = fins
    inside, rays, share = shape
    tint = np.float32(skin.fin) * (0.86 - 0.30 * rays * smoothstep(0.1, 0.5, share) + 0.10 * share)[..., None]
    colour[:] = mix(colour, tint, inside)
    height[:] = np.where(inside > 0.5, 0.010 * (1 - share) + 0.0025 * rays, height)
    # Fins let a little of what is behind them through, the more the thinner they are.
    np.maximum(cover, inside * (0.96 - 0.22 * np.clip(share, 0, 1)), out=cover)


def add_dorsal(
    skin: Skin, colour: np.ndarray, height: np.ndarray, s: np.ndarray, t: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The fin on the back, folded a little to one side, as a slim leaf with a shadow along it."""
    share = np.clip((s - 0.34) / 0.30, 0, 1)
    middle = 0.006 * np.sin(np.pi * share)
    width = 0.018 * np.sin(np.pi * share**0.6) * (1 - 0.35 * share) + 1e-5
    inside = smoothstep(1.0, 0.7, np.abs(t - middle) / width) * ((s > 0.34) & (s < 0.64))
    shadow = np.exp(-(((t - middle - 0.016) / 0.012) ** 2)) * smoothstep(0.34, 0.4, s) * smoothstep(0.66, 0.58, s)
    rays = 0.5 + 0.5 * np.cos(s * 420 + np.abs(t - middle) * 300)
    colour = colour * (1 - 0.30 * shadow)[..., None]
    tint = np.float32(skin.fin) * (0.95 - 0.25 * rays)[..., None]
    return mix(colour, tint, 0.9 * inside), height + 0.014 * inside * np.exp(-(((t - middle) / 0.010) ** 2))


def bend(pose: Pose, map_s: np.ndarray, map_t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Colour, cover and normals (still in the fish's frame) at the s and t of each pixel, HxW each."""
    columns = ((map_s - FIRST_S) * PIXELS_PER_LENGTH).astype(np.float32)
    rows = ((map_t + REACH_T) * PIXELS_PER_LENGTH).astype(np.float32)
    parts = (pose.colour, pose.cover, pose.normals)
    colour, cover, normals = (cv2.remap(part, columns, rows, cv2.INTER_LINEAR, borderValue=0) for part in parts)
    return colour, cover, normals
