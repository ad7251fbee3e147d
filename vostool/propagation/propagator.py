"""The main loop: frames in, one result per frame out, nothing kept of what has passed but the memory.

Shapes: K objects; h', w' padded network size; H, W source size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vostool.propagation.postprocess import to_alpha, to_labels, to_source
from vostool.propagation.preprocess import Geometry, clear_border, plan_geometry, preprocess_image, preprocess_masks
from vostool.propagation.segmenter import FrameInput, Segmenter
from vostool.types import Annotation, Frame, FrameResult

DEFAULT_SHORT_SIDE = 480


def propagate(
    segmenter: Segmenter,
    frames: Iterable[Frame],
    annotations: Mapping[int, Annotation],
    *,
    short_side: int | None = DEFAULT_SHORT_SIDE,
) -> Iterator[FrameResult]:
    """Follows annotated objects through a clip.

    Annotated pixels come out as they were drawn. Objects that a later annotation does not show go on being followed;
    frames before the first annotation have no objects. A corrupt frame repeats the result of the frame before it.

    Args:
        frames: In presentation order, all of one size.
        annotations: By frame index, at source size.
        short_side: Of the picture that the network sees, in pixels; the source is never scaled up. None keeps its size.

    Yields:
        One result per frame, at source size.
    """
    propagator = Propagator(segmenter, short_side)
    for frame in frames:
        yield propagator.step(frame, annotations.get(frame.index))


class Propagator:
    """One clip, frame by frame, for callers that have no iterable of frames."""

    def __init__(self, segmenter: Segmenter, short_side: int | None = DEFAULT_SHORT_SIDE) -> None:
        self._segmenter = segmenter
        self._short_side = short_side
        self._geometry: Geometry | None = None
        self._object_ids: tuple[int, ...] = ()
        self._previous: Tensor | None = None
        self._result: FrameResult | None = None

    @torch.inference_mode()
    def step(self, frame: Frame, annotation: Annotation | None = None) -> FrameResult:
        """Segments one frame; an annotation starts the clip, corrects it, or adds objects."""
        if annotation is not None:
            result = self._annotate(frame, annotation)
        elif not self._object_ids:
            result = _empty_result(frame)
        elif frame.is_corrupt and self._result is not None:
            result = replace(self._result, frame=frame, is_repeated=True)
        else:
            result = self._segment(frame)
        self._result = result
        return result

    def _segment(self, frame: Frame) -> FrameResult:
        inputs = self._inputs(frame)
        probabilities = self._predict(inputs)
        self._segmenter.commit(inputs, probabilities)
        self._previous = probabilities[1:]
        at_source = to_source(probabilities, self._plan(frame))
        return FrameResult(frame, to_labels(at_source, self._object_ids), to_alpha(at_source), self._object_ids)

    def _annotate(self, frame: Frame, annotation: Annotation) -> FrameResult:
        inputs, plan = self._inputs(frame), self._plan(frame)
        drawn = preprocess_masks(annotation.labels, annotation.object_ids, plan, self._segmenter.device)
        if not self._object_ids:
            self._object_ids = annotation.object_ids
            self._segmenter.start(inputs, drawn)
            self._previous = drawn
            return FrameResult(frame, annotation.labels, _planes(annotation), self._object_ids)
        probabilities = self._predict(inputs)
        predicted_ids = self._object_ids
        self._object_ids += tuple(i for i in annotation.object_ids if i not in predicted_ids)
        rows = [self._object_ids.index(object_id) for object_id in annotation.object_ids]
        self._previous = draw_over(probabilities[1:], drawn, rows)
        self._segmenter.add(inputs, self._previous)
        at_source = to_source(probabilities, plan)
        labels = _correct(to_labels(at_source, predicted_ids), annotation)
        alpha = draw_over(at_source[1:].cpu(), torch.from_numpy(_planes(annotation)), rows)
        return FrameResult(frame, labels, alpha.numpy(), self._object_ids)

    def _predict(self, inputs: FrameInput) -> Tensor:
        """(K+1, h', w') aggregated probabilities, as the segmenter wants them remembered."""
        probabilities = self._segmenter.aggregate(self._segmenter.predict(inputs))
        assert self._geometry is not None
        return clear_border(probabilities, self._geometry) if self._segmenter.canvas.clears_border else probabilities

    def _inputs(self, frame: Frame) -> FrameInput:
        image = preprocess_image(frame.image, self._plan(frame), self._segmenter.device)
        return FrameInput(frame.index, image, self._previous, self._plan(frame).padding)

    def _plan(self, frame: Frame) -> Geometry:
        """The clip's geometry, settled by its first frame."""
        size = (frame.image.shape[0], frame.image.shape[1])
        if self._geometry is None:
            self._geometry = plan_geometry(size, self._short_side, self._segmenter.canvas)
        assert self._geometry.source_size == size, "readers give frames of one size"
        return self._geometry


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


def _planes(annotation: Annotation) -> np.ndarray:
    """(A, H, W) float32, 1 where an object is drawn."""
    return np.stack([annotation.labels == object_id for object_id in annotation.object_ids]).astype(np.float32)


def _correct(predicted: np.ndarray, annotation: Annotation) -> np.ndarray:
    """Predicted labels (H, W), where the annotated objects are as they were drawn and nowhere else."""
    others = np.where(np.isin(predicted, annotation.object_ids), 0, predicted)
    return np.where(annotation.labels > 0, annotation.labels, others).astype(np.uint8)


def _empty_result(frame: Frame) -> FrameResult:
    """Before the first annotation there is nothing to follow."""
    height, width = frame.image.shape[:2]
    return FrameResult(frame, np.zeros((height, width), np.uint8), np.zeros((0, height, width), np.float32), ())
