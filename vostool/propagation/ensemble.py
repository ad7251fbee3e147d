"""Segmenters that hold Segmenters: views of the picture, and means over several members.

Members predict each on their own; the mean is aggregated once and remembered by all of them.

Shapes: K objects; h', w' padded network size.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from vostool.propagation.aggregate import Prediction
from vostool.propagation.preprocess import (
    Canvas,
    Geometry,
    crop_padding,
    fit_image,
    fit_masks,
    framed_geometry,
    plan_scaled,
)
from vostool.propagation.segmenter import FrameInput, Segmenter


class EnsembleSegmenter:
    """The mean over members, which share the result but have memories, and maybe networks, of their own.

    Args:
        members: All for one canvas; the first gives the rule of aggregation. See ``ensemble`` for any members.
    """

    def __init__(self, members: Sequence[Segmenter]) -> None:
        self.members = tuple(members)
        self._first = self.members[0]
        assert all(each.canvas == self._first.canvas for each in self.members), "members of one canvas"
        self.canvas, self.device, self.precision = self._first.canvas, self._first.device, self._first.precision

    @torch.inference_mode()
    def start(self, frame: FrameInput, masks: Tensor) -> None:
        """See ``Segmenter.start``."""
        for member in self.members:
            member.start(frame, masks)

    @torch.inference_mode()
    def predict(self, frame: FrameInput) -> Prediction:
        """See ``Segmenter.predict``."""
        return Prediction.mean([member.predict(frame) for member in self.members])

    def aggregate(self, prediction: Prediction) -> Tensor:
        """See ``Segmenter.aggregate``."""
        return self._first.aggregate(prediction)

    @torch.inference_mode()
    def commit(self, frame: FrameInput, probabilities: Tensor) -> None:
        """See ``Segmenter.commit``."""
        for member in self.members:
            member.commit(frame, probabilities)

    @torch.inference_mode()
    def add(self, frame: FrameInput, masks: Tensor) -> None:
        """See ``Segmenter.add``."""
        for member in self.members:
            member.add(frame, masks)

    def forget(self) -> None:
        """See ``Segmenter.forget``."""
        for member in self.members:
            member.forget()

    def release(self, objects: Collection[int]) -> None:
        """See ``Segmenter.release``."""
        for member in self.members:
            member.release(objects)

    def state(self) -> dict[str, Any]:
        """See ``Segmenter.state``."""
        return {"members": [member.state() for member in self.members]}

    def restore(self, state: dict[str, Any]) -> None:
        """See ``Segmenter.restore``."""
        for member, of_member in zip(self.members, state["members"], strict=True):
            member.restore(of_member)

    @property
    def num_memory_bytes(self) -> int:
        """See ``Segmenter.num_memory_bytes``."""
        return sum(member.num_memory_bytes for member in self.members)


class ViewSegmenter(ABC):
    """Shows its member another view of each frame, and brings back what the member says of it.

    Args:
        canvas: What this Segmenter takes; the member's own if None.
    """

    def __init__(self, member: Segmenter, canvas: Canvas | None = None) -> None:
        self.member = member
        self.canvas = canvas or member.canvas
        self.device, self.precision = member.device, member.precision

    @torch.inference_mode()
    def start(self, frame: FrameInput, masks: Tensor) -> None:
        """See ``Segmenter.start``."""
        self.member.start(self._shown(frame), self._inward(masks, frame))

    @torch.inference_mode()
    def predict(self, frame: FrameInput) -> Prediction:
        """See ``Segmenter.predict``."""
        said = self.member.predict(self._shown(frame))
        objects = self._outward(said.objects, frame)
        if said.background is None:
            return Prediction(objects)
        return Prediction(objects, 1.0 - self._outward(1.0 - said.background[None], frame)[0])

    def aggregate(self, prediction: Prediction) -> Tensor:
        """See ``Segmenter.aggregate``."""
        return self.member.aggregate(prediction)

    @torch.inference_mode()
    def commit(self, frame: FrameInput, probabilities: Tensor) -> None:
        """See ``Segmenter.commit``."""
        # What a view adds beside the picture belongs to the background, hence the complement.
        background, objects = probabilities[:1], probabilities[1:]
        shown = self._inward(torch.cat([1.0 - background, objects]), frame)
        self.member.commit(self._shown(frame), torch.cat([1.0 - shown[:1], shown[1:]]))

    @torch.inference_mode()
    def add(self, frame: FrameInput, masks: Tensor) -> None:
        """See ``Segmenter.add``."""
        self.member.add(self._shown(frame), self._inward(masks, frame))

    def forget(self) -> None:
        """See ``Segmenter.forget``."""
        self.member.forget()

    def release(self, objects: Collection[int]) -> None:
        """See ``Segmenter.release``."""
        self.member.release(objects)

    def state(self) -> dict[str, Any]:
        """See ``Segmenter.state``; views keep nothing of their own."""
        return self.member.state()

    def restore(self, state: dict[str, Any]) -> None:
        """See ``Segmenter.restore``."""
        self.member.restore(state)

    @property
    def num_memory_bytes(self) -> int:
        """See ``Segmenter.num_memory_bytes``."""
        return self.member.num_memory_bytes

    def _shown(self, frame: FrameInput) -> FrameInput:
        previous = None if frame.previous is None else self._inward(frame.previous, frame)
        return replace(self._picture(frame), previous=previous)

    def _geometry(self, frame: FrameInput) -> Geometry:
        """Where the picture lies in what this Segmenter is given."""
        return framed_geometry(frame.image, frame.padding, self.canvas.fill)

    @abstractmethod
    def _picture(self, frame: FrameInput) -> FrameInput:
        """The frame with the member's image and padding."""

    @abstractmethod
    def _inward(self, planes: Tensor, frame: FrameInput) -> Tensor:
        """Planes (K, h', w') of objects as the member sees them."""

    @abstractmethod
    def _outward(self, planes: Tensor, frame: FrameInput) -> Tensor:
        """Planes (K, h', w') of objects as the member's view of the frame gives them, in this Segmenter's."""


