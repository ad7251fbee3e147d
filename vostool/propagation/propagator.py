"""The main loop: frames in, one result per frame out, nothing kept of what has passed but the memory.

Shapes: K objects; h', w' padded network size; H, W source size.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vostool.errors import VostoolError
from vostool.propagation.outcome import Outcome, clear_objects, draw_over, without_objects
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

    Annotated pixels come out as they were drawn. Objects that a later annotation does not show go on being followed,
    unless it is exact: then they are absent there. Frames before the first annotation have no objects. A corrupt frame
    repeats the result of the frame before it.

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
    """One clip, frame by frame, for callers that have no iterable of frames or that step in between frames.

    Objects stay in all results from the frame on which they are first drawn; where they are absent, they have no pixels
    and an alpha of 0.
    """

    def __init__(self, segmenter: Segmenter, short_side: int | None = DEFAULT_SHORT_SIDE) -> None:
        self._segmenter = segmenter
        self._short_side = short_side
        self._geometry: Geometry | None = None
        self._object_ids: tuple[int, ...] = ()
        self._dropped_ids: frozenset[int] = frozenset()
        self._is_paused = False
        self._previous: Tensor | None = None
        self._outcome: Outcome | None = None

    @torch.inference_mode()
    def step(self, frame: Frame, annotation: Annotation | None = None) -> FrameResult:
        """Segments one frame; an annotation starts the clip, corrects it, adds objects, or ends a pause."""
        drawn_ids = self._drawn_ids(annotation)
        self._is_paused &= annotation is None
        if annotation is not None and drawn_ids:
            self._outcome = self._annotate(frame, annotation.labels, drawn_ids)
        elif self._is_paused or not self._object_ids:
            return _absent_result(frame, self._object_ids)
        elif frame.is_corrupt and self._outcome is not None:
            return replace(self._outcome.render(frame, self._plan(frame)), is_repeated=True)
        else:
            self._outcome = self._segment(frame)
        return self._outcome.render(frame, self._plan(frame))

    def reset(self) -> None:
        """Forgets all that was seen but annotated frames, and where the objects were: another shot begins."""
        self._segmenter.forget()
        self._previous = None

    def pause(self) -> None:
        """Until the next annotation all objects are absent, and the network rests."""
        self._is_paused = True
        self._previous = None
        self._outcome = None

    @torch.inference_mode()
    def drop(self, object_ids: Collection[int]) -> None:
        """Follows these objects no longer: they are absent until an annotation shows them again."""
        self._set_dropped(self._dropped_ids | {*object_ids} & {*self._object_ids})
        if self._previous is not None:
            rows = self._dropped_rows(len(self._previous))
            self._previous = self._previous.index_fill(0, torch.tensor(rows, device=self._previous.device).long(), 0.0)
        if self._outcome is not None:
            self._outcome = self._outcome.without(self._dropped_ids)

    def state(self) -> dict[str, Any]:
        """Everything that is needed to go on after this frame, the segmenter's state included.

        Plain containers, numbers and tensors on the CPU, which no later frame changes.
        """
        return {
            "segmenter": self._segmenter.state(),
            "source_size": list(self._geometry.source_size) if self._geometry else None,
            "object_ids": list(self._object_ids),
            "dropped_ids": sorted(self._dropped_ids),
            "is_paused": self._is_paused,
            "previous": None if self._previous is None else self._previous.to("cpu", copy=True),
            "outcome": None if self._outcome is None else self._outcome.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from the state of a propagator that was made in the same way, with a segmenter made in the same way.

        On a CPU all that follows is bit for bit what it would have been.
        """
        device, size = self._segmenter.device, state["source_size"]
        self._segmenter.restore(state["segmenter"])
        self._geometry = plan_geometry((size[0], size[1]), self._short_side, self._segmenter.canvas) if size else None
        self._object_ids = tuple(state["object_ids"])
        self._dropped_ids = frozenset(state["dropped_ids"])
        self._is_paused = state["is_paused"]
        self._previous = None if state["previous"] is None else state["previous"].to(device, copy=True)
        self._outcome = None if state["outcome"] is None else Outcome.of(state["outcome"], device)

    def _segment(self, frame: Frame) -> Outcome:
        inputs = self._inputs(frame)
        probabilities = self._predict(inputs)
        self._segmenter.commit(inputs, probabilities)
        self._previous = probabilities[1:]
        return Outcome(self._object_ids, probabilities)

    def _annotate(self, frame: Frame, labels: np.ndarray, drawn_ids: tuple[int, ...]) -> Outcome:
        inputs = self._inputs(frame)
        drawn = preprocess_masks(labels, drawn_ids, self._plan(frame), self._segmenter.device)
        if not self._object_ids:
            self._object_ids = drawn_ids
            self._segmenter.start(inputs, drawn)
            self._previous = drawn
            return Outcome(drawn_ids, None, labels, drawn_ids)
        self._set_dropped(self._dropped_ids - {*np.unique(labels).tolist()})
        probabilities = self._predict(inputs)
        self._object_ids += tuple(i for i in drawn_ids if i not in self._object_ids)
        rows = [self._object_ids.index(object_id) for object_id in drawn_ids]
        self._previous = draw_over(probabilities[1:], drawn, rows)
        self._segmenter.add(inputs, self._previous)
        return Outcome(self._object_ids, probabilities, labels, drawn_ids)

    def _predict(self, inputs: FrameInput) -> Tensor:
        """(K+1, h', w') aggregated probabilities, as the segmenter wants them remembered."""
        prediction = self._segmenter.predict(inputs)
        rows = self._dropped_rows(len(prediction.objects))
        probabilities = self._segmenter.aggregate(without_objects(prediction, rows))
        probabilities = clear_objects(probabilities, rows)
        if not torch.isfinite(probabilities).all():
            message = f"the network computed no numbers in frame {inputs.index}"
            raise VostoolError(message, "the weights are damaged; give others", code="network.not_finite")
        assert self._geometry is not None
        return clear_border(probabilities, self._geometry) if self._segmenter.canvas.clears_border else probabilities

    def _inputs(self, frame: Frame) -> FrameInput:
        image = preprocess_image(frame.image, self._plan(frame), self._segmenter.device)
        return FrameInput(frame.index, image, self._previous, self._plan(frame).padding)

    def _drawn_ids(self, annotation: Annotation | None) -> tuple[int, ...]:
        """The objects that an annotation speaks of: those that it names, and if it is exact all others as absent."""
        if annotation is None:
            return ()
        others = self._object_ids if annotation.is_exact else ()
        return annotation.object_ids + tuple(i for i in others if i not in annotation.object_ids)

    def _dropped_rows(self, num_objects: int) -> list[int]:
        return [row for row, object_id in enumerate(self._object_ids[:num_objects]) if object_id in self._dropped_ids]

    def _set_dropped(self, object_ids: frozenset[int]) -> None:
        if object_ids != self._dropped_ids:
            self._dropped_ids = object_ids
            self._segmenter.release(self._dropped_rows(len(self._object_ids)))

    def _plan(self, frame: Frame) -> Geometry:
        """The clip's geometry, settled by its first frame."""
        size = (frame.image.shape[0], frame.image.shape[1])
        if self._geometry is None:
            self._geometry = plan_geometry(size, self._short_side, self._segmenter.canvas)
        assert self._geometry.source_size == size, "readers give frames of one size"
        return self._geometry


def _absent_result(frame: Frame, object_ids: tuple[int, ...]) -> FrameResult:
    """Nothing is followed: before the first annotation, or in a pause."""
    size = frame.image.shape[:2]
    alpha = np.zeros((len(object_ids), *size), np.float32)
    return FrameResult(frame, np.zeros(size, np.uint8), alpha, object_ids, confidence=alpha[:, 0, 0])
