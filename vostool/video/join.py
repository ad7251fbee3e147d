"""Put the final video together: the pictures of the part file and the sound of the source, no packet decoded."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av

from vostool.types import VideoInfo
from vostool.video.audio import Sound, add_tracks, audio_packets, packet_time
from vostool.video.encoding import Encoding
from vostool.video.writer import mark_alpha

# Written anew by the muxer, or true of the old file only.
_DROPPED_METADATA = {
    "major_brand", "minor_version", "compatible_brands", "encoder", "duration", "rotate", "handler_name", "vendor_id"
}  # fmt: skip
_MAX_MOVIE_TIMESCALE = 2**31 - 1


def join(
    part: Path,
    target: Path,
    encoding: Encoding,
    info: VideoInfo,
    first_time: Fraction,
    source: Path | None,
    sound: Sound,
) -> list[str]:
    """Write ``target`` from the pictures of ``part`` and the sound and metadata of ``source``.

    Args:
        info: Its rate and pixel aspect are said again, because a copied stream forgets them.
        first_time: When the first picture belongs, in seconds; fragments forget where they began.

    Returns:
        Warnings, one line each.
    """
    warnings: list[str] = []
    with ExitStack() as stack:
        pictures = stack.enter_context(av.open(str(part)))
        original = stack.enter_context(av.open(str(source))) if source else None
        video = pictures.streams.video[0]
        output = stack.enter_context(av.open(str(target), "w", options=_muxer_options(target, video.time_base)))
        stream = output.add_stream_from_template(video, opaque=True)
        mark_alpha(stream, encoding)
        stream.codec_context.framerate = info.frame_rate
        stream.codec_context.sample_aspect_ratio = info.sample_aspect_ratio
        streams = [_shifted(pictures, stream, first_time)]
        if original:
            output.metadata.update(_kept_metadata(original))
            if tracks := add_tracks(original, output, target.suffix.lower(), sound, warnings):
                streams.append(audio_packets(original, tracks, warnings))
        for packet in heapq.merge(*streams, key=packet_time):
            output.mux(packet)
    return warnings


def _muxer_options(target: Path, time_base: Fraction | None) -> dict[str, str]:
    """Mp4 starts playing before it is loaded; edit lists count in the units of the video, not in milliseconds."""
    if target.suffix.lower() not in (".mp4", ".mov"):
        return {}
    options = {"movflags": "faststart"} if target.suffix.lower() == ".mp4" else {}
    if time_base and time_base.denominator <= _MAX_MOVIE_TIMESCALE:
        options["movie_timescale"] = str(time_base.denominator)
    return options


def _kept_metadata(source: av.container.InputContainer) -> dict[str, str]:
    """Title, date, comment and the like."""
    return {key: value for key, value in source.metadata.items() if key.lower() not in _DROPPED_METADATA}


def _shifted(
    pictures: av.container.InputContainer, target: av.VideoStream, first_time: Fraction
) -> Iterator[av.Packet]:
    """The pictures' packets, moved so that the first is shown at ``first_time``."""
    shift: int | None = None
    for packet in pictures.demux(video=0):
        if packet.dts is None or packet.pts is None:
            continue
        if shift is None:
            assert packet.time_base is not None
            shift = round(first_time / packet.time_base) - packet.pts
        packet.pts += shift
        packet.dts += shift
        packet.stream = target
        yield packet