class ReframedSegmenter(ViewSegmenter):
    """Shows the picture at another scale, or on another canvas.

    Planes are framed as annotated masks are: mirrored with the picture, or else ending with it.

    Args:
        canvas: What this Segmenter takes; the member is shown its own. The member's own if None.
        scale: Of the picture that the member sees to the one that is given.
    """

    def __init__(self, member: Segmenter, canvas: Canvas | None = None, scale: float = 1.0) -> None:
        super().__init__(member, canvas)
        self.scale = scale

    def _picture(self, frame: FrameInput) -> FrameInput:
        inner = self._inner(frame)
        image = fit_image(crop_padding(frame.image, self._geometry(frame)), inner)
        return replace(frame, image=image, padding=inner.padding)

    def _inward(self, planes: Tensor, frame: FrameInput) -> Tensor:
        return fit_masks(crop_padding(planes, self._geometry(frame)), self._inner(frame))

    def _outward(self, planes: Tensor, frame: FrameInput) -> Tensor:
        return fit_masks(crop_padding(planes, self._inner(frame)), self._geometry(frame))

    def _inner(self, frame: FrameInput) -> Geometry:
        """Where the picture lies in what the member is given."""
        return plan_scaled(self._geometry(frame).network_size, self.scale, self.member.canvas)


def reframe(member: Segmenter, canvas: Canvas | None = None, scale: float = 1.0) -> Segmenter:
    """A Segmenter for the canvas, or for the member's own if None; the member itself where nothing changes."""
    if scale == 1.0 and canvas in (None, member.canvas):
        return member
    return ReframedSegmenter(member, canvas, scale)


def ensemble(members: Sequence[Segmenter]) -> Segmenter:
    """The mean over members of any systems, for the first one's canvas; one member is itself."""
    canvas = members[0].canvas
    framed = [reframe(member, canvas) for member in members]
    return EnsembleSegmenter(framed) if len(framed) > 1 else framed[0]
