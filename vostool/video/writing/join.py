"""Put the final video together: the pictures of the part files and the sound of the source, no packet decoded."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av

from vostool.errors import VostoolError
from vostool.types import VideoInfo
from vostool.video.reading.probe import METADATA_ERRORS
from vostool.video.tracks.audio import Sound, add_tracks, packet_time
from vostool.video.tracks.chapters import copy_chapters
from vostool.video.tracks.copied import track_packets
from vostool.video.tracks.span import Span
from vostool.video.tracks.subtitles import add_subtitles
from vostool.video.tracks.timeline import Timeline, round_half_up
from vostool.video.writing.encoding import Encoding
from vostool.video.writing.segments import Segment
from vostool.video.writing.writer import mark_alpha

# Written anew by the muxer, or true of the old file only.
_DROPPED_METADATA = {
    "major_brand", "minor_version", "compatible_brands", "encoder", "duration", "rotate", "handler_name", "vendor_id"
}  # fmt: skip
_MAX_MOVIE_TIMESCALE = 2**31 - 1


def join(
    segments: Sequence[Segment],
    target: Path,
    encoding: Encoding,
    info: VideoInfo,
    source: Path | None,
    sound: Sound,
    has_extras: bool = True,
    span: Span | None = None,
) -> list[str]:
    """Write ``target`` from the pictures of all segments and the sound and metadata of ``source``.

    Args:
        has_extras: Subtitles and chapters are copied too.
        info: Its rate and pixel aspect are said again, because a copied stream forgets them.
        span: The part of the source that the pictures show, to which the rest is cut; None for all of it.

    Returns:
        Warnings, one line each.

    Raises:
        VostoolError: The segments are not of one encoder.
    """
    warnings: list[str] = []
    with ExitStack() as stack:
        first = stack.enter_context(av.open(str(segments[0].path)))
        original = stack.enter_context(av.open(str(source), metadata_errors=METADATA_ERRORS)) if source else None
        video = first.streams.video[0]
        output = stack.enter_context(av.open(str(target), "w", options=_muxer_options(target, video.time_base)))
        stream = output.add_stream_from_template(video, opaque=True)
        mark_alpha(stream, encoding)
        stream.codec_context.framerate = info.frame_rate
        stream.codec_context.sample_aspect_ratio = info.sample_aspect_ratio
        delay = delay_of(segments[0].first_time, target)
        streams = [_delayed(_all_pictures(segments, stream, video.codec_context.extradata), delay)]
        tracks = []
        if original:
            output.metadata.update(_kept_metadata(original, is_part=span is not None))
            tracks += add_tracks(original, output, target.suffix.lower(), sound, warnings, is_part=span is not None)
        if original and has_extras:
            tracks += add_subtitles(original, output, target.suffix.lower(), warnings)
        if original and tracks:
            streams.append(_delayed(track_packets(original, tracks, warnings, span), delay))
        output.start_encoding()
        if original and has_extras:
            copy_chapters(original, output, delay, span)
        for packet in heapq.merge(*streams, key=packet_time):
            output.mux(packet)
    if delay:
        warnings.append(f"the clip begins before zero; {target.name} shows and plays it {float(delay):.3f} s later")
    return warnings


def delay_of(first_time: Fraction, target: Path) -> Fraction:
    """Seconds by which everything is shown later: no container of ours keeps pictures from before zero."""
    timeline = Timeline(target.suffix)
    timeline.add(first_time)
    assert timeline.first is not None
    return max(-timeline.first, Fraction(0))


def _delayed(packets: Iterator[av.Packet], delay: Fraction) -> Iterator[av.Packet]:
    """The packets, ``delay`` seconds later."""
    for packet in packets:
        if delay and packet.time_base is not None:
            shift = round_half_up(delay / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift
        yield packet


def _muxer_options(target: Path, time_base: Fraction | None) -> dict[str, str]:
    """Mp4 starts playing before it is loaded; edit lists count in the units of the video, not in milliseconds."""
    if target.suffix.lower() not in (".mp4", ".mov"):
        return {}
    options = {"movflags": "faststart"} if target.suffix.lower() == ".mp4" else {}
    if time_base and time_base.denominator <= _MAX_MOVIE_TIMESCALE:
        options["movie_timescale"] = str(time_base.denominator)
    return options


def _kept_metadata(source: av.container.InputContainer, is_part: bool) -> dict[str, str]:
    """Title, date, comment and the like; but of a part not the timecode, which is that of the source's first frame."""
    dropped = _DROPPED_METADATA | ({"timecode"} if is_part else set())
    # QuickTime has the timecode in a track of its own, and FFmpeg tells it with the streams that refer to that.
    codes = [stream.metadata["timecode"] for stream in source.streams if "timecode" in stream.metadata]
    found = {"timecode": codes[0]} if codes else {}
    return {key: value for key, value in (found | source.metadata).items() if key.lower() not in dropped}


def _all_pictures(segments: Sequence[Segment], target: av.VideoStream, header: bytes | None) -> Iterator[av.Packet]:
    """The pictures of all segments, one file open at a time."""
    for segment in segments:
        with av.open(str(segment.path)) as pictures:
            if pictures.streams.video[0].codec_context.extradata != header:
                message = f"{segment.path.name} was not encoded as {segments[0].path.name} was"
                raise VostoolError(message, "continue with the version that began", code="output.segments")
            yield from _shifted(pictures, target, segment.first_time)


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
            shift = round_half_up(first_time / packet.time_base) - packet.pts
        packet.pts += shift
        packet.dts += shift
        packet.stream = target
        yield packet
