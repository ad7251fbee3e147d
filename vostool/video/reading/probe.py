"""Open a file, choose its video stream and say what is known of it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from vostool.errors import VideoError
from vostool.types import ColourTags, VideoInfo
from vostool.video.colour.yuv import UNSPECIFIED, is_hd, is_rgb
from vostool.video.reading import diagnosis
from vostool.video.reading.rotation import Orientation

MICROSECONDS = 1_000_000
NOT_A_VIDEO = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails

# What libav assumes too where a stream does not tell.
DEFAULT_FRAME_RATE = Fraction(25)

MP4_FORMAT = "mov,mp4,m4a,3gp,3g2,mj2"

# Placeholders that repeat a picture, and references that are never shown.
CODECS_WITH_HIDDEN_PACKETS = ("mpeg4", "vp8")

# Average and usual rate of an even video differ by rounding only.
UNEVEN_SHARE = Fraction(1, 100)

# Titles in other encodings than UTF-8 are no reason to refuse a video.
METADATA_ERRORS = "replace"

# libav plays text files as if they scrolled over a terminal.
TEXT_FORMAT = "tty"


def open_container(path: Path, file: BinaryIO | None = None) -> InputContainer:
    """Open a file for reading.

    Args:
        path: Names the file in messages, and is opened unless ``file`` is given.
        file: An open file.

    Raises:
        VideoError: It is not there, cannot be read or is not a video.
    """
    if file is None:
        diagnosis.require_file(path)
    try:
        # An absolute path, because libav takes what is before a colon for a protocol.
        container = av.open(str(path.absolute()) if file is None else file, "r", metadata_errors=METADATA_ERRORS)
    except OSError as error:
        raise diagnosis.explain_os_error(path, error) from error
    except av.error.FFmpegError as error:
        raise diagnosis.explain_invalid_data(path) from error
    if container.format.name == TEXT_FORMAT:
        container.close()
        raise diagnosis.explain_invalid_data(path)
    return container


def choose_stream(container: InputContainer, path: Path) -> VideoStream:
    """The video stream that players show: one marked as default, then the largest, never a cover picture.

    Raises:
        VideoError: There is none, or none that can be decoded.
    """
    moving = [stream for stream in container.streams.video if not stream.disposition & NOT_A_VIDEO]
    if not moving:
        raise _without_video(container, path)
    decodable = [stream for stream in moving if stream.codec_context is not None]
    if not decodable:
        raise VideoError(
            f"the video codec of {path} is unknown",
            "convert it to H.264 with a program that knows it",
            code="video.unknown_codec",
        )
    return max(decodable, key=_attraction)


def _attraction(stream: VideoStream) -> tuple[bool, int]:
    return bool(stream.disposition & Disposition.default), stream.width * stream.height


def _without_video(container: InputContainer, path: Path) -> VideoError:
    """What the file holds instead of a video."""
    kinds = sorted({stream.type for stream in container.streams} - {"video"})
    pictures = ["a cover picture"] if container.streams.video else []
    found = " and ".join([*kinds, *pictures]) or "nothing"
    return VideoError(f"{path} has no video, only {found}", diagnosis.GIVE_A_VIDEO, code="video.no_video")


def time_base_of(stream: VideoStream) -> Fraction:
    """Seconds per unit of the stream's times."""
    return stream.time_base or Fraction(1, MICROSECONDS)


def usual_frame_rate(stream: VideoStream) -> Fraction:
    """Frames per second on average."""
    if stream.codec_context.name == "gif" and stream.duration and stream.time_base:
        # What libav calls the average rate of a GIF is the rate of its shortest frame.
        return Fraction(stream.frames) / (stream.duration * stream.time_base)
    return stream.average_rate or stream.guessed_rate or DEFAULT_FRAME_RATE


def describe(
    path: Path, container: InputContainer, stream: VideoStream, frame: av.VideoFrame, orientation: Orientation
) -> VideoInfo:
    """What is known of a stream with its first decoded frame at hand."""
    height, width = (frame.width, frame.height) if orientation.swaps_sides else (frame.height, frame.width)
    num_frames, is_exact = count_frames(container, stream)
    colour = _colour_tags(stream, frame)
    return VideoInfo(
        path=path,
        width=width,
        height=height,
        frame_rate=usual_frame_rate(stream),
        time_base=time_base_of(stream),
        num_frames=num_frames,
        is_num_frames_exact=is_exact,
        duration=duration_of(container, stream),
        rotation=orientation.degrees,
        sample_aspect_ratio=_pixel_shape(stream, orientation),
        colour=colour,
        bit_depth=max(component.bits for component in frame.format.components),
        codec=stream.codec_context.codec.canonical_name,
        pixel_format=frame.format.name,
        num_audio_streams=len(container.streams.audio),
        is_variable_rate=_is_uneven(stream),
        has_untagged_hd=colour.matrix == UNSPECIFIED and is_hd(frame.height, frame.width) and _is_yuv(frame),
    )


def _is_uneven(stream: VideoStream) -> bool:
    """True if there are fewer or more frames than the usual step between two of them explains."""
    average, guessed = stream.average_rate, stream.guessed_rate
    if not average or not guessed:
        return False
    return abs(average / guessed - 1) > UNEVEN_SHARE


def _is_yuv(frame: av.VideoFrame) -> bool:
    return not is_rgb(frame.format.name) and not frame.format.name.startswith("gray")


def count_frames(container: InputContainer, stream: VideoStream) -> tuple[int | None, bool]:
    """How many frames there will be, and whether that is a promise.

    Only the index of a plain MP4 or QuickTime file promises: what an edit list cuts away is marked in it. A fragmented
    one counts its first fragment, AVI counts pictures that are not shown.
    """
    if shows_every_packet(container, stream):
        return sum(not entry.is_discard for entry in stream.index_entries), True
    if stream.frames and container.format.name != MP4_FORMAT:
        return stream.frames, False
    duration = duration_of(container, stream)
    return (None if duration is None else round(duration * usual_frame_rate(stream))), False


def shows_every_packet(container: InputContainer, stream: VideoStream) -> bool:
    """True if each packet of the stream is one picture on the screen, and all are indexed."""
    is_indexed = container.format.name == MP4_FORMAT and 0 < len(stream.index_entries) <= stream.frames
    return is_indexed and stream.codec_context.codec.canonical_name not in CODECS_WITH_HIDDEN_PACKETS


def duration_of(container: InputContainer, stream: VideoStream) -> float | None:
    """Seconds of the stream, else of the file, or None if neither is known."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / MICROSECONDS if container.duration else None


def _pixel_shape(stream: VideoStream, orientation: Orientation) -> Fraction:
    """Width to height of a pixel of the upright picture; the container's word counts before the codec's."""
    ratio = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or Fraction(1)
    return 1 / ratio if orientation.swaps_sides else ratio


def _colour_tags(stream: VideoStream, frame: av.VideoFrame) -> ColourTags:
    """Tags of the frame; where it has none, those of the container."""
    context = stream.codec_context
    return ColourTags(
        primaries=_specified(frame.color_primaries, context.color_primaries),
        transfer=_specified(frame.color_trc, context.color_trc),
        matrix=_specified(frame.colorspace, context.colorspace),
        colour_range=int(frame.color_range) or int(context.color_range),
    )


def _specified(first: int, second: int) -> int:
    """The first tag unless it is 2, which means unspecified."""
    return int(second if first == 2 else first)
