"""Clips imagined from one frame and its mask, for fine-tuning on the first frame of a video.

Either the whole frame moves (RGMP, section 3.2, strategy 1), or its objects move on their own, in front of each other
and of the frame with the objects painted out (after Khoreva et al., Lucid data dreaming, 2017). Motions are smooth, as
those of a video are: each goes evenly to its end, with a little wobble.

Shapes: T frames, H, W frame, h, w crop, K objects. Maps are 3x3 float64 matrices acting on pixels (x, y, 1).
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vostool.datasets.augmentation import Augmentation, ClipShape
from vostool.errors import MaskError
from vostool.training.batch import ClipBatch

MAX_ATTEMPTS = 20
# An object of fewer pixels on the crop is not followed.
MIN_PIXELS = 16
# How far an object moves on its own, relative to the motion of a still.
OWN_MOTION = 1.5
WOBBLE = 0.1
# Masks are often a little tight; what is left of the object beside them must not be painted into its place.
PAINT_MARGIN = 9
LUMA = (0.299, 0.587, 0.114)


class FrameClips:
    """Draws clips of one frame.

    Args:
        frame: (3, H, W) float32 RGB in 0..1, as large as the network will see it.
        masks: (K, H, W) float32 in 0..1.
        augmentation: Its ``zoom`` counts from the frame's own pixels, so that objects are as large as they will be; it
            is raised where the frame would not fill the crop. What it says of video, grey, blur, occluders and other
            objects is not used.
        shape: Of the clips.
    """

    def __init__(self, frame: Tensor, masks: Tensor, augmentation: Augmentation, shape: ClipShape) -> None:
        self._frame = frame
        self._masks = masks
        self._augmentation = augmentation
        self._shape = shape
        self._empty = paint_out(frame, masks)

    def draw_batch(self, generators: list[np.random.Generator]) -> ClipBatch:
        """One clip for each generator.

        Raises:
            MaskError: The objects are too small.
        """
        clips = [self._draw_visible(generator) for generator in generators]
        frames = torch.stack([frames for frames, _ in clips])
        labels = torch.stack([labels for _, labels in clips])
        priors = torch.cat([labels[:, :1], labels[:, :-1]], dim=1)
        return ClipBatch(frames, labels, priors, ("the first frame",) * len(clips))

    def _draw_visible(self, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        for _ in range(MAX_ATTEMPTS):
            frames, labels = self._draw(generator)
            labels = keep_visible(labels, self._shape.max_objects)
            if labels[0].any():
                return frames, labels
        raise MaskError("the objects are too small to fine-tune on", "leave out --finetune-first-frame")

    def _draw(self, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        """(T, 3, h, w) frames and (T, h, w) int64 labels, k + 1 for mask k."""
        order = generator.permutation(len(self._masks))
        moves_objects = generator.random() < 0.5
        share = self._augmentation.shake if moves_objects else 1.0
        camera, bend = self._place_camera(generator, self._masks[order[0]], share), self._draw_bend(generator)
        if moves_objects:
            frames, labels = self._paint_apart(generator, camera, bend, order)
        else:
            grid = self._grid(camera, bend)
            frames, labels = _sample(self._frame, grid), to_labels(_sample(self._masks, grid))
        return jitter_colour(generator, frames, self._augmentation), labels

    def _paint_apart(
        self, generator: np.random.Generator, camera: np.ndarray, bend: Tensor | None, order: np.ndarray
    ) -> tuple[Tensor, Tensor]:
        """The empty frame with the objects on it, each moving on its own; the last of the order is in front."""
        frames = _sample(self._empty, self._grid(camera, bend))
        labels = frames.new_zeros((len(frames), *frames.shape[2:]), dtype=torch.int64)
        for index in order.tolist():
            grid = self._grid(camera @ self._move_object(generator, self._masks[index]), bend)
            layer = _sample(torch.cat([self._frame, self._masks[index, None]]), grid)
            # Beside the frame there is its mirror image, but no second object.
            alpha = layer[:, 3:] * (grid.abs() <= 1.0).all(dim=-1)[:, None]
            frames = torch.lerp(frames, layer[:, :3], alpha)
            labels = torch.where(alpha[:, 0] > 0.5, index + 1, labels)
        return frames, labels

    @property
    def _reach(self) -> float:
        """The length that shifts are shares of, in pixels of the frame."""
        return float(min(self._frame.shape[-2:]))

    def _place_camera(self, generator: np.random.Generator, mask: Tensor, share: float) -> np.ndarray:
        """(T, 3, 3): from the frame to a crop that has a pixel of the object near its middle."""
        crop = np.array([self._shape.width, self._shape.height], float)
        size = np.array([self._frame.shape[2], self._frame.shape[1]], float)
        zoom = max(generator.uniform(*self._augmentation.zoom), *(crop / size))
        where = torch.nonzero(mask > 0.5)
        middle = where[generator.integers(len(where))].flip(0).cpu().numpy() if len(where) else size / 2
        half = crop / zoom / 2
        middle = np.clip(middle + generator.uniform(-0.5, 0.5, 2) * half, half, size - half)
        mirror = -1.0 if generator.random() < self._augmentation.mirror else 1.0
        motion = random_motion(generator, self._augmentation, self._shape.num_frames, self._reach, share)
        return about(np.diag([zoom * mirror, zoom, 1.0]) @ motion, middle, crop / 2)

    def _move_object(self, generator: np.random.Generator, mask: Tensor) -> np.ndarray:
        """(T, 3, 3): the object's own motion about its middle; it begins where it is."""
        rows, columns = torch.nonzero(mask > 0.5).float().mean(dim=0).nan_to_num().tolist()
        motion = random_motion(generator, self._augmentation, self._shape.num_frames, self._reach, OWN_MOTION)
        return about(motion, np.array([columns, rows]), np.array([columns, rows]))

    def _draw_bend(self, generator: np.random.Generator) -> Tensor | None:
        """(T, h, w, 2): smooth displacements in pixels of the crop, or None."""
        if generator.random() >= self._augmentation.bend:
            return None
        height, width = self._shape.height, self._shape.width
        strength = self._augmentation.bend_strength * min(height, width)
        coarse = generator.normal(0.0, strength, (self._shape.num_frames, 2, 5, 5)).astype(np.float32)
        fine = functional.interpolate(torch.from_numpy(coarse), (height, width), mode="bicubic", align_corners=True)
        return fine.permute(0, 2, 3, 1).to(self._frame.device)

    def _grid(self, maps: np.ndarray, bend: Tensor | None) -> Tensor:
        """(T, h, w, 2): where in the frame each pixel of the crop looks, -1..1; maps lead from frame to crop."""
        device, (height, width) = self._frame.device, self._frame.shape[-2:]
        shape = (torch.arange(self._shape.height), torch.arange(self._shape.width))
        rows, columns = torch.meshgrid(*shape, indexing="ij")
        points = torch.stack([columns, rows], dim=-1).float().to(device).expand(len(maps), -1, -1, -1)
        inverse = torch.from_numpy(np.linalg.inv(maps)).float().to(device)
        seen = points if bend is None else points + bend
        where = torch.einsum("tij,thwj->thwi", inverse[:, :2, :2], seen) + inverse[:, None, None, :2, 2]
        return (where + 0.5) * 2.0 / torch.tensor([width, height], device=device) - 1.0


