"""Going on with less when memory ends in the middle of a clip."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from vostool.errors import MemoryExhausted
from vostool.memory.lfu import DEFAULT_PINNED_FRAMES
from vostool.pipelines.exhaustion import memory_errors
from vostool.pipelines.limits import Setting, smaller_setting
from vostool.pipelines.shots import Follower
from vostool.types import Annotation, Frame, FrameResult

# Frames are kept in saved states, for which speed counts more than size.
PNG_OPTIONS = (cv2.IMWRITE_PNG_COMPRESSION, 1)


@dataclass(frozen=True)
class Sight:
    """A frame and what it was found to show, from which a follower can begin.

    Attributes:
        frame: Without its deep pixels.
        labels: HxW uint8.
        object_ids: Of all objects that were known; those that are not in the labels were absent.
    """

    frame: Frame
    labels: np.ndarray
    object_ids: tuple[int, ...]

    @classmethod
    def of_result(cls, result: FrameResult) -> Sight:
        """What a follower has said of a frame."""
        return cls(replace(result.frame, deep=None), result.labels, result.object_ids)

    @property
    def annotation(self) -> Annotation:
        """As if a user had drawn it."""
        return Annotation(self.frame.index, self.labels, self.object_ids, is_exact=True)

    def state(self) -> dict[str, Any]:
        """Numbers and tensors; the pictures are packed."""
        frame = self.frame
        return {
            "index": frame.index,
            "pts": frame.pts,
            "time_base": list(frame.time_base.as_integer_ratio()),
            "image": _pack(frame.image),
            "labels": _pack(self.labels),
            "object_ids": list(self.object_ids),
        }

    @classmethod
    def of(cls, state: dict[str, Any]) -> Sight:
        """The way back from ``state``."""
        numerator, denominator = state["time_base"]
        frame = Frame(state["index"], state["pts"], Fraction(numerator, denominator), _unpack(state["image"]))
        return cls(frame, _unpack(state["labels"]), tuple(state["object_ids"]))


class RobustFollower:
    """A follower that takes a smaller setting when memory ends, and begins again from what it knows.

    That is the first annotated frame and some of the newest ones, as they came out, and the last frame that was
    followed.

    Args:
        make_follower: Makes one of a short side and of the frames of its memory; None where the memory has no capacity.
            What an earlier one has taken must be free once nobody holds that one any more.
        setting: The first one to try.
        on_change: Told in one line of each change.
    """

    def __init__(
        self,
        make_follower: Callable[[int, float | None], Follower],
        setting: Setting,
        on_change: Callable[[str], None],
    ) -> None:
        self._make_follower = make_follower
        self._setting = setting
        self._on_change = on_change
        self._follower: Follower | None = None
        self._annotated: list[Sight] = []
        self._last: Sight | None = None
        self._dropped_ids: set[int] = set()
        self._is_cut = False
        self._is_paused = False

    @property
    def setting(self) -> Setting:
        """That is used now."""
        return self._setting

    def step(self, frame: Frame, annotation: Annotation | None = None) -> FrameResult:
        """See ``Propagator.step``.

        Raises:
            MemoryExhausted: Even with the smallest setting.
        """
        while True:
            try:
                with memory_errors("use a smaller --size or fewer --memory-frames"):
                    result = self._begun().step(frame, annotation)
            except MemoryExhausted as error:
                reason = error.message
            else:
                self._remember(result, annotation)
                return result
            # Only here, where the error no longer holds what was being computed, can that be freed.
            self._shrink(reason, frame)

    def drop(self, object_ids: Collection[int]) -> None:
        """See ``Propagator.drop``."""
        self._begun().drop(object_ids)
        self._dropped_ids |= {*object_ids}

    def reset(self) -> None:
        """See ``Propagator.reset``."""
        self._begun().reset()
        self._is_cut = True

    def pause(self) -> None:
        """See ``Propagator.pause``."""
        self._begun().pause()
        self._is_paused = True

    def state(self) -> dict[str, Any]:
        """See ``Propagator.state``; the setting and what is needed to begin again are in it."""
        return {
            "short_side": self._setting.short_side,
            "memory_frames": self._setting.memory_frames,
            "follower": self._begun().state(),
            "annotated": [sight.state() for sight in self._annotated],
            "last": None if self._last is None else self._last.state(),
            "dropped_ids": sorted(self._dropped_ids),
            "is_cut": self._is_cut,
            "is_paused": self._is_paused,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """See ``Propagator.restore``; goes on with the setting of then."""
        self._follower = None
        self._setting = Setting(state["short_side"], state["memory_frames"])
        self._follower = self._make_follower(self._setting.short_side, self._setting.memory_frames)
        self._follower.restore(state["follower"])
        self._annotated = [Sight.of(each) for each in state["annotated"]]
        self._last = None if state["last"] is None else Sight.of(state["last"])
        self._dropped_ids = {*state["dropped_ids"]}
        self._is_cut, self._is_paused = state["is_cut"], state["is_paused"]

    def _begun(self) -> Follower:
        """The follower; a new one is brought to where the one before it was."""
        if self._follower is None:
            follower = self._make_follower(self._setting.short_side, self._setting.memory_frames)
            for sight in self._sights():
                follower.step(sight.frame, sight.annotation)
            if self._dropped_ids:
                follower.drop(sorted(self._dropped_ids))
            if self._is_cut:
                follower.reset()
            if self._is_paused:
                follower.pause()
            self._follower = follower
        return self._follower

    def _sights(self) -> list[Sight]:
        """What to begin from, in rising order."""
        if self._last is None or self._last.frame.index == self._annotated[-1].frame.index:
            return self._annotated
        return [*self._annotated, self._last]

    def _remember(self, result: FrameResult, annotation: Annotation | None) -> None:
        if annotation is not None:
            self._is_paused = False
            self._dropped_ids -= {*np.unique(annotation.labels).tolist()}
        if result.is_repeated or self._is_paused or not result.object_ids:
            return
        self._last = Sight.of_result(result)
        self._is_cut = False
        if annotation is not None:
            newest = [*self._annotated[1:], self._last][1 - DEFAULT_PINNED_FRAMES :]
            self._annotated = [*self._annotated[:1], *newest] if self._annotated else [self._last]

    def _shrink(self, reason: str, frame: Frame) -> None:
        """Frees the follower and chooses the next setting."""
        self._follower = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        smaller = smaller_setting(self._setting)
        if smaller is None:
            message = f"{reason} at frame {frame.index}, even with {self._setting}"
            raise MemoryExhausted(message, "close what else needs memory, or follow fewer objects")
        self._on_change(f"{reason} at frame {frame.index} with {self._setting}; going on with {smaller}")
        self._setting = smaller


def _pack(pixels: np.ndarray) -> Tensor:
    """A picture as the bytes of a PNG file."""
    return torch.from_numpy(cv2.imencode(".png", pixels, PNG_OPTIONS)[1].copy())


def _unpack(data: Tensor) -> np.ndarray:
    pixels = cv2.imdecode(data.numpy(), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return pixels
