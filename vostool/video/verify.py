"""Read a finished video again and see that nothing is missing."""

from __future__ import annotations

from pathlib import Path

import av

from vostool.errors import VostoolError
from vostool.video.encoding import Encoding


def verify_video(path: Path, num_frames: int, encoding: Encoding) -> None:
    """Raise VostoolError unless the file holds ``num_frames`` frames, and alpha if its encoding has it."""
    found = count_frames(path)
    if found != num_frames:
        raise VostoolError(f"{path.name} holds {found} frames of {num_frames}", code="output.frames")
    if encoding.has_alpha and not has_alpha(path):
        raise VostoolError(f"{path.name} was written without its alpha", code="output.alpha")


def count_frames(path: Path) -> int:
    """Pictures in the file, counted without decoding them."""
    with av.open(str(path)) as container:
        return sum(1 for packet in container.demux(video=0) if packet.size)


def has_alpha(path: Path) -> bool:
    """Whether the first picture decodes with alpha.

    FFmpeg's own VP9 decoder drops the alpha silently; libvpx does not.
    """
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        if context.name == "vp9":
            context = av.CodecContext.create("libvpx-vp9", "r")
            context.extradata = stream.codec_context.extradata
        for packet in container.demux(stream):
            for frame in context.decode(packet if packet.size else None):
                return any(component.is_alpha for component in frame.format.components)
    return False
