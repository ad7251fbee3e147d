"""What each kind of output shows of one result, before any encoding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vostool.types import FrameResult
from vostool.video.output_kind import Kind
from vostool.video.overlay import draw_overlay


@dataclass(frozen=True, slots=True)
class PictureStyle:
    """How the pictures of one output are made.

    Attributes:
        premultiplied: Colour is multiplied by alpha, as compositors want it; straight otherwise.
        still_suffix: Format of stills in a folder: ``.png`` or ``.exr``; masks are always PNG.
    """

    premultiplied: bool = False
    still_suffix: str = ".png"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture to encode: colour, alpha, or both (straight, not premultiplied).

    Attributes:
        colour: HxWx3 uint8 RGB, or None for a matte.
        alpha: HxW float32 in 0..1, or None for an opaque picture.
    """

    colour: np.ndarray | None = None
    alpha: np.ndarray | None = None


def compose(kind: Kind, result: FrameResult) -> Picture:
    """The picture of a result; ``masks`` have none, they are written as labels."""
    return COMPOSERS[kind](result)


def combined_alpha(alpha: np.ndarray) -> np.ndarray:
    """HxW float32 in 0..1: probability of any object.

    The objects share one softmax with the background, so their probabilities add up.
    """
    return np.clip(alpha.sum(axis=0, dtype=np.float32), 0, 1)


def quantise(alpha: np.ndarray, maximum: int) -> np.ndarray:
    """Alpha 0..1 as whole numbers 0..maximum, uint8 or uint16."""
    return np.rint(alpha * np.float32(maximum)).astype(np.uint8 if maximum < 256 else np.uint16)


def _overlay(result: FrameResult) -> Picture:
    return Picture(colour=draw_overlay(result.frame.image, result.labels))


def _matte(result: FrameResult) -> Picture:
    return Picture(alpha=combined_alpha(result.alpha))


def _alpha(result: FrameResult) -> Picture:
    return Picture(colour=result.frame.image, alpha=combined_alpha(result.alpha))


def _cutout(result: FrameResult) -> Picture:
    """Colour and alpha are both cleared where alpha is 0 of 255, so that every container clears the same pixels."""
    alpha = combined_alpha(result.alpha)
    is_object = quantise(alpha, 255) > 0
    return Picture(colour=result.frame.image * is_object[:, :, None], alpha=alpha * is_object)


COMPOSERS: dict[Kind, Callable[[FrameResult], Picture]] = {
    "overlay": _overlay,
    "matte": _matte,
    "alpha": _alpha,
    "cutout": _cutout,
}
