"""Presentation times of a whole file from its packets, without decoding; refused where decoding might give others."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from vostool.video.reading.probe import (
    choose_stream,
    open_container,
    shows_every_packet,
    time_base_of,
    usual_frame_rate,
)
from vostool.video.reading.random_access import EntryPoints

# Twice the most pictures that H.264 and HEVC reorder.
WINDOW = 32

# In Matroska each packet of these codecs is one picture (VP9: looked at one by one).
ONE_PICTURE_CODECS = ("h264", "hevc", "av1", "vp9", "ffv1", "prores", "mjpeg", "png", "dnxhd", "rawvideo", "huffyuv")
MATROSKA_FORMAT = "matroska,webm"


class UnsureError(Exception):
    """What decoding gives cannot be told from the packets."""


@dataclass(frozen=True, slots=True, order=True)
class PacketTime:
    """One picture of a stream, in units of its time base.

    Attributes:
        pts: When it is shown.
        duration: Until the next one, or what the container says of the last.
        seek_time: Where to seek for its packet: its decoding time, or ``pts`` if that is earlier.
        is_entry: Whether decoding can begin here, see ``EntryPoints``.
    """

    pts: int
    duration: int
    seek_time: int
    is_entry: bool


def packet_times(path: Path) -> Iterator[PacketTime]:
    """The pictures of a file in presentation order.

    Raises:
        UnsureError: Possibly after some were given.
        VideoError: The file cannot be opened.
    """
    with open_container(path) as container:
        stream = choose_stream(container, path)
        if not _is_one_picture_each(container, stream):
            raise UnsureError
        step = max(1, round(1 / (usual_frame_rate(stream) * time_base_of(stream))))
        yield from _with_durations(_sorted(_read(container, stream)), step)


def _is_one_picture_each(container: InputContainer, stream: VideoStream) -> bool:
    codec = stream.codec_context.codec.canonical_name
    is_matroska = container.format.name == MATROSKA_FORMAT and codec in ONE_PICTURE_CODECS
    return is_matroska or shows_every_packet(container, stream)


def _read(container: InputContainer, stream: VideoStream) -> Iterator[PacketTime]:
    """The packets in the order of the file."""
    entries = EntryPoints(stream)
    is_indexed = shows_every_packet(container, stream)
    first: int | None = None
    try:
        for packet in container.demux(stream):
            if not packet.size or packet.is_discard:
                continue
            if packet.pts is None or packet.is_corrupt or not (is_indexed or _shows_one(packet, stream, entries)):
                raise UnsureError
            is_entry = entries.is_entry(packet)
            if first is None and not is_entry:
                raise UnsureError
            first = packet.pts if first is None else first
            # Pictures that are shown before the first key frame may not be decodable.
            if packet.pts < first:
                raise UnsureError
            seek_time = packet.pts if packet.dts is None else min(packet.pts, packet.dts)
            yield PacketTime(packet.pts, packet.duration or 0, seek_time, is_entry)
    except av.error.FFmpegError as error:
        raise UnsureError from error


def _shows_one(packet: Packet, stream: VideoStream, entries: EntryPoints) -> bool:
    """True if the packet gives one picture."""
    if stream.codec_context.codec.canonical_name == "vp9":
        return shows_vp9_picture(bytes(packet))
    return not entries.is_broken_link(packet)


def shows_vp9_picture(content: bytes) -> bool:
    """True if a VP9 packet is shown: one picture that is, or several of which the last is.

    The bits are those of the uncompressed header and of the superframe index, VP9 bitstream specification 6.2, annex B.
    """
    first, last = content[0], content[-1]
    profile = first >> 5 & 1 | first >> 3 & 2
    is_shown = bool(first & 0b1010) or last & 0xE0 == 0xC0
    # Profile 3 has one more bit before those.
    return profile < 3 and is_shown


def _sorted(times: Iterator[PacketTime]) -> Iterator[PacketTime]:
    """In presentation order, as far as the window reaches."""
    window: list[PacketTime] = []
    for time in times:
        heapq.heappush(window, time)
        if len(window) > WINDOW:
            yield heapq.heappop(window)
    yield from sorted(window)


def _with_durations(times: Iterator[PacketTime], step: int) -> Iterator[PacketTime]:
    """With the time until the next picture as duration; raises UnsureError unless every one is after the last."""
    waiting: PacketTime | None = None
    for time in times:
        if waiting is not None:
            if time.pts <= waiting.pts:
                raise UnsureError
            yield PacketTime(waiting.pts, time.pts - waiting.pts, waiting.seek_time, waiting.is_entry)
        waiting = time
    if waiting is not None:
        yield PacketTime(waiting.pts, waiting.duration or step, waiting.seek_time, waiting.is_entry)
