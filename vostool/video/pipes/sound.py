"""Sound that goes into a stream beside the pictures: from a file, or from what comes through a pipe with them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
from av.packet import Packet

from vostool.video.reading.probe import METADATA_ERRORS
from vostool.video.tracks.audio import packet_time

# Sound runs a second or so ahead of the pictures, 1 MB at most; a file that is not interleaved must not fill memory.
MOST_QUEUED_BYTES = 64 * 2**20
# What a packet takes beside its content, so that many small ones count too.
PACKET_OVERHEAD = 512


class SoundSource(Protocol):
    """Packets of sound in the order of the source."""

    @property
    def streams(self) -> tuple[av.AudioStream, ...]:
        """Where they come from."""

    @property
    def warnings(self) -> list[str]:
        """One line for each thing that was lost so far."""

    def take_until(self, time: Fraction | None) -> Iterator[Packet]:
        """Packets that begin before ``time``, in seconds; None for all that are left."""

    def close(self) -> None:
        """Nothing more is taken."""


class PacketQueue:
    """Packets on their way from the thread that reads a pipe to the one that writes.

    The reader cannot wait for room: the pictures that would make it come behind the sound. What does not fit is dropped
    and counted.

    Args:
        max_bytes: How much is held.

    Attributes:
        streams: The streams of sound, known once the pipe is open.
        num_dropped: Packets for which there was no room.
    """

    def __init__(self, max_bytes: int = MOST_QUEUED_BYTES) -> None:
        self.streams: tuple[av.AudioStream, ...] = ()
        self.num_dropped = 0
        self._max_bytes = max_bytes
        self._num_bytes = 0
        self._packets: deque[Packet] = deque()
        self._lock = threading.Lock()
        self._is_closed = False

    @property
    def warnings(self) -> list[str]:
        """How much was dropped."""
        if not self.num_dropped:
            return []
        bound = f"{self._max_bytes / 2**20:g} MiB"
        return [f"{self.num_dropped} packets of sound were dropped: more than {bound} of it came before its pictures"]

    def put(self, packet: Packet) -> None:
        """Add a packet at the end, if there is room."""
        num_bytes = packet.size + PACKET_OVERHEAD
        with self._lock:
            if self._is_closed:
                return
            if self._num_bytes + num_bytes > self._max_bytes:
                self.num_dropped += 1
                return
            self._num_bytes += num_bytes
            self._packets.append(packet)

    def take_until(self, time: Fraction | None) -> Iterator[Packet]:
        """See ``SoundSource``."""
        while (packet := self._take(time)) is not None:
            yield packet

    def close(self) -> None:
        """Let go of what is there, and of all that still comes."""
        with self._lock:
            self._is_closed = True
            self._packets.clear()
            self._num_bytes = 0

    def _take(self, time: Fraction | None) -> Packet | None:
        with self._lock:
            if not self._packets or (time is not None and packet_time(self._packets[0]) >= time):
                return None
            packet = self._packets.popleft()
            self._num_bytes -= packet.size + PACKET_OVERHEAD
            return packet


class FileSound:
    """The sound of a file, read by a demuxer of its own.

    Attributes:
        streams: The streams of sound.
        warnings: One line if damage ends it early.
    """

    def __init__(self, path: Path) -> None:
        self.warnings: list[str] = []
        self._container = av.open(str(path.absolute()), metadata_errors=METADATA_ERRORS)
        self.streams: tuple[av.AudioStream, ...] = tuple(self._container.streams.audio)
        self._packets = self._read()
        self._next: Packet | None = None

    def take_until(self, time: Fraction | None) -> Iterator[Packet]:
        """See ``SoundSource``."""
        while (packet := self._look()) is not None and (time is None or packet_time(packet) < time):
            self._next = None
            yield packet

    def close(self) -> None:
        """Close the file."""
        self._packets = iter(())
        self._next = None
        self._container.close()

    def _look(self) -> Packet | None:
        """The next packet, which stays where it is."""
        if self._next is None:
            self._next = next(self._packets, None)
        return self._next

    def _read(self) -> Iterator[Packet]:
        if not self.streams:
            return
        try:
            for packet in self._container.demux(self.streams):
                if packet.size:
                    yield packet
        except av.error.FFmpegError as error:
            self.warnings.append(f"the sound ends early: {error.strerror}")
