"""Colour with more than 8 bits: full-range RGB in 16 bits, and back to YUV, by the definition of the matrices.

libswscale's 16-bit RGB has its white at 255 * 256 for limited range and at 1023 * 64 for full range; here it is 65535
for both, and what comes in as 10-bit YUV in gamut goes out as the same numbers. libswscale spreads the chroma only.
"""

from __future__ import annotations

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from vostool.types import ColourTags
from vostool.video.colour.yuv import BT709, EXACT, FULL_RANGE, LIMITED_RANGE, is_full_range, is_rgb, resolve_matrix

WHITE = 65535

# Red and blue weights of luma by matrix code, ITU-T H.273 table 4; 10, with constant luminance, is taken for 9.
LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}


def to_deep_rgb(
    frame: av.VideoFrame, size: tuple[int, int] | None = None, reformatter: VideoReformatter | None = None
) -> np.ndarray:
    """The picture as HxWx3 uint16 full-range RGB, 0..65535, as stored: not rotated, alpha dropped.

    Args:
        size: Height and width to scale to; the frame's own if None.
        reformatter: Keeps the tables from one frame to the next; a new one if None.
    """
    if is_rgb(frame.format.name):
        return np.ascontiguousarray(_reformat(frame, "rgb48le", size, reformatter).to_ndarray())
    is_full = is_full_range(frame)
    if frame.format.name.startswith("gray"):
        grey = _planes(_reformat(frame, "gray16le", size, reformatter))[0]
        bits = frame.format.components[0].bits
        return cv2.cvtColor(_stretch(grey, bits) if frame.color_range == LIMITED_RANGE else grey, cv2.COLOR_GRAY2RGB)
    matrix = resolve_matrix(frame.colorspace, frame.height, frame.width)
    yuv = cv2.merge(_planes(_reformat(frame, "yuv444p16le", size, reformatter)))
    # libswscale shifts limited range up to 16 bits, and is told that all is limited: full range ends at 1023 * 64, too.
    bits = 16 if frame.format.components[0].bits > 16 else frame.format.components[0].bits
    to_yuv = yuv_matrix(matrix, bits, is_full) * [[1 << 16 - bits]]
    inverse = np.linalg.inv(to_yuv[:, :3])
    return np.asarray(cv2.transform(yuv, np.hstack([inverse, -inverse @ to_yuv[:, 3:]])))


def deep_to_yuv(colour: np.ndarray, bits: int, tags: ColourTags) -> np.ndarray:
    """HxWx3 uint16 Y, Cb, Cr of ``bits`` bits from HxWx3 uint16 RGB, with the matrix and range of ``tags``."""
    matrix = resolve_matrix(tags.matrix, *colour.shape[:2])
    yuv = cv2.transform(colour, yuv_matrix(matrix, bits, tags.colour_range == FULL_RANGE))
    return np.minimum(yuv, (1 << bits) - 1)


def yuv_matrix(matrix: int, bits: int, is_full: bool) -> np.ndarray:
    """3x4: from RGB 0..65535 and 1 to Y, Cb, Cr of ``bits`` bits; H.273 section 8.3."""
    red, blue = LUMA_WEIGHTS[matrix]
    luma = np.array([red, 1 - red - blue, blue])
    rows = np.array([luma, ([0, 0, 1] - luma) / (2 - 2 * blue), ([1, 0, 0] - luma) / (2 - 2 * red)])
    unit, half = 1 << bits - 8, 1 << bits - 1
    spans = [2 * half - 1] * 3 if is_full else [219 * unit, 224 * unit, 224 * unit]
    offsets = np.array([[0 if is_full else 16 * unit], [half], [half]])
    return np.hstack([rows * np.array(spans)[:, None] / WHITE, offsets])


def to_eight_bits(colour: np.ndarray) -> np.ndarray:
    """HxWx3 uint16 as uint8, rounded; uint8 as it is."""
    if colour.dtype == np.uint8:
        return colour
    return cv2.convertScaleAbs(colour, alpha=255 / WHITE)


def to_sixteen_bits(colour: np.ndarray) -> np.ndarray:
    """HxWx3 uint8 as uint16 with the same black and white; uint16 as it is."""
    return colour if colour.dtype == np.uint16 else colour.astype(np.uint16) * np.uint16(257)


def _reformat(
    frame: av.VideoFrame, pixel_format: str, size: tuple[int, int] | None, reformatter: VideoReformatter | None
) -> av.VideoFrame:
    """The frame in a 16-bit format of the same kind, with no conversion between colours."""
    height, width = size or (frame.height, frame.width)
    colour_range = FULL_RANGE if pixel_format == "rgb48le" else LIMITED_RANGE
    return (reformatter or VideoReformatter()).reformat(
        frame,
        width=width,
        height=height,
        format=pixel_format,
        src_colorspace=BT709,
        dst_colorspace=BT709,
        src_color_range=colour_range,
        dst_color_range=colour_range,
        interpolation=EXACT,
    )


def _planes(frame: av.VideoFrame) -> list[np.ndarray]:
    """HxW uint16 views, without the padding at the end of the lines."""
    samples = [np.frombuffer(plane, np.uint16) for plane in frame.planes]  # type: ignore[call-overload]
    return [values.reshape(frame.height, -1)[:, : frame.width] for values in samples]


def _stretch(grey: np.ndarray, bits: int) -> np.ndarray:
    """Grey that was tagged as limited; libswscale has spread its numbers over all 16 bits, as if they were full."""
    numbers = grey.astype(np.float32) * (((1 << bits) - 1) / WHITE) / (1 << bits - 8)
    return np.clip(np.rint((numbers - 16) * (WHITE / 219)), 0, WHITE).astype(np.uint16)
