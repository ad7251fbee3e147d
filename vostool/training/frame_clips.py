"""Clips imagined from one frame and its mask, for fine-tuning on the first frame of a video.

Either the whole frame moves (RGMP, section 3.2, strategy 1), or its objects move on their own, in front of each other
and of the frame with the objects painted out (after Khoreva et al., Lucid data dreaming, 2017).

Shapes: T frames, H, W frame, h, w crop. Maps are 3x3 float64 matrices acting on positions (x, y, 1).
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from vostool.datasets.augmentation import Augmentation, ClipShape
from vostool.datasets.colour import recolour
from vostool.datasets.library import Still
from vostool.datasets.motion import draw_bends, draw_drift, draw_shake
from vostool.datasets.warp import Sampler, Warp, place
from vostool.errors import MaskError
from vostool.training.batch import ClipBatch

MAX_ATTEMPTS = 20
# An object of fewer pixels on the crop is not followed.
MIN_PIXELS = 16
# Masks are often a little tight; what is left of the object beside them must not be painted into its place.
PAINT_MARGIN = 9


class FrameClips:
    """Draws clips of one frame.

    Args:
        still: The frame, as large as the network will see it, with ids 1..k.
        augmentation: Its ``zoom`` counts from the frame's own pixels, so that objects are as large as they will be; it
            is raised where the frame would not fill the crop. Occluders and second objects are not used.
        shape: Of the clips.
    """

    def __init__(self, still: Still, augmentation: Augmentation, shape: ClipShape) -> None:
        self._still = still
        self._augmentation = augmentation
        self._shape = shape
        self._empty = paint_out(still)
        labels = still.labels.cpu().numpy()
        self._places = {int(each): np.argwhere(labels == each)[:, ::-1] for each in np.unique(labels[labels > 0])}

    def draw_batch(self, generators: list[np.random.Generator]) -> ClipBatch:
        """One clip for each generator.

        Raises:
            MaskError: The objects are too small.
        """
        clips = [self._draw_visible(generator) for generator in generators]
        frames = torch.stack([frames for frames, _ in clips])
        labels = torch.stack([labels for _, labels in clips])
        priors = torch.cat([labels[:, :1], labels[:, :-1]], dim=1)
        return ClipBatch(frames, labels, priors, (self._still.name,) * len(clips))

    def _draw_visible(self, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        for _ in range(MAX_ATTEMPTS):
            frames, labels = self._draw(generator)
            labels = keep_visible(labels, self._shape.max_objects)
            if labels[0].any():
                return frames, labels
        raise MaskError("the objects are too small to fine-tune on", "leave out --finetune-first-frame")

    def _draw(self, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        """(T, 3, h, w) frames and (T, h, w) int64 labels with the frame's own ids."""
        order = generator.permutation(list(self._places)).tolist()
        camera = self._place_camera(generator, order[0])
        bends = draw_bends(self._shape, self._augmentation, generator)
        draw = self._draw_whole if generator.random() < 0.5 else self._draw_apart
        frames, labels = draw(generator, camera, bends, order)
        return recolour(frames, self._augmentation, generator), labels

    def _place_camera(self, generator: np.random.Generator, object_id: int) -> np.ndarray:
        """(3, 3): from the frame to a crop that lies within and has a pixel of the object near its middle."""
        crop = np.array([self._shape.width, self._shape.height], float)
        size = np.array(self._still.labels.shape[::-1], float)
        zoom = max(generator.uniform(*self._augmentation.zoom), *(crop / size))
        half = crop / zoom / 2
        x, y = generator.choice(self._places[object_id]) + 0.5 + generator.uniform(-0.5, 0.5, 2) * half
        middle = np.clip((x, y), half, size - half)
        mirror = -1.0 if generator.random() < self._augmentation.mirror else 1.0
        return place(np.diag([zoom * mirror, zoom, 1.0]), source=tuple(middle), target=tuple(crop / 2))

    def _draw_whole(
        self, generator: np.random.Generator, camera: np.ndarray, bends: np.ndarray | None, order: list[int]
    ) -> tuple[Tensor, Tensor]:
        """The frame with all that is on it."""
        middle = (self._shape.width / 2, self._shape.height / 2)
        drift = draw_drift(self._shape, self._augmentation, generator, pivot=middle)
        sampler = self._sampler(drift @ camera, bends)
        return sampler.pictures([self._still.image]), sampler.masks([self._still.labels]).long()

    def _draw_apart(
        self, generator: np.random.Generator, camera: np.ndarray, bends: np.ndarray | None, order: list[int]
    ) -> tuple[Tensor, Tensor]:
        """The empty frame with the objects on it, each moving on its own; the last of the order is in front."""
        shake = draw_shake(self._shape, self._augmentation, generator, self._augmentation.shake)
        frames = self._sampler(shake @ camera, bends).pictures([self._empty])
        labels = torch.zeros_like(frames[:, 0], dtype=torch.int64)
        for object_id in order:
            x, y, _ = camera @ (*(self._places[object_id].mean(axis=0) + 0.5), 1.0)
            drift = draw_drift(self._shape, self._augmentation, generator, pivot=(float(x), float(y)))
            sampler = self._sampler(shake @ drift @ camera, bends)
            mask = (self._still.labels == object_id).to(torch.uint8)[None] * 255
            # Beside the frame there is its mirror image, but no second object.
            alpha = sampler.pictures([mask]) * sampler.inside()[:, None]
            frames = torch.lerp(frames, sampler.pictures([self._still.image]), alpha)
            labels = torch.where(alpha[:, 0] > 0.5, object_id, labels)
        return frames, labels

    def _sampler(self, maps: np.ndarray, bends: np.ndarray | None) -> Sampler:
        height, width = self._still.labels.shape
        warp = Warp(maps, (self._shape.height, self._shape.width), bends)
        return Sampler(warp, (height, width), self._still.labels.device)


def paint_out(still: Still) -> Tensor:
    """(3, H, W) uint8, the frame without its objects: what is around them grows into their place."""
    hole = cv2.dilate((still.labels > 0).to(torch.uint8).cpu().numpy(), np.ones((PAINT_MARGIN, PAINT_MARGIN), np.uint8))
    pixels = np.ascontiguousarray(still.image.permute(1, 2, 0).cpu().numpy())
    painted = torch.from_numpy(cv2.inpaint(pixels, hole, 3, cv2.INPAINT_TELEA))
    return painted.permute(2, 0, 1).contiguous().to(still.image.device)


def keep_visible(labels: Tensor, max_objects: int) -> Tensor:
    """Labels (T, h, w) of the largest objects of the first frame, as 1, 2, ... in the order of their ids."""
    counts = torch.bincount(labels[0].flatten())[1:]
    largest = counts.argsort(descending=True)[:max_objects]
    kept = largest[counts[largest] >= MIN_PIXELS].sort().values + 1
    table = torch.zeros(int(labels.max()) + 1, dtype=torch.int64, device=labels.device)
    table[kept] = torch.arange(1, len(kept) + 1, device=labels.device)
    return table[labels]