def _sample(planes: Tensor, grid: Tensor) -> Tensor:
    """(C, H, W) as seen through a grid (T, h, w, 2): (T, C, h, w)."""
    many = planes[None].expand(len(grid), -1, -1, -1)
    return functional.grid_sample(many, grid, padding_mode="reflection", align_corners=False)


def to_labels(masks: Tensor) -> Tensor:
    """(T, K, h, w) masks in 0..1 as (T, h, w) int64 labels, k + 1 for mask k."""
    beside = torch.full_like(masks[:, :1], 0.5)
    return torch.cat([beside, masks], dim=1).argmax(dim=1)


def paint_out(frame: Tensor, masks: Tensor) -> Tensor:
    """The frame (3, H, W) without its objects: what is around them grows into their place."""
    hole = (masks.amax(dim=0) > 0.1).to(torch.uint8).cpu().numpy()
    hole = cv2.dilate(hole, np.ones((PAINT_MARGIN, PAINT_MARGIN), np.uint8))
    pixels = (frame.permute(1, 2, 0) * 255.0).round().to(torch.uint8).cpu().numpy()
    painted = torch.from_numpy(cv2.inpaint(pixels, hole, 3, cv2.INPAINT_TELEA))
    return painted.to(frame.device).permute(2, 0, 1).float() / 255.0


