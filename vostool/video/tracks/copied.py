"""Streams of the source that stand beside the pictures in the output."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol

import av
from av.packet import Packet
from av.stream import Stream

from vostool.video.tracks.span import Span, cut_packets

# Seconds by which streams of one file may be apart.
INTERLEAVING = 10


class Track(Protocol):
    """A stream of the source and the stream of the output that it becomes."""

    @property
    def source(self) -> Stream:
        """The stream of the source."""

    def convert(self, packet: Packet) -> Iterator[Packet]:
        """Packets of the output that a packet of the source completes."""

    def flush(self) -> Iterator[Packet]:
        """What is still held back at the end."""


class CopiedTrack:
    """A track whose packets pass bit for bit.

    Args:
        drops_negative: Leave out packets from before time zero (the priming of AAC, 21 ms of silence): Matroska has
            no negative times, and its muxer would rather move the pictures off the times of the source.
        priming: Seconds of which the container knows in another way, so that packets may begin as early as this.
    """

    def __init__(self, source: Stream, target: Stream, drops_negative: bool, priming: Fraction = Fraction(0)) -> None:
        self.source, self.target = source, target
        unit = source.time_base or Fraction(1)
        self._earliest = -math.ceil(priming / unit) if drops_negative else None

    def convert(self, packet: Packet) -> Iterator[Packet]:
        """The packet, addressed to the output."""
        if packet.dts is not None and (self._earliest is None or packet.dts >= self._earliest):
            packet.stream = self.target
            yield packet

    def flush(self) -> Iterator[Packet]:
        """Nothing is held back."""
        return iter(())


def copy_labels(source: Stream, target: Stream) -> None:
    """Language and title, and which track plays by default."""
    kept = {key: value for key, value in source.metadata.items() if key in ("language", "title")}
    target.metadata.update(kept)
    target.disposition = source.disposition


def track_packets(
    source: av.container.InputContainer, tracks: list[Track], warnings: list[str], span: Span | None = None
) -> Iterator[Packet]:
    """Packets of all tracks in the order of the source, cut to the span if there is one.

    Damage ends them where it is, and is told in ``warnings``.
    """
    by_index = {track.source.index: track for track in tracks}
    packets = _undamaged(source.demux([track.source for track in tracks]), warnings)
    if span is not None:
        packets = cut_packets(_until_behind(packets, tracks, span.stop), span)
    for packet in packets:
        yield from by_index[packet.stream.index].convert(packet)
    for track in tracks:
        yield from track.flush()


def _undamaged(packets: Iterator[Packet], warnings: list[str]) -> Iterator[Packet]:
    """The packets up to the first damage."""
    while True:
        try:
            packet = next(packets, None)
        except av.error.InvalidDataError as error:
            warnings.append(f"the sound ends early: {error.strerror}")
            packet = None
        if packet is None:
            break
        yield packet


def _until_behind(packets: Iterator[Packet], tracks: list[Track], stop: Fraction) -> Iterator[Packet]:
    """The packets until all sound is well behind ``stop``: the rest of a long source need not be read."""
    waiting = {track.source.index for track in tracks if track.source.type == "audio"}
    has_sound = bool(waiting)
    for packet in packets:
        if packet.pts is not None and packet.time_base is not None:
            if packet.pts * packet.time_base > stop + INTERLEAVING:
                waiting.discard(packet.stream_index)
            if has_sound and not waiting:
                return
        yield packet
