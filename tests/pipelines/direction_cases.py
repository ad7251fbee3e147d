"""Clips and a network that is none, which makes visible which pass spoke for which object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

import numpy as np

from vostool.types import Annotation, Frame, FrameResult

# Each object has a column of its own.
OBJECT_IDS = (2, 5, 9)
SIZE = (2, 1 + len(OBJECT_IDS))
FORWARD_VALUE, BACKWARD_VALUE = 0.25, 0.75
VALUES = {"forward": FORWARD_VALUE, "backward": BACKWARD_VALUE}


def make_frame(index: int, *, is_corrupt: bool = False) -> Frame:
    """Its pixels are its true index."""
    image = np.full((*SIZE, 3), index, np.uint8)
    return Frame(index, 10 * index, Fraction(1, 250), image, is_corrupt=is_corrupt)


def make_annotation(
    index: int, drawn: Iterable[int], *, is_exact: bool = False, listed: Iterable[int] = ()
) -> Annotation:
    """Objects in their columns; ``listed`` ones are named but without a pixel."""
    labels = np.zeros(SIZE, np.uint8)
    drawn = tuple(drawn)
    for object_id in drawn:
        labels[:, column(object_id)] = object_id
    return Annotation(index, labels, tuple(sorted({*drawn, *listed})), is_exact=is_exact)


def column(object_id: int) -> int:
    return 1 + OBJECT_IDS.index(object_id)


class FakeFollower:
    """Sees each object that it knows in its column, with the probability that ``value`` gives of the frame."""

    def __init__(self, value: Callable[[Frame], float]) -> None:
        self.steps: list[int] = []
        self._value = value
        self._present: dict[int, bool] = {}
        self._clock = -1
        self._last: FrameResult | None = None

    def drop(self, object_ids: tuple[int, ...]) -> None:
        self._present.update({each: False for each in object_ids if each in self._present})

    def step(self, frame: Frame, annotation: Annotation | None = None) -> FrameResult:
        assert frame.index > self._clock, "the clock rises"
        self._clock = frame.index
        self.steps.append(int(frame.image[0, 0, 0]))
        if frame.is_corrupt and annotation is None and self._last is not None:
            return FrameResult(frame, self._last.labels, self._last.alpha, self._last.object_ids, True)
        self._last = self._see(frame, annotation)
        return self._last

    def _see(self, frame: Frame, annotation: Annotation | None) -> FrameResult:
        drawn = {} if annotation is None else {each: (annotation.labels == each) for each in annotation.object_ids}
        if annotation is not None and annotation.is_exact:
            self._present.update(dict.fromkeys(self._present, False))
        self._present.update({each: bool(mask.any()) for each, mask in drawn.items()})
        alpha = np.zeros((len(self._present), *SIZE), np.float32)
        labels = np.zeros(SIZE, np.uint8)
        for row, (object_id, is_present) in zip(alpha, self._present.items(), strict=True):
            row[:, column(object_id)] = (1.0 if object_id in drawn else self._value(frame)) * is_present
            labels[row > 0.5] = object_id
        return FrameResult(frame, labels, alpha, tuple(self._present))


class FakeClip:
    """Frames in both directions; remembers which were asked for backward, and whether all is closed."""

    def __init__(self, num_frames: int, corrupt: Iterable[int] = ()) -> None:
        self.frames = [make_frame(index, is_corrupt=index in set(corrupt)) for index in range(num_frames)]
        self.asked: list[tuple[int, int]] = []
        self.num_open = 0

    def forward(self) -> Iterator[Frame]:
        return self._give(self.frames)

    def backward(self, start: int, stop: int) -> Iterator[Frame]:
        self.asked.append((start, stop))
        return self._give(self.frames[start:stop][::-1])

    def _give(self, frames: list[Frame]) -> Iterator[Frame]:
        self.num_open += 1
        try:
            yield from frames
        finally:
            self.num_open -= 1
