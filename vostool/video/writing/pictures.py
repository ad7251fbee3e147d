"""What each kind of output shows of one result, before any encoding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vostool.types import FrameResult
from vostool.video.writing.output_kind import Kind, OutputPlan
from vostool.video.writing.overlay import draw_overlay


@dataclass(frozen=True, slots=True)
class PictureStyle:
    """How the pictures of one output are made.

    Attributes:
        premultiplied: Colour is multiplied by alpha, as compositors want it; straight otherwise.
        still_suffix: Format of stills in a folder: ``.png`` or ``.exr``; masks are always PNG.
        object_id: Only this object is shown; all of them if None.
        is_binary: Masks are grey, 0 and 255, instead of numbers of objects.
    """

    premultiplied: bool = False
    still_suffix: str = ".png"
    object_id: int | None = None
    is_binary: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture to encode: colour, alpha, or both.

    Attributes:
        colour: HxWx3 RGB, uint8 or, of a deep source, uint16 of 0..65535; None for a matte.
        alpha: HxW float32 in 0..1, or None for an opaque picture.
    """

    colour: np.ndarray | None = None
    alpha: np.ndarray | None = None


# What a picture is if nobody says anything.
PLAIN = PictureStyle()


def style_of(plan: OutputPlan, base: PictureStyle = PLAIN) -> PictureStyle:
    """The style of one output of a run: masks of one object are 0 and 255."""
    return replace(base, object_id=plan.object_id, is_binary=base.is_binary or plan.object_id is not None)


def keeps_depth(plans: Sequence[OutputPlan]) -> bool:
    """Whether any of the outputs shows the source's own pixels, so that the reader should keep all bits of them."""
    return any(plan.kind in ("alpha", "cutout") for plan in plans)


def compose(kind: Kind, result: FrameResult, style: PictureStyle = PLAIN) -> Picture:
    """The picture of a result; ``masks`` have none, they are written as labels."""
    picture = COMPOSERS[kind](only_object(result, style.object_id))
    return _premultiply(picture) if style.premultiplied else picture


def only_object(result: FrameResult, object_id: int | None) -> FrameResult:
    """The result as if there were no other object; all of it if ``object_id`` is None."""
    if object_id is None:
        return result
    rows = [row for row, found in enumerate(result.object_ids) if found == object_id]
    labels = np.where(result.labels == object_id, result.labels, np.uint8(0))
    confidence = None if result.confidence is None else result.confidence[rows]
    ids = (object_id,) if rows else ()
    return replace(result, labels=labels, alpha=result.alpha[rows], object_ids=ids, confidence=confidence)


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


def _premultiply(picture: Picture) -> Picture:
    """Colour times alpha where there are both."""
    if picture.colour is None or picture.alpha is None:
        return picture
    products = picture.colour * picture.alpha[:, :, None]
    return replace(picture, colour=np.rint(products).astype(picture.colour.dtype))


def _pixels(result: FrameResult) -> np.ndarray:
    """The picture with all the bits that were kept."""
    return result.frame.image if result.frame.deep is None else result.frame.deep


def _alpha(result: FrameResult) -> Picture:
    return Picture(colour=_pixels(result), alpha=combined_alpha(result.alpha))


def _cutout(result: FrameResult) -> Picture:
    """Colour and alpha are both cleared where alpha is 0 of 255, so that every container clears the same pixels."""
    alpha = combined_alpha(result.alpha)
    is_object = quantise(alpha, 255) > 0
    return Picture(colour=_pixels(result) * is_object[:, :, None], alpha=alpha * is_object)


COMPOSERS: dict[Kind, Callable[[FrameResult], Picture]] = {
    "overlay": _overlay,
    "matte": _matte,
    "alpha": _alpha,
    "cutout": _cutout,
}
