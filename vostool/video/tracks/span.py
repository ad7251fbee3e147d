"""The part of a source that an output shows, and what of its sound and subtitles belongs to it.

A packet of sound belongs to the part if it overlaps it. One that begins before the part is kept where the container can
hide its early samples (MP4 and MOV, by an edit list), and left out in Matroska and WebM, which have no times before
zero; so is the early piece of sound that is encoded anew. What is left out is shorter than one packet, and the rest
stays at its time. A subtitle that is on screen when the part begins is shown from zero on, one that is at its end is
taken away there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from av.packet import Packet

from vostool.video.tracks.timeline import round_half_up


@dataclass(frozen=True, slots=True)
class Span:
    """Exact seconds of the source.

    Attributes:
        start: When the first frame is shown; this is zero in the output.
        stop: When the last frame ends.
    """

    start: Fraction
    stop: Fraction


def cut_packets(packets: Iterable[Packet], span: Span) -> Iterator[Packet]:
    """Packets of sound and subtitles that belong to the span, counted from its start; in their order."""
    last_subtitles: dict[int, int] = {}
    for packet in _with_lengths(packets, span.start):
        if packet.pts is None or packet.time_base is None:
            continue
        start, stop = (round_half_up(time / packet.time_base) for time in (span.start, span.stop))
        if not _overlaps(packet.pts, packet.duration or 0, start, stop):
            continue
        if packet.stream.type == "subtitle":
            _shorten(packet, start, stop, last_subtitles.get(packet.stream_index))
            last_subtitles[packet.stream_index] = packet.pts
        packet.pts -= start
        packet.dts = packet.pts if packet.dts is None else packet.dts - start
        yield packet


def _with_lengths(packets: Iterable[Packet], start: Fraction) -> Iterator[Packet]:
    """The packets with content; sound before ``start`` whose length is unknown lasts until what follows it."""
    waiting: dict[int, Packet] = {}
    for packet in packets:
        if not packet.size or packet.pts is None or packet.time_base is None:
            continue
        if (before := waiting.pop(packet.stream_index, None)) is not None and before.pts is not None:
            before.duration = packet.pts - before.pts
            yield before
        if packet.stream.type == "audio" and not packet.duration and packet.pts * packet.time_base < start:
            waiting[packet.stream_index] = packet
        else:
            yield packet


def _overlaps(begin: int, duration: int, start: int, stop: int) -> bool:
    """Whether something is there between start and stop; what has no length is where it begins."""
    return begin < stop and (begin >= start or begin + duration > start)


def _shorten(subtitle: Packet, start: int, stop: int, last: int | None) -> None:
    """Make a subtitle begin and end within the part, and after the one before it, as containers want it."""
    assert subtitle.pts is not None
    end = subtitle.pts + subtitle.duration if subtitle.duration else None
    begin = max(subtitle.pts, start)
    begin = begin if last is None else max(begin, last + 1)
    subtitle.pts = subtitle.dts = begin
    if end is not None:
        subtitle.duration = max(min(end, stop) - begin, 1)
