"""The Segmenter that remembers one reference frame per object instead of a memory bank: RGMP, section 3.3.

Each object is propagated on its own, guided by its probabilities at the frame before. Where there are several, all of
them together are propagated as one more: the background is what is left of that (RGMP:run.py).

Shapes: K objects; R rows, K and with several objects one more, the last, for all of them together; h', w' padded size.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from vostool.models.rgmp import GuidedPyramid, ReferenceNetwork
from vostool.propagation.aggregate import Prediction, aggregate
from vostool.propagation.device import computing
from vostool.propagation.preprocess import Canvas
from vostool.propagation.segmenter import FrameInput

# RGMP, section 3.3.
DEFAULT_SCALES = (0.5, 0.75, 1.0)
# Decoding one object of a 480p frame takes about 200 MB; bounds the memory however many objects there are.
ROWS_PER_PASS = 4


class ReferenceSegmenter:
    """A network that compares each frame with a reference.

    An object's reference is the annotated frame on which it first appears; the reference of all objects together is the
    latest of these frames, where all are known. Corrections of known objects guide the next frame, no more.

    Args:
        network: In evaluation mode, on ``device``.
        canvas: How pictures are framed; its stride is the network's.
        precision: Type that the network computes in; float32 switches automatic mixed precision off.
        scales: Sizes at which it sees each frame, as factors; the probabilities are averaged.
    """

    def __init__(
        self,
        network: ReferenceNetwork,
        canvas: Canvas,
        device: torch.device,
        precision: torch.dtype = torch.float32,
        scales: Sequence[float] = DEFAULT_SCALES,
    ) -> None:
        self.network = network
        self.canvas = canvas
        self.device = device
        self.precision = precision
        self.scales = tuple(scales)
        self._num_objects = 0
        self._references: dict[float, Tensor] = {}

    @torch.inference_mode()
    def start(self, frame: FrameInput, masks: Tensor) -> None:
        """See ``Segmenter.start``."""
        self._num_objects = 0
        self.add(frame, masks)

    @torch.inference_mode()
    def predict(self, frame: FrameInput) -> Prediction:
        """See ``Segmenter.predict``; where nothing is known of the frame before, the reference alone has to do."""
        previous = frame.previous
        if previous is None:
            previous = frame.image.new_zeros((self._num_objects, *frame.image.shape[-2:]))
        assert len(previous) == self._num_objects
        guidance = _with_all_together(previous)
        of_scales = [self._propagate(frame.image, guidance, scale) for scale in self.scales]
        probabilities = torch.stack(of_scales).mean(dim=0)
        return Prediction(probabilities[: self._num_objects], 1.0 - probabilities[-1])

    def aggregate(self, prediction: Prediction) -> Tensor:
        """See ``Segmenter.aggregate``."""
        return aggregate(prediction.objects, prediction.background)

    def commit(self, frame: FrameInput, probabilities: Tensor) -> None:
        """See ``Segmenter.commit``; what guides the next frame comes with it, so there is nothing to remember."""

    @torch.inference_mode()
    def add(self, frame: FrameInput, masks: Tensor) -> None:
        """See ``Segmenter.add``; encodes what is new on this frame, once for the rest of the clip."""
        if len(masks) == self._num_objects:
            return
        new_rows = _with_all_together(masks)[self._num_objects :]
        for scale in self.scales:
            fresh = self._encode_reference(frame.image, new_rows, scale)
            known = self._references[scale][: self._num_objects] if self._num_objects else fresh[:0]
            self._references[scale] = torch.cat([known, fresh])
        self._num_objects = len(masks)

    def forget(self) -> None:
        """See ``Segmenter.forget``; references are annotated frames."""

    def release(self, objects: Collection[int]) -> None:
        """See ``Segmenter.release``; each object has its reference, whatever becomes of others."""

    def state(self) -> dict[str, Any]:
        """See ``Segmenter.state``."""
        references = {scale: each.to("cpu", copy=True) for scale, each in self._references.items()}
        return {"num_objects": self._num_objects, "references": references}

    def restore(self, state: dict[str, Any]) -> None:
        """See ``Segmenter.restore``."""
        self._num_objects = state["num_objects"]
        self._references = {scale: each.to(self.device, copy=True) for scale, each in state["references"].items()}

    @property
    def num_memory_bytes(self) -> int:
        """See ``Segmenter.num_memory_bytes``."""
        return sum(reference.nbytes for reference in self._references.values())

    def _encode_reference(self, image: Tensor, masks: Tensor, scale: float) -> Tensor:
        """(rows, 2048, h, w) at stride 32 of the scaled picture."""
        image, masks = self._scaled(image, masks, scale)
        with computing(self.device, self.precision):
            return torch.cat([self._encode(image, rows).s32 for rows in masks.split(ROWS_PER_PASS)])

    def _propagate(self, image: Tensor, guidance: Tensor, scale: float) -> Tensor:
        """(R, h', w') float32 probability of each row, as seen at one scale."""
        size = guidance.shape[-2:]
        image, guidance = self._scaled(image, guidance, scale)
        passes = zip(guidance.split(ROWS_PER_PASS), self._references[scale].split(ROWS_PER_PASS), strict=True)
        with computing(self.device, self.precision):
            logits = [self.network.decode(self._encode(image, rows), reference).objects for rows, reference in passes]
        return resize(torch.cat(logits).float().sigmoid()[None], (size[0], size[1]))[0]

    def _encode(self, image: Tensor, masks: Tensor) -> GuidedPyramid:
        return self.network.encode(image, masks, torch.zeros(len(masks), dtype=torch.int64, device=self.device))

    def _scaled(self, image: Tensor, masks: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        if scale == 1.0:
            return image, masks
        height, width = (scaled_length(length, scale, self.canvas.stride) for length in image.shape[-2:])
        return resize(image, (height, width)), resize(masks[None], (height, width))[0]


def scaled_length(length: int, scale: float, stride: int) -> int:
    """A side at another scale: the next multiple of the stride above, even of a multiple (RGMP:utils.py)."""
    return (int(length * scale) // stride + 1) * stride


def _with_all_together(masks: Tensor) -> Tensor:
    """(K, h', w') to (R, h', w')."""
    return torch.cat([masks, masks.sum(dim=0, keepdim=True)]) if len(masks) > 1 else masks


def resize(planes: Tensor, size: tuple[int, int]) -> Tensor:
    """(1, C, H, W) to another size; not smoothed when it shrinks, as OpenCV's INTER_LINEAR."""
    if planes.shape[-2:] == size:
        return planes
    return functional.interpolate(planes, size, mode="bilinear", align_corners=False, antialias=False)
