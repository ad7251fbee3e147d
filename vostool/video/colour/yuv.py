"""Colour between the numbers of a video stream and full-range RGB, in both directions.

libswscale takes untagged video for BT.601 at any size, while untagged HD is BT.709 in practice, so that reds and
greens come out up to 40 levels wrong; the matrix is therefore always chosen here and passed on.
"""

from __future__ import annotations

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from vostool.types import ColourTags, VideoInfo

UNSPECIFIED = 2
RGB_MATRIX = 0
BT709 = 1
BT601 = 6
LIMITED_RANGE = 1
FULL_RANGE = 2

# libswscale's table for each matrix of H.273; it has none of its own for 10, BT.2020 with constant luminance.
SWSCALE_TABLES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}

# The first size that is HD by its lines, or by its columns where a wide film was cropped (1280x544).
HD_HEIGHT = 720
HD_WIDTH = 1280

# Chroma for every pixel and exact rounding: without them libswscale is quicker, but 0.7 levels off on average (too
# dark), so that a video copied through RGB would lose a level with every generation.
# As numbers of libswscale, since PyAV names the last two from version 18 on only.
FULL_CHROMA, ACCURATE_ROUNDING = 0x2000, 0x40000
EXACT = int(Interpolation.BILINEAR) | FULL_CHROMA | ACCURATE_ROUNDING

# What of two rows and three columns around a left pixel makes its chroma.
LEFT_CHROMA = np.array([[1, 2, 1], [1, 2, 1]]) / 8


def resolve_matrix(matrix: int, height: int, width: int) -> int:
    """The matrix to decode with: the tag where libswscale has a table for it, else BT.709 for HD and BT.601 below.

    Args:
        matrix: Code of H.273, as tagged.
        height, width: Of the picture as stored, before rotation.
    """
    if matrix in SWSCALE_TABLES:
        return matrix
    return BT709 if is_hd(height, width) else BT601


def is_hd(height: int, width: int) -> bool:
    """True if a picture of this size, as stored, is taken for HD."""
    return height >= HD_HEIGHT or width >= HD_WIDTH


def to_rgb(
    frame: av.VideoFrame, size: tuple[int, int] | None = None, reformatter: VideoReformatter | None = None
) -> np.ndarray:
    """The picture as HxWx3 uint8 full-range RGB, as stored: not rotated, alpha dropped, more bits rounded to 8.

    Args:
        size: Height and width to scale to; the frame's own if None.
        reformatter: Keeps the tables from one frame to the next; a new one if None.
    """
    height, width = size or (frame.height, frame.width)
    table = SWSCALE_TABLES[resolve_matrix(frame.colorspace, frame.height, frame.width)]
    converted = (reformatter or VideoReformatter()).reformat(
        frame,
        width=width,
        height=height,
        format="rgb24",
        src_colorspace=table,
        # RGB has no matrix; any name will do, but PyAV 17 knows none for BT.2020.
        dst_colorspace=BT709,
        src_color_range=FULL_RANGE if is_full_range(frame) else LIMITED_RANGE,
        dst_color_range=FULL_RANGE,
        interpolation=EXACT,
    )
    image = converted.to_ndarray()
    return _stretch(image) if _is_limited_grey(frame) else image


def is_full_range(frame: av.VideoFrame) -> bool:
    """True if 0 is black and the largest number white."""
    name = frame.format.name
    return frame.color_range == FULL_RANGE or name.startswith("yuvj") or is_rgb(name)


def is_rgb(pixel_format: str) -> bool:
    """True for formats that hold RGB, planar or packed or through a palette."""
    description = av.VideoFormat(pixel_format)
    return description.is_rgb or description.has_palette


def from_rgb(image: np.ndarray, pixel_format: str, tags: ColourTags, *, has_left_chroma: bool = False) -> av.VideoFrame:
    """A tagged frame for an encoder.

    Args:
        image: HxWx3 uint8 full-range RGB.
        pixel_format: FFmpeg's name of an opaque format.
        tags: Matrix and range that the numbers are made with; ``effective_tags`` gives complete ones.
        has_left_chroma: For yuv420p of an even size: chroma lies at the left pixel of two, where readers of H.264 take
            it to be (H.264, annex E), and not between them, where libswscale puts it.
    """
    height, width = image.shape[:2]
    colour_range = FULL_RANGE if tags.colour_range == FULL_RANGE else LIMITED_RANGE
    table = SWSCALE_TABLES[resolve_matrix(tags.matrix, height, width)]
    source = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    # The new frame inherits it, which PyAV 17 needs for BT.2020.
    source.colorspace = tags.matrix
    frame = source.reformat(
        format="yuv444p" if has_left_chroma else pixel_format,
        src_colorspace=table,
        dst_colorspace=table,
        src_color_range=FULL_RANGE,
        dst_color_range=colour_range,
        interpolation=EXACT,
    )
    if has_left_chroma:
        frame = _subsample(frame)
    frame.color_primaries, frame.color_trc = tags.primaries, tags.transfer
    frame.colorspace, frame.color_range = tags.matrix, colour_range
    return frame


def _subsample(frame: av.VideoFrame) -> av.VideoFrame:
    """yuv420p of yuv444p with even sides; each chroma sample is of the left one of two columns, between two rows."""
    luma, *chroma = frame.to_ndarray()
    quarters = [cv2.filter2D(plane, -1, LEFT_CHROMA, anchor=(1, 0))[::2, ::2] for plane in chroma]
    numbers = np.concatenate([plane.ravel() for plane in (luma, *quarters)])
    return av.VideoFrame.from_ndarray(numbers.reshape(-1, frame.width), format="yuv420p")


def effective_tags(info: VideoInfo) -> ColourTags:
    """What a YUV output made from ``info``'s frames is to be tagged with.

    The matrix is the one that the frames were decoded with; the range is full only where the source is full-range YUV.
    Primaries and transfer stay as they were found, since the pixels keep them.
    """
    is_turned = info.rotation in (90, 270)
    height, width = (info.width, info.height) if is_turned else (info.height, info.width)
    is_yuv = not info.is_image_folder and info.colour.matrix != RGB_MATRIX and not _names_rgb(info.pixel_format)
    return ColourTags(
        primaries=info.colour.primaries,
        transfer=info.colour.transfer,
        matrix=resolve_matrix(info.colour.matrix, height, width),
        colour_range=FULL_RANGE if is_yuv and info.colour.colour_range == FULL_RANGE else LIMITED_RANGE,
    )


def _names_rgb(pixel_format: str) -> bool:
    """``is_rgb`` for a name that need not be a pixel format: a folder of images has a suffix there."""
    try:
        return is_rgb(pixel_format)
    except ValueError:
        return True


def _is_limited_grey(frame: av.VideoFrame) -> bool:
    """True for grey that is tagged as limited, which libswscale takes for full range whatever it is told."""
    return frame.format.name.startswith("gray") and frame.color_range == LIMITED_RANGE


def _stretch(image: np.ndarray) -> np.ndarray:
    """16..235 to 0..255."""
    return np.clip(np.rint((image.astype(np.float32) - 16) * (255 / 219)), 0, 255).astype(np.uint8)
