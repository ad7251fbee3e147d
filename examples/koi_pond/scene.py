"""The pond put together: what the camera sees at each frame, and what is truly there."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .bed import MARGIN, SUN, paint_bed
from .koi import KOHAKU, NUM_FLAPS, YAMABUKI, Pose, bend, paint_poses
from .lilies import Float, lay_out, paint_fallen_petal, paint_lotus, paint_pad
from .motion import BodyMap, Swimmer, camera, map_body, transform
from .noise import HEIGHT, SUPERSAMPLING, WIDTH, blurred
from .water import REACH, Surface, Water

NUM_FRAMES, FRAME_RATE = 150, 30
SHAPE = (int(HEIGHT * SUPERSAMPLING), int(WIDTH * SUPERSAMPLING))
WATER = (0.004, 0.015, 0.013)
BED_TINT = np.float32([0.80, 1.02, 0.90])
TO_SUN = SUN / np.linalg.norm(SUN)
HALF_WAY = (TO_SUN + np.float32([0, 0, 1])) / np.linalg.norm(TO_SUN + np.float32([0, 0, 1]))
SHUTTER = 0.5
NUM_SHUTTER_STEPS = 2
GRAIN = 0.011
EXPOSURE = 1.0
BLACK = 0.012

UPPER = Swimmer(
    waypoints=(
        (-330, 430),
        (-150, 425),
        (20, 400),
        (180, 350),
        (330, 300),
        (470, 255),
        (600, 225),
        (705, 240),
        (755, 320),
        (705, 405),
        (590, 420),
        (470, 380),
    ),
    start=625,
    speed=96,
    length=276,
    growth=8,
    beats=1.15,
    phase=0.0,
    depth=0.20,
    sinking=-0.02,
)
LOWER = Swimmer(
    waypoints=(
        (980, -30),
        (850, 30),
        (730, 62),
        (620, 86),
        (530, 130),
        (475, 215),
        (440, 310),
        (370, 385),
        (260, 400),
        (160, 350),
        (110, 250),
        (130, 150),
    ),
    start=400,
    speed=92,
    length=252,
    growth=-5,
    beats=1.35,
    phase=1.0,
    depth=0.48,
    sinking=0.02,
)


@dataclass(frozen=True)
class Body:
    """One fish as the camera sees it: window of the picture, colour multiplied by cover, cover."""

    window: tuple[slice, slice]
    colour: np.ndarray
    cover: np.ndarray
    depth: float


class Pond:
    """Paints the frames of the clip; equal seeds give equal frames."""

    def __init__(self, seed: int = 7) -> None:
        self.random = np.random.default_rng(seed)
        self.bed = paint_bed(self.random)
        self.water = Water(self.random)
        self.fish = ((LOWER, paint_poses(self.random, YAMABUKI)), (UPPER, paint_poses(self.random, KOHAKU)))
        self.floats = self.plant()

    def plant(self) -> list[Float]:
        """Pads in the corners, the flower on one of them, petals here and there."""
        pads = [
            paint_pad(self.random, place=(70, 62), scale=0.62, turn=0.7),
            paint_pad(self.random, place=(232, 12), scale=0.36, turn=2.4),
            paint_pad(self.random, place=(818, 455), scale=0.50, turn=-2.2),
            paint_pad(self.random, place=(20, 210), scale=0.26, turn=4.0),
        ]
        petals = [
            paint_fallen_petal(place=place, scale=0.24, turn=turn, drift=(5, 3), spin=0.12)
            for place, turn in (
                ((330, 92), 0.4),
                ((700, 130), 2.1),
                ((610, 440), 4.0),
                ((250, 240), 5.2),
                ((790, 250), 1.2),
            )
        ]
        return [*petals, *pads, paint_lotus(place=(88, 74), scale=0.42, turn=0.3)]

    def frame(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Picture HxWx3 uint8 RGB and truth HxW uint8: 1 the upper fish, 2 the lower, 0 everything else."""
        time = index / FRAME_RATE
        surface = self.water.at(time)
        light = enlarge(surface.caustic)
        bodies = [self.body(swimmer, poses, time, surface, light) for swimmer, poses in self.fish]
        floating = lay_out(self.floats, camera(time, 1.08), time, SHAPE)
        picture = self.look_down(time, surface, light, bodies, floating[..., 3])
        picture += glitter(surface)[..., None]
        picture *= 1 - floating[..., 3:]
        picture += floating[..., :3]
        return self.develop(picture, index), truth(bodies, floating[..., 3])

    def look_down(
        self, time: float, surface: Surface, light: np.ndarray, bodies: list[Body | None], pads: np.ndarray
    ) -> np.ndarray:
        """Bed and fish, with the shadows that fall on them; ``pads`` is the cover of what floats above."""
        shadow = 1 - 0.75 * cast(pads, 26, 9)
        for body in filter(None, bodies):
            shadow *= 1 - 0.85 * cast(whole(body), 55 * (1 - body.depth) + 4, 7 * (1 - body.depth) + 2)
        picture = self.view_bed(time, surface)
        picture *= (0.16 * (0.35 + 0.65 * shadow) + (0.10 + 0.28 * light) * shadow)[..., None] * BED_TINT
        picture += np.float32(WATER)
        lower, upper = bodies
        shade = 1 - 0.6 * cast(pads, 12, 5)
        for body, above in ((lower, upper), (upper, None)):
            if body:
                dim = shade * (1 - 0.6 * cast(whole(above), 9, 5)) if above else shade
                immerse(picture[body.window], body, dim[body.window])
        return picture

    def view_bed(self, time: float, surface: Surface) -> np.ndarray:
        """The bed as seen through the waves."""
        inverse = cv2.invertAffineTransform(camera(time, 0.92))
        inverse = (SUPERSAMPLING * (inverse + np.array([[0, 0, MARGIN]]))).astype(np.float32)
        columns, rows = bend_of_view(surface, 7.0)
        columns += np.arange(SHAPE[1], dtype=np.float32)
        rows += np.arange(SHAPE[0], dtype=np.float32)[:, None]
        x = inverse[0, 0] * columns + inverse[0, 1] * rows + inverse[0, 2]
        y = inverse[1, 0] * columns + inverse[1, 1] * rows + inverse[1, 2]
        return cv2.remap(
            self.bed, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )

    def body(
        self, swimmer: Swimmer, poses: list[Pose], time: float, surface: Surface, light: np.ndarray
    ) -> Body | None:
        """One fish, averaged over the time that the shutter is open."""
        depth = swimmer.depth_at(time)
        sway = np.stack(bend_of_view(surface, 7.0 * depth))
        colour, cover = np.zeros((*SHAPE, 3), np.float32), np.zeros(SHAPE, np.float32)
        windows = []
        for step in range(NUM_SHUTTER_STEPS):
            moment = time + SHUTTER / FRAME_RATE * ((step + 0.5) / NUM_SHUTTER_STEPS - 0.5)
            view = camera(moment, 1.0)
            length = swimmer.length_at(moment) * np.sqrt(np.linalg.det(view[:, :2]))
            bent = map_body(transform(view, swimmer.midline(moment)), length, SHAPE, sway)
            if bent is None:
                return None
            pose = poses[int(swimmer.beat_at(moment) / (2 * np.pi) * NUM_FLAPS) % NUM_FLAPS]
            lit, inside = shine(pose, bent, light[bent.window])
            colour[bent.window] += lit / NUM_SHUTTER_STEPS
            cover[bent.window] += inside / NUM_SHUTTER_STEPS
            windows.append(bent.window)
        window = tuple(
            slice(min(w[axis].start for w in windows), max(w[axis].stop for w in windows)) for axis in (0, 1)
        )
        return Body(window, colour[window], cover[window], depth)

    def develop(self, picture: np.ndarray, index: int) -> np.ndarray:
        """What the camera makes of linear light: smaller size, vignette, curve, grain."""
        small = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        y = np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None]
        x = np.linspace(-1, 1, WIDTH, dtype=np.float32)
        small *= (EXPOSURE * (1 - 0.17 * (x**2 + y**2)))[..., None]
        encoded = cv2.pow(np.clip(1.4 * small / (1 + 0.4 * small) - BLACK, 0, 1), 1 / 2.2)
        grain = GRAIN * np.random.default_rng([index, 99]).standard_normal((HEIGHT, WIDTH, 3), np.float32)
        return (np.clip(encoded + blurred(grain, 0.6), 0, 1) * 255 + 0.5).astype(np.uint8)


