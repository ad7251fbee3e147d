"""Clips and Segmenters for tests of Segmenters that hold Segmenters: a tiny real one, and one whose answers are
known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
import torch
from tiny_network import tiny_network

from vostool.memory.policy import build_bank, build_write_policy
from vostool.memory.readers import AttentionReader
from vostool.models.lite import LiteNetwork
from vostool.propagation.aggregate import Prediction, aggregate
from vostool.propagation.preprocess import Canvas
from vostool.propagation.propagator import propagate
from vostool.propagation.segmenter import Conventions, FrameInput, MemorySegmenter, Segmenter
from vostool.types import Annotation, Frame

# As the systems have them: lite, STM, STCN and RGMP.
CANVASES = {
    "mirror": Canvas(),
    "black": Canvas(fill="black", clears_border=True),
    "mean": Canvas(fill="mean"),
    "always": Canvas(stride=32, fill="black", always_pads=True),
}
LATE_INDEX = 2


def make_frames(size: tuple[int, int], count: int = 5) -> list[Frame]:
    """Coloured noise over which a bright square moves to the right."""
    noise = np.random.default_rng(0).integers(0, 90, (*size, 3), dtype=np.uint8)
    frames = []
    for index in range(count):
        image = noise.copy()
        image[10:26, 8 + index : 24 + index] = (230, 200, 40)
        frames.append(Frame(index, index, Fraction(1, 25), image))
    return frames


def make_annotations(size: tuple[int, int]) -> dict[int, Annotation]:
    """The square at first, and later an object at the left edge, whose mirror image lies beside the picture."""
    first, late = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    first[10:26, 8:24] = 7
    late[20:36, :6] = 9
    return {0: Annotation(0, first, (7,)), LATE_INDEX: Annotation(LATE_INDEX, late, (9,))}


def flip_frames(frames: Sequence[Frame]) -> list[Frame]:
    return [Frame(each.index, each.pts, each.time_base, each.image[:, ::-1].copy()) for each in frames]


def flip_annotations(annotations: Mapping[int, Annotation]) -> dict[int, Annotation]:
    return {
        index: Annotation(index, each.labels[:, ::-1].copy(), each.object_ids) for index, each in annotations.items()
    }


def follow(segmenter: Segmenter, size: tuple[int, int], *, flip: bool = False) -> list[np.ndarray]:
    """Alpha of each frame of the clip, or of its mirror image."""
    frames, annotations = make_frames(size), make_annotations(size)
    if flip:
        frames, annotations = flip_frames(frames), flip_annotations(annotations)
    return [result.alpha for result in propagate(segmenter, frames, annotations, short_side=None)]


def make_member(canvas: Canvas, network: LiteNetwork | None = None) -> MemorySegmenter:
    """A tiny ``lite`` that writes every other frame and sees its pictures on that canvas."""
    return MemorySegmenter(
        network or tiny_network(),
        AttentionReader("l2", 20),
        lambda: build_bank("lfu", 4),
        build_write_policy("lfu", 2),
        torch.device("cpu"),
        conventions=Conventions(canvas),
    )


class KnownSegmenter:
    """Says that objects are where they were last, with ``sureness``; keeps all that it is given."""

    device = torch.device("cpu")
    precision = torch.float32

    def __init__(self, canvas: Canvas, sureness: float = 0.8, *, has_background: bool = False) -> None:
        self.canvas = canvas
        self.frames: list[FrameInput] = []
        self.masks: list[torch.Tensor] = []
        self.committed: list[torch.Tensor] = []
        self._sureness, self._has_background = sureness, has_background

    def start(self, frame: FrameInput, masks: torch.Tensor) -> None:
        self.frames, self.committed = [frame], []
        self.masks = [masks]

    def predict(self, frame: FrameInput) -> Prediction:
        assert frame.previous is not None
        assert frame.previous.shape[1:] == frame.image.shape[2:] == self.masks[-1].shape[1:]
        self.frames.append(frame)
        objects = self._sureness * self.masks[-1]
        return Prediction(objects, 1.0 - objects.sum(dim=0) if self._has_background else None)

    def aggregate(self, prediction: Prediction) -> torch.Tensor:
        return aggregate(prediction.objects, prediction.background)

    def commit(self, frame: FrameInput, probabilities: torch.Tensor) -> None:
        self.committed.append(probabilities)
        self.masks.append(probabilities[1:])

    def add(self, frame: FrameInput, masks: torch.Tensor) -> None:
        self.masks.append(masks)

    @property
    def num_memory_bytes(self) -> int:
        return sum(each.nbytes for each in self.masks)
