"""Decoded pictures as what a network sees, and as all that the source holds."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from vostool.types import Frame, VideoInfo
from vostool.video.colour.deep import to_deep_rgb
from vostool.video.colour.tone_mapping import tone_map
from vostool.video.colour.yuv import to_rgb
from vostool.video.reading.rotation import Orientation


class Rendered(NamedTuple):
    """``Frame.image`` and ``Frame.deep``."""

    image: np.ndarray
    deep: np.ndarray | None


class Renderer:
    """Makes upright RGB of decoded pictures, all at one size.

    Args:
        info: Of the video.
        stored_size: Height and width before rotation.
        keeps_depth: Also keep what 8 bits do not hold.
    """

    def __init__(
        self, info: VideoInfo, stored_size: tuple[int, int], orientation: Orientation, *, keeps_depth: bool = False
    ) -> None:
        self._colour, self._is_hdr = info.colour, info.is_hdr
        self._keeps_depth = keeps_depth and info.is_deep
        self._stored_size, self._orientation = stored_size, orientation
        self._reformatter, self._deep_reformatter = VideoReformatter(), VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> Rendered:
        """The picture, tone-mapped if it is HDR, and its deep form if that was asked for."""
        deep = self._deep(frame) if self._keeps_depth or self._is_hdr else None
        if self._is_hdr and deep is not None:
            image = tone_map(deep, self._colour)
        else:
            image = self._orientation.apply(to_rgb(frame, self._stored_size, self._reformatter))
        return Rendered(image, deep if self._keeps_depth else None)

    def _deep(self, frame: av.VideoFrame) -> np.ndarray:
        return self._orientation.apply(to_deep_rgb(frame, self._stored_size, self._deep_reformatter))


@dataclass(frozen=True, slots=True)
class HeldPicture:
    """What will be a frame: ``Frame``'s times, and the picture as it was decoded.

    Attributes:
        picture: Of a frame that was lost the one before it.
    """

    pts: int
    duration: int
    picture: av.VideoFrame
    is_corrupt: bool

    def render(self, index: int, time_base: Fraction, renderer: Renderer) -> Frame:
        """The frame."""
        image, deep = renderer(self.picture)
        return Frame(index, self.pts, time_base, image, self.duration, self.is_corrupt, deep)