def enlarge(field: np.ndarray) -> np.ndarray:
    """A field of the surface at the painted picture's size, without the reach around it."""
    return cv2.resize(field[REACH:-REACH, REACH:-REACH], SHAPE[::-1], interpolation=cv2.INTER_LINEAR)


def bend_of_view(surface: Surface, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """How far, in painted pixels, the waves shift what is seen through them."""
    return strength * enlarge(surface.slope_x), strength * enlarge(surface.slope_y)


def shine(pose: Pose, bent: BodyMap, light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Light the bent fish by sun and sky; colour multiplied by cover, and cover."""
    colour, cover, normals = bend(pose, bent.s, bent.t)
    x = normals[..., 0] * bent.along_x - normals[..., 1] * bent.along_y
    y = normals[..., 0] * bent.along_y + normals[..., 1] * bent.along_x
    up = normals[..., 2]
    sun = np.maximum(x * TO_SUN[0] + y * TO_SUN[1] + up * TO_SUN[2], 0)
    gloss = cv2.pow(np.clip(x * HALF_WAY[0] + y * HALF_WAY[1] + up * HALF_WAY[2], 0, 1), 30)
    bright = 0.62 + 0.38 * np.minimum(light, 3.0)
    shade = 0.26 + 0.24 * up + 0.74 * sun * bright
    return colour * shade[..., None] + (0.16 * gloss * bright * cover)[..., None], cover


def immerse(picture: np.ndarray, body: Body, dim: np.ndarray) -> None:
    """Lay a fish over its window of the picture, the hazier the deeper it is."""
    cover = body.cover[..., None]
    picture *= 1 - cover
    picture += body.colour * (dim * (1 - 0.45 * body.depth))[..., None] + np.float32(WATER) * (1.2 * body.depth) * cover


def whole(body: Body) -> np.ndarray:
    """The cover of a fish on the whole picture."""
    cover = np.zeros(SHAPE, np.float32)
    cover[body.window] = body.cover
    return cover


def cast(cover: np.ndarray, distance: float, softness: float) -> np.ndarray:
    """The soft shadow that a cover throws ``distance`` world pixels away from the sun."""
    # Shadows are soft enough to be worked out at a quarter of the size.
    small = cv2.resize(cover, (SHAPE[1] // 4, SHAPE[0] // 4), interpolation=cv2.INTER_AREA)
    shift = -TO_SUN[:2] / np.linalg.norm(TO_SUN[:2]) * distance * SUPERSAMPLING / 4
    moved = cv2.warpAffine(small, np.float32([[1, 0, shift[0]], [0, 1, shift[1]]]), small.shape[::-1])
    return cv2.resize(blurred(moved, softness * SUPERSAMPLING / 4), SHAPE[::-1], interpolation=cv2.INTER_LINEAR)


def glitter(surface: Surface) -> np.ndarray:
    """The sky and a little of the sun, mirrored by the waves."""
    lean = -(surface.slope_x * TO_SUN[0] + surface.slope_y * TO_SUN[1])
    sky = 0.003 + 0.004 * np.clip(lean, -0.75, 1.5)
    return enlarge(sky + 0.06 * np.clip(lean - 0.85, 0, 1) ** 2)


def truth(bodies: list[Body | None], pads: np.ndarray) -> np.ndarray:
    """HxW uint8 label of what covers most of each pixel of the finished picture."""
    open_share = 1 - pads
    shares = []
    for body in reversed(bodies):
        share = np.zeros(SHAPE, np.float32)
        if body:
            share[body.window] = open_share[body.window] * body.cover
        shares.append(cv2.resize(share, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA))
        open_share = open_share - share
    return np.argmax([1 - sum(shares), *shares], axis=0).astype(np.uint8)
