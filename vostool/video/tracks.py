"""Streams of the source that stand beside the pictures in the output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import av
from av.packet import Packet
from av.stream import Stream


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
    """

    def __init__(self, source: Stream, target: Stream, drops_negative: bool) -> None:
        self.source, self.target, self._drops_negative = source, target, drops_negative

    def convert(self, packet: Packet) -> Iterator[Packet]:
        """The packet, addressed to the output."""
        if packet.dts is not None and not (self._drops_negative and packet.dts < 0):
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


def track_packets(source: av.container.InputContainer, tracks: list[Track], warnings: list[str]) -> Iterator[Packet]:
    """Packets of all tracks in the order of the source; damage ends them there and is told in ``warnings``."""
    by_index = {track.source.index: track for track in tracks}
    packets = source.demux([track.source for track in tracks])
    while True:
        try:
            packet = next(packets, None)
        except av.error.InvalidDataError as error:
            warnings.append(f"the sound ends early: {error.strerror}")
            packet = None
        if packet is None:
            break
        yield from by_index[packet.stream.index].convert(packet)
    for track in tracks:
        yield from track.flush()
