"""OpenEXR files of 32-bit floats in memory."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np

# By the number of channels: the format, and where each channel lies in its planes.
LAYOUTS = {1: ("grayf32le", (0,)), 3: ("gbrpf32le", (1, 2, 0)), 4: ("gbrapf32le", (1, 2, 0, 3))}


def encode_floats(channels: Sequence[np.ndarray]) -> bytes:
    """The file, losslessly compressed.

    Args:
        channels: HxW float32 each: Y, or R, G, B, or R, G, B, A.
    """
    pixel_format, order = LAYOUTS[len(channels)]
    height, width = channels[0].shape
    frame = av.VideoFrame(width, height, pixel_format)
    for plane, channel in zip(frame.planes, order, strict=True):
        samples = np.frombuffer(plane, np.float32)  # type: ignore[call-overload]
        samples.reshape(height, -1)[:, :width] = channels[channel]
    return _encode(frame)


def _encode(frame: av.VideoFrame) -> bytes:
    context = av.CodecContext.create("exr", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = frame.width, frame.height, frame.format.name
    context.time_base, context.options = Fraction(1, 25), {"compression": "zip16"}
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])
