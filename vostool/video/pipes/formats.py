"""What standard output can be asked to carry: pictures of each kind in each stream format, as data.

nut        raw pictures with exact times and the sound; what ffmpeg reads with nothing but ``-i -``
mkv        FFV1, lossless, with sound and colour tags; times in milliseconds
y4m        masks, matte and overlay at a constant rate, without sound
rawvideo   the bytes of the pictures and nothing else

Masks are grey pictures whose values are the numbers of the objects.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from vostool.errors import UsageError
from vostool.types import ColourTags, VideoInfo
from vostool.video.writing.encoding import (
    FFV1_ALPHA,
    FFV1_GREY,
    FULL_RANGE,
    RGB_MATRIX,
    Encoding,
    encoding_of,
    tags_for,
)
from vostool.video.writing.output_kind import Kind


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """A container that can be written without going back.

    Attributes:
        muxer: FFmpeg's name.
        options: Of the muxer.
        has_times: Every picture has its own time; they follow each other at a constant rate otherwise.
        has_sound: Sound can stand beside the pictures.
        has_alpha: Pictures can be transparent.
    """

    muxer: str
    options: dict[str, str] = field(default_factory=dict)
    has_times: bool = True
    has_sound: bool = True
    has_alpha: bool = True


STREAM_FORMATS = {
    "nut": StreamFormat("nut"),
    "mkv": StreamFormat("matroska", {"live": "1", "cluster_time_limit": "1"}),
    "y4m": StreamFormat("yuv4mpegpipe", has_times=False, has_sound=False, has_alpha=False),
    "rawvideo": StreamFormat("rawvideo", has_times=False, has_sound=False),
}
DEFAULT_STREAM_FORMAT = "nut"

# Pictures would wait up to ten seconds for sound that may never come.
PROMPT_OPTIONS = {"max_interleave_delta": "1"}

# Nut carries no colour tags. RGB needs none; of YUV readers take the range for limited.
_RAW_ALPHA = Encoding("rawvideo", "bgra", keeps_pixel_aspect=False)
_RAW_ALPHA_10 = replace(_RAW_ALPHA, pixel_format="yuva444p10le", is_limited_range=True)
_RAW_ALPHA_16 = replace(_RAW_ALPHA, pixel_format="gbrap16le")
_RAW_GREY = replace(_RAW_ALPHA, pixel_format="gray")
_RAW_RGB = replace(_RAW_ALPHA, pixel_format="rgb24")
_RAW_YUV = replace(_RAW_ALPHA, pixel_format="yuv444p", is_limited_range=True)
_FFV1_RGB = replace(FFV1_ALPHA, pixel_format="bgr0")
_OPAQUE_RGB = (_RAW_RGB, _FFV1_RGB)


def stream_encoding(kind: Kind, stream_format: str, info: VideoInfo) -> Encoding:
    """How the pictures of a kind are coded in a stream.

    Args:
        info: Of the source, whose depth is kept: 10 bits as ``yuva444p10le``, more as ``gbrap16le``.

    Raises:
        UsageError: The format is unknown or cannot carry the kind.
    """
    require_stream_format(kind, stream_format)
    if kind in ("masks", "matte"):
        return FFV1_GREY if stream_format == "mkv" else _RAW_GREY
    if kind == "overlay":
        return {"mkv": _FFV1_RGB, "y4m": _RAW_YUV}.get(stream_format, _RAW_RGB)
    if stream_format == "mkv":
        return encoding_of(kind, Path("stream.mkv"), info)
    if not info.is_deep:
        return _RAW_ALPHA
    return _RAW_ALPHA_10 if info.bit_depth <= 10 else _RAW_ALPHA_16


def stream_tags(kind: Kind, encoding: Encoding, info: VideoInfo) -> ColourTags:
    """Colour tags of the pictures of a stream."""
    tags = tags_for("matte" if kind == "masks" else kind, encoding, info)
    return replace(tags, matrix=RGB_MATRIX, colour_range=FULL_RANGE) if encoding in _OPAQUE_RGB else tags


def require_stream_format(kind: Kind, stream_format: str) -> None:
    """Raise UsageError if there is no such format, or if it cannot carry the kind."""
    if stream_format not in STREAM_FORMATS:
        message = f"unknown format '{stream_format}' of standard output"
        raise UsageError(message, f"use {', '.join(STREAM_FORMATS)}", code="output.stream_format")
    if kind in ("alpha", "cutout") and not STREAM_FORMATS[stream_format].has_alpha:
        hint = "use nut or mkv, or --emit matte, masks or overlay"
        raise UsageError(f"{stream_format} cannot carry alpha", hint, code="output.stream_format")


def describe_raw(encoding: Encoding, info: VideoInfo) -> str:
    """The options by which ffmpeg reads a rawvideo stream, to stand before its ``-i -``."""
    size = f"{info.width}x{info.height}"
    return f"-f rawvideo -pix_fmt {encoding.pixel_format} -s {size} -r {info.frame_rate}"


def refuse_terminal(file: BinaryIO, *, is_input: bool) -> None:
    """Raise UsageError if someone sits at the other end of a stream of pictures."""
    if not file.isatty():
        return
    if is_input:
        hint = (
            "pipe a video into it, for example ffmpeg -i clip.mp4 -c copy -f nut - | vostool segment -, or give a file"
        )
        raise UsageError("standard input is a terminal, not a video", hint, code="input.terminal")
    hint = "pipe it on or send it to a file: vostool segment ... -o - > out.nut"
    raise UsageError("standard output is a terminal, which cannot show a video", hint, code="output.terminal")
