"""Which part of a picture a clip shows: how large, near which object, mirrored or tilted.

Positions are (x, y) in pixels, sizes (height, width); matrices as in ``warp``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vostool.datasets.augmentation import Augmentation, ClipShape
from vostool.datasets.objects import ObjectBox, union_of
from vostool.datasets.warp import linear, place, translation

# Smallest scale of a still relative to the one at which it just covers the crop: much beyond it are only mirror images.
LEAST_COVER = 0.9
# Share of the crop by which a moving window may leave its picture on either side.
ALLOWANCE = 0.1
# The object of a still comes to this share of the crop where the picture has room for it.
STILL_OBJECT = (0.3, 0.9)
# An object of a video fills between these shares of the crop, where neither many pixels must be invented nor the
# picture left for it.
VIDEO_OBJECT = (0.15, 1.2)
MOST_MAGNIFIED = 2.0
# The window is off its object by up to this share of the crop.
SPREAD = 0.25
# Deviation of the tilt of a clip, as a share of the largest rotation of a frame.
TILT = 0.4


def cover_scale(picture: tuple[int, int], shape: ClipShape) -> float:
    """The factor at which a picture (height, width) just covers the crop."""
    return max(shape.height / picture[0], shape.width / picture[1])


def share_of_crop(box: ObjectBox, shape: ClipShape) -> float:
    """How much of the crop's width or height an object takes, whichever is more, where its pixels are not scaled."""
    return max(box.extent[0] / shape.width, box.extent[1] / shape.height)


def video_scale(
    box: ObjectBox, picture: tuple[int, int], shape: ClipShape, zoom: tuple[float, float],
    generator: np.random.Generator,
) -> float:  # fmt: skip
    """Random factor from video to crop pixels, held to what the object and the picture allow."""
    scale = float(np.exp(generator.uniform(*np.log(zoom))))
    least, most = (share / share_of_crop(box, shape) for share in VIDEO_OBJECT)
    least = min(least, max(scale, MOST_MAGNIFIED))
    return max(min(max(scale, least), most), cover_scale(picture, shape))


def still_scale(
    box: ObjectBox, picture: tuple[int, int], shape: ClipShape, zoom: tuple[float, float],
    generator: np.random.Generator,
) -> float:  # fmt: skip
    """Random factor from the pixels of a still to those of a crop: larger where the object would be small."""
    cover = cover_scale(picture, shape)
    factor = max(LEAST_COVER, float(np.exp(generator.uniform(*np.log(zoom)))))
    wanted = generator.uniform(*STILL_OBJECT) / (share_of_crop(box, shape) * cover)
    return factor * cover * max(1.0, float(wanted))


def orientation(scale: float, augmentation: Augmentation, generator: np.random.Generator) -> np.ndarray:
    """Scales, stretches and tilts a little, and mirrors sometimes."""
    flip = -1.0 if generator.random() < augmentation.mirror else 1.0
    aspect = augmentation.scale ** generator.uniform(-0.5, 0.5)
    angle = np.deg2rad(TILT * augmentation.degrees * np.clip(generator.normal(), -2.5, 2.5))
    return linear(angle, scale * aspect * flip, scale / aspect, 0.0)


def frame_objects(
    boxes: Sequence[ObjectBox], picture: tuple[int, int], scale: float, shape: ClipShape, augmentation: Augmentation,
    generator: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """The map to a crop near the objects, or the first of them if they do not fit, and within the picture."""
    everything = union_of(boxes)
    box = everything if len(boxes) > 1 and share_of_crop(everything, shape) * scale <= 1.0 else boxes[0]
    reach = np.array([shape.width, shape.height]) / scale
    extent = np.array([picture[1], picture[0]], dtype=float)
    window = np.asarray(box.centre) + generator.uniform(-SPREAD, SPREAD, 2) * reach
    margin = np.minimum(reach, extent) / 2
    x, y = np.clip(window, margin, extent - margin)
    middle = (shape.width / 2, shape.height / 2)
    return place(orientation(scale, augmentation, generator), source=(float(x), float(y)), target=middle)


def keep_within(matrices: np.ndarray, picture: tuple[int, int], shape: ClipShape) -> np.ndarray:
    """The maps (T, 3, 3) of a moving window, held back where it would leave its picture (height, width) too far."""
    extent = np.array([picture[1], picture[0]], dtype=float)
    middle = np.array([shape.width / 2, shape.height / 2, 1.0])
    windows = (np.linalg.inv(matrices) @ middle)[:, :2]
    scales = np.sqrt(np.abs(np.linalg.det(matrices)))[:, None]
    reach = (1.0 - 2.0 * ALLOWANCE) * middle[:2] / scales
    margin = np.minimum(reach, extent / 2)
    backs = windows - np.clip(windows, margin, extent - margin)
    return np.stack([matrix @ translation(*back) for matrix, back in zip(matrices, backs, strict=True)])
