"""Packets at which decoding can begin and give the very same pictures: nothing that came before them matters."""

from __future__ import annotations

from collections.abc import Iterator

from av.packet import Packet
from av.video.stream import VideoStream

# Their key frames reset every reference and all statistics (VP9 and AV1 bitstream specifications; FFV1, RFC 9043).
RESETTING_CODECS = ("vp9", "av1", "ffv1")

# ITU-T H.264 table 7-1 and H.265 table 7-1: coded slices, of them those of pictures that nothing refers across.
H264_SLICES, H264_IDR = range(1, 6), (5,)
HEVC_SLICES, HEVC_ENTRIES = range(32), range(16, 22)
HEVC_BROKEN_LINKS = range(16, 19)


class EntryPoints:
    """Tells which packets of a stream are such points."""

    def __init__(self, stream: VideoStream) -> None:
        context = stream.codec_context
        self._codec = context.codec.canonical_name
        self._is_intra_only = bool(context.codec.intra_only)
        self._length_size = length_size(self._codec, context.extradata)

    def is_entry(self, packet: Packet) -> bool:
        """True if decoding can begin with the packet, as far as can be told from its first bytes."""
        if self._is_intra_only:
            return True
        if not packet.is_keyframe:
            return False
        if self._codec == "h264":
            return self._slice_type(packet) in H264_IDR
        if self._codec == "hevc":
            return self._slice_type(packet) in HEVC_ENTRIES
        return self._codec in RESETTING_CODECS

    def is_broken_link(self, packet: Packet) -> bool:
        """True if a decoder drops pictures after the packet without an error."""
        return self._codec == "hevc" and packet.is_keyframe and self._slice_type(packet) in HEVC_BROKEN_LINKS

    def _slice_type(self, packet: Packet) -> int | None:
        """Type of the first coded slice; None if there is none."""
        is_hevc = self._codec == "hevc"
        for header in unit_headers(bytes(packet), self._length_size):
            kind = header >> 1 & 63 if is_hevc else header & 31
            if kind in (HEVC_SLICES if is_hevc else H264_SLICES):
                return kind
        return None


def length_size(codec: str, extradata: bytes | None) -> int:
    """Bytes of the length before each unit (ISO 14496-15); 0 if units begin with start codes."""
    if not extradata or extradata[0] != 1:
        return 0
    place = {"h264": 4, "hevc": 21}.get(codec, len(extradata))
    return (extradata[place] & 3) + 1 if place < len(extradata) else 0


def unit_headers(content: bytes, length_size: int) -> Iterator[int]:
    """First byte of each unit of an access unit."""
    place = 0
    while length_size and place + length_size < len(content):
        yield content[place + length_size]
        place += length_size + int.from_bytes(content[place : place + length_size], "big")
    while not length_size and 0 <= (place := content.find(b"\x00\x00\x01", place)) < len(content) - 3:
        yield content[place + 3]
        place += 3
