"""Fit a mask to the frames: the same shape at another scale is resized, anything else is refused."""

from __future__ import annotations

import numpy as np

from vostool.errors import MaskError


def fit_labels(labels: np.ndarray, size: tuple[int, int] | None, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Bring HxW uint8 ids to ``size`` (height, width); raises MaskError, naming both sizes, if the shape differs."""
    found = (labels.shape[0], labels.shape[1])
    if size is None or found == size:
        return labels, ()
    if not _is_same_shape(found, size):
        raise _shape_error(found, size, name)
    resized = _resize_nearest(labels, size)
    notes = [f"resized from {_text(found)} to {_text(size)} (nearest)"]
    lost = sorted(set(np.unique(labels).tolist()) - set(np.unique(resized).tolist()) - {0})
    if lost:
        notes.append(f"too small to survive that: object {', '.join(map(str, lost))}")
    return resized, tuple(notes)


def _is_same_shape(found: tuple[int, int], wanted: tuple[int, int]) -> bool:
    """True if one size is the other scaled, within the pixel that rounding the smaller one may cost."""
    small, large = sorted((found, wanted), key=lambda size: size[0] * size[1])
    height_error = abs(small[0] - large[0] * small[1] / large[1])
    width_error = abs(small[1] - large[1] * small[0] / large[0])
    ratio = small[0] * large[1] / (small[1] * large[0])
    # Thumbnails: a pixel is a lot, so the proportions must agree too.
    return min(height_error, width_error) <= 1 and 0.98 <= ratio <= 1.02


def _shape_error(found: tuple[int, int], wanted: tuple[int, int], name: str) -> MaskError:
    message = f"{name} is {_text(found)} but the frames are {_text(wanted)}"
    if _is_same_shape((found[1], found[0]), wanted):
        hint = (
            "width and height are swapped: vostool turns rotated videos upright; paint on what `vostool frame` exports"
        )
        return MaskError(message, hint, code="mask.size_swapped")
    hint = "only the scale may differ; paint on a frame that `vostool frame` exports"
    return MaskError(message, hint, code="mask.size_mismatch")


def _resize_nearest(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    rows, columns = (
        (2 * np.arange(wanted) + 1) * have // (2 * wanted) for have, wanted in zip(labels.shape, size, strict=True)
    )
    return np.ascontiguousarray(labels[rows][:, columns])


def _text(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"
