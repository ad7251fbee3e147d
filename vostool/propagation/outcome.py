"""What a frame came to, at network size, and the result at source size that is made of it.

An outcome is small enough to be kept from frame to frame, and with the state of a run that goes on later.

Shapes: K objects, A of them drawn; h', w' padded network size; H, W source size.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vostool.propagation.aggregate import Prediction
from vostool.propagation.postprocess import to_alpha, to_labels, to_source
from vostool.propagation.preprocess import Geometry, crop_padding
from vostool.types import Frame, FrameResult


@dataclass(frozen=True)
class Outcome:
    """One frame, predicted or drawn or both.

    Attributes:
        object_ids: All K.
        probabilities: (K'+1, h', w') of the background and the first K' objects; None where nothing was predicted.
        drawn: (H, W) uint8 labels as the user drew them; None on a frame without annotation.
        drawn_ids: Which objects the annotation speaks of; where it does not show them, they are absent.
    """

    object_ids: tuple[int, ...]
    probabilities: Tensor | None = None
    drawn: np.ndarray | None = None
    drawn_ids: tuple[int, ...] = ()

    def without(self, object_ids: Collection[int]) -> Outcome:
        """The same, as if some of the objects were background."""
        rows = [row for row, object_id in enumerate(self.object_ids) if object_id in object_ids]
        drawn = None if self.drawn is None else np.where(np.isin(self.drawn, list(object_ids)), 0, self.drawn)
        probabilities = self.probabilities
        if probabilities is not None:
            probabilities = clear_objects(probabilities, [row for row in rows if row + 1 < len(probabilities)])
        return replace(self, probabilities=probabilities, drawn=drawn)

    def render(self, frame: Frame, geometry: Geometry) -> FrameResult:
        """The result at source size: drawn objects as they were drawn, the others wherever nothing is drawn."""
        labels = np.zeros(geometry.source_size, np.uint8)
        alpha = np.zeros((0, *geometry.source_size), np.float32)
        confidence = np.zeros(0, np.float32)
        if self.probabilities is not None:
            at_source = to_source(self.probabilities, geometry)
            labels = to_labels(at_source, self.object_ids[: len(at_source) - 1])
            alpha = to_alpha(at_source)
            confidence = expected_overlap(crop_padding(self.probabilities, geometry)).cpu().numpy()
        predicted = FrameResult(frame, labels, alpha, self.object_ids, confidence=confidence)
        return predicted if self.drawn is None else self._draw(predicted, self.drawn)

    def _draw(self, predicted: FrameResult, drawn: np.ndarray) -> FrameResult:
        planes = np.stack([drawn == object_id for object_id in self.drawn_ids])
        rows = [self.object_ids.index(object_id) for object_id in self.drawn_ids]
        alpha = draw_over(torch.from_numpy(predicted.alpha), torch.from_numpy(planes.astype(np.float32)), rows)
        others = np.where(np.isin(predicted.labels, self.drawn_ids), 0, predicted.labels)
        labels = np.where(drawn > 0, drawn, others).astype(np.uint8)
        assert predicted.confidence is not None
        confidence = np.pad(predicted.confidence, (0, len(alpha) - len(predicted.confidence)))
        confidence[rows] = planes.any(axis=(1, 2))
        return replace(predicted, labels=labels, alpha=alpha.numpy(), confidence=confidence)

    def state(self) -> dict[str, Any]:
        """Numbers, and copies of the tensors on the CPU."""
        return {
            "object_ids": list(self.object_ids),
            "probabilities": None if self.probabilities is None else self.probabilities.to("cpu", copy=True),
            "drawn": None if self.drawn is None else torch.from_numpy(np.array(self.drawn)),
            "drawn_ids": list(self.drawn_ids),
        }

    @classmethod
    def of(cls, state: dict[str, Any], device: torch.device) -> Outcome:
        """The way back from ``state``, onto a device."""
        probabilities, drawn = state["probabilities"], state["drawn"]
        return cls(
            tuple(state["object_ids"]),
            None if probabilities is None else probabilities.to(device, copy=True),
            None if drawn is None else drawn.numpy().copy(),
            tuple(state["drawn_ids"]),
        )


def draw_over(probabilities: Tensor, drawn: Tensor, rows: Sequence[int]) -> Tensor:
    """Objects as they are drawn, and the others as they are predicted wherever nothing is drawn.

    The others stay as unsure as they are (STCN:inference_core_yv.py).

    Args:
        probabilities: (K, H, W) of the objects that are known.
        drawn: (A, H, W) masks in 0..1.
        rows: Which object each mask is of; objects from K on are new.

    Returns:
        (K', H, W), K' objects with the new ones.
    """
    num_new = max(0, max(rows) + 1 - len(probabilities))
    known = functional.pad(probabilities, (0, 0, 0, 0, 0, num_new)) * (1.0 - drawn.sum(dim=0)).clamp(min=0.0)
    return known.index_copy(0, torch.tensor(rows, device=known.device), drawn)


def without_objects(prediction: Prediction, rows: Sequence[int]) -> Prediction:
    """A prediction in which some of the objects claim nothing; what they claimed goes to a predicted background."""
    if not rows:
        return prediction
    index = torch.tensor(rows, device=prediction.objects.device)
    objects = prediction.objects.index_fill(0, index, 0.0)
    if prediction.background is None:
        return Prediction(objects)
    return Prediction(objects, (prediction.background + prediction.objects[index].sum(dim=0)).clamp(max=1.0))


def clear_objects(probabilities: Tensor, rows: Sequence[int]) -> Tensor:
    """(K+1, h', w') aggregated probabilities in which some of the K objects are background."""
    if not rows:
        return probabilities
    index = torch.tensor(rows, device=probabilities.device) + 1
    cleared = probabilities.index_fill(0, index, 0.0)
    cleared[0] += probabilities[index].sum(dim=0)
    return cleared


def expected_overlap(probabilities: Tensor) -> Tensor:
    """The intersection over union with the truth that probabilities lead to expect, if they are right.

    Args:
        probabilities: (K+1, h, w) of the background and the objects.

    Returns:
        (K,) float32: expected intersection over expected union of the pixels where the object is the likeliest; 0 if
        there are none.
    """
    winning, labels = (each.flatten() for each in probabilities.max(dim=0))
    counts = torch.bincount(labels, minlength=len(probabilities))
    inside = torch.bincount(labels, weights=winning, minlength=len(probabilities))
    outside = (probabilities.flatten(1).sum(dim=1) - inside).clamp(min=0.0)
    return (inside / (counts + outside).clamp(min=1.0) * (counts > 0))[1:].float()
