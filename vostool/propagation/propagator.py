"""The main loop: frames in, one result per frame out, nothing kept of what has passed but the memory.

Shapes: K objects; h', w' padded network size; H, W source size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from vostool.propagation.aggregate import aggregate
from vostool.propagation.postprocess import to_alpha, to_labels, to_source
from vostool.propagation.preprocess import Geometry, plan_geometry, preprocess_image, preprocess_masks
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
        probabilities = aggregate(self._segmenter.predict(inputs))
        self._segmenter.commit(inputs, probabilities)
        self._previous = probabilities[1:]
        at_source = to_source(probabilities, self._plan(frame))
        return FrameResult(frame, to_labels(at_source, self._object_ids), to_alpha(at_source), self._object_ids)

    def _annotate(self, frame: Frame, annotation: Annotation) -> FrameResult:
        inputs = self._inputs(frame)
        if not self._object_ids:
            self._object_ids = annotation.object_ids
            return self._remember(frame, inputs, annotation.labels, self._segmenter.start)
        predicted = to_source(aggregate(self._segmenter.predict(inputs)), self._plan(frame))
        labels = _correct(to_labels(predicted, self._object_ids), annotation)
        self._object_ids += tuple(i for i in annotation.object_ids if i not in self._object_ids)
        return self._remember(frame, inputs, labels, self._segmenter.add)

    def _remember(
        self, frame: Frame, inputs: FrameInput, labels: np.ndarray, remember: Callable[[FrameInput, Tensor], None]
    ) -> FrameResult:
        """Hands certain masks to the segmenter, and out as they are."""
        masks = preprocess_masks(labels, self._object_ids, self._plan(frame), self._segmenter.device)
        remember(inputs, masks)
        self._previous = masks
        alpha = np.stack([labels == object_id for object_id in self._object_ids]).astype(np.float32)
        return FrameResult(frame, labels, alpha, self._object_ids)

    def _inputs(self, frame: Frame) -> FrameInput:
        image = preprocess_image(frame.image, self._plan(frame), self._segmenter.device)
        return FrameInput(frame.index, image, self._previous)

    def _plan(self, frame: Frame) -> Geometry:
        """The clip's geometry, settled by its first frame."""
        size = (frame.image.shape[0], frame.image.shape[1])
        if self._geometry is None:
            self._geometry = plan_geometry(size, self._short_side, self._segmenter.stride)
        assert self._geometry.source_size == size, "readers give frames of one size"
        return self._geometry


def _correct(predicted: np.ndarray, annotation: Annotation) -> np.ndarray:
    """Predicted labels (H, W), where the annotated objects are as they were drawn and nowhere else."""
    others = np.where(np.isin(predicted, annotation.object_ids), 0, predicted)
    return np.where(annotation.labels > 0, annotation.labels, others).astype(np.uint8)


def _empty_result(frame: Frame) -> FrameResult:
    """Before the first annotation there is nothing to follow."""
    height, width = frame.image.shape[:2]
    return FrameResult(frame, np.zeros((height, width), np.uint8), np.zeros((0, height, width), np.float32), ())