def keep_visible(labels: Tensor, max_objects: int) -> Tensor:
    """Labels (T, h, w) of the largest objects of the first frame, as 1, 2, ... in the order of their ids."""
    counts = torch.bincount(labels[0].flatten())[1:]
    largest = counts.argsort(descending=True)[:max_objects]
    kept = largest[counts[largest] >= MIN_PIXELS].sort().values + 1
    table = torch.zeros(int(labels.max()) + 1, dtype=torch.int64, device=labels.device)
    table[kept] = torch.arange(1, len(kept) + 1, device=labels.device)
    return table[labels]


def about(maps: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Maps (..., 3, 3) that act about the point ``source`` (x, y) and carry it to ``target``."""
    return _translation(target) @ maps @ _translation(-source)


def random_motion(
    generator: np.random.Generator, augmentation: Augmentation, num_frames: int, reach: float, share: float
) -> np.ndarray:
    """A smooth random motion about the origin, (T, 3, 3), which begins near rest.

    Args:
        reach: The length in pixels that shifts are shares of.
        share: Factor on the augmentation's largest motions.
    """
    way = np.linspace(0.0, 1.0, num_frames)[:, None]
    values = share * (way * generator.uniform(-1, 1, 5) + WOBBLE * generator.normal(0, 1, (num_frames, 5)))
    angles, shears = np.deg2rad(augmentation.degrees * values[:, 0]), np.deg2rad(augmentation.shear * values[:, 1])
    scales = augmentation.scale ** values[:, 2]
    maps = np.tile(np.eye(3), (num_frames, 1, 1))
    maps[:, 0, 0], maps[:, 0, 1] = np.cos(angles), np.cos(angles) * np.tan(shears) - np.sin(angles)
    maps[:, 1, 0], maps[:, 1, 1] = np.sin(angles), np.sin(angles) * np.tan(shears) + np.cos(angles)
    maps[:, :2, :2] *= scales[:, None, None]
    maps[:, :2, 2] = augmentation.shift * reach * values[:, 3:]
    return maps


def jitter_colour(generator: np.random.Generator, frames: Tensor, augmentation: Augmentation) -> Tensor:
    """Frames (T, 3, h, w) brighter or darker, with more or less contrast and colour: the clip, and a little each."""
    clip = generator.normal(0.0, augmentation.clip_colour, (1, 3))
    drift = generator.normal(0.0, augmentation.frame_colour, (len(frames), 3))
    factors = torch.from_numpy(clip + drift).float().to(frames.device)
    brightness, contrast, saturation = factors[..., None, None, None].unbind(1)
    luma = torch.tensor(LUMA, device=frames.device).view(1, 3, 1, 1)
    grey = (frames * luma).sum(dim=1, keepdim=True)
    coloured = torch.lerp(grey, frames, (1.0 + saturation).clamp(min=0.0))
    return ((coloured - 0.5) * (1.0 + contrast).clamp(min=0.3) + 0.5 + brightness).clamp(0.0, 1.0)


def _translation(offset: np.ndarray) -> np.ndarray:
    return np.array([[1.0, 0.0, offset[0]], [0.0, 1.0, offset[1]], [0.0, 0.0, 1.0]])
