"""Draw the objects over a frame: a tint inside and a solid line along the edge, nothing outside."""

from __future__ import annotations

import cv2
import numpy as np

from vostool.video.colour.palette import davis_palette

TINT_OPACITY = 0.4
LINES_PER_CONTOUR_PIXEL = 360  # a line of 1 pixel at 360p, 3 at 1080p


def draw_overlay(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return a new HxWx3 uint8 picture; pixels of the background are those of ``image``.

    Args:
        image: HxWx3 uint8 RGB.
        labels: HxW uint8; 0 background, otherwise an object id.
    """
    canvas = image.copy()
    left, top, width, height = cv2.boundingRect(labels)
    if not width:
        return canvas
    thickness = max(1, round(image.shape[0] / LINES_PER_CONTOUR_PIXEL))
    rows = slice(max(0, top - thickness), top + height + thickness)
    columns = slice(max(0, left - thickness), left + width + thickness)
    canvas[rows, columns] = _draw(image[rows, columns], labels[rows, columns], thickness)
    return canvas


def bright_palette() -> np.ndarray:
    """256x3 uint8: the DAVIS colours, each scaled until its strongest channel is 255; its darks vanish on film."""
    colours = davis_palette().astype(np.float32)
    strongest = np.maximum(colours.max(axis=1, keepdims=True), 1)
    return np.rint(colours * (255 / strongest)).astype(np.uint8)


def _draw(image: np.ndarray, labels: np.ndarray, thickness: int) -> np.ndarray:
    """The tinted and outlined picture of the part that holds objects."""
    colours = bright_palette()[labels]
    tinted = cv2.addWeighted(image, 1 - TINT_OPACITY, colours, TINT_OPACITY, 0)
    is_object = labels > 0
    is_contour = is_object & contour(labels, thickness)
    drawn = np.where(is_object[:, :, None], tinted, image)
    drawn[is_contour] = colours[is_contour]
    return drawn


def contour(labels: np.ndarray, thickness: int) -> np.ndarray:
    """HxW bool: pixels with another label within ``thickness``; the picture's own border is no edge."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * thickness + 1, 2 * thickness + 1))
    highest = cv2.dilate(labels, kernel, borderType=cv2.BORDER_REPLICATE)
    lowest = cv2.erode(labels, kernel, borderType=cv2.BORDER_REPLICATE)
    return highest != lowest
