"""The sound of the source in the output: packets copied as they are, or encoded anew where they do not fit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import Enum
from fractions import Fraction

import av
import numpy as np

from vostool.video.tracks.copied import CopiedTrack, Track, copy_labels

# What to encode to where the source's codec does not fit: FFmpeg's encoder and bits per second and channel.
SUBSTITUTES = {".mp4": ("aac", 96_000), ".mov": ("aac", 96_000), ".webm": ("libopus", 64_000), ".mkv": ("aac", 96_000)}

# Has no negative times; its muxer would move all streams instead, the pictures too.
MATROSKA = (".mkv", ".webm")


class Sound(Enum):
    """What becomes of the source's sound; each member is what to try when the one before it failed."""

    COPIED = "copied where the container takes the codec, otherwise encoded"
    ENCODED = "encoded"
    NONE = "left out"


class EncodedTrack:
    """A track that is decoded and encoded with another codec.

    Args:
        drops_negative: Leave out what is from before time zero.
    """

    def __init__(self, source: av.AudioStream, target: av.AudioStream, drops_negative: bool) -> None:
        self.source, self.target, self._drops_negative = source, target, drops_negative
        self._resampler: av.AudioResampler | None = None

    def convert(self, packet: av.Packet) -> Iterator[av.Packet]:
        """Packets of the new codec that a packet of the old one completes; a damaged one gives none."""
        try:
            frames = self.source.decode(packet) if packet.size else []
        except av.error.InvalidDataError:
            return
        for frame in frames:
            kept = from_zero(frame) if self._drops_negative else frame
            for piece in self._resample(kept) if kept else ():
                yield from self.target.encode(piece)

    def flush(self) -> Iterator[av.Packet]:
        """What decoder, resampler and encoder still hold."""
        for frame in [*self.source.decode(None), None]:
            for piece in self._resample(frame):
                yield from self.target.encode(piece)
        yield from self.target.encode(None)

    def _resample(self, frame: av.AudioFrame | None) -> list[av.AudioFrame]:
        """Frames of the size that the encoder takes."""
        if self._resampler is None:
            if frame is None:
                return []
            context = self.target.codec_context
            context.open(strict=False)
            self._resampler = av.AudioResampler(context.format, context.layout, context.sample_rate, context.frame_size)
        return [piece for piece in self._resampler.resample(frame) if piece is not None]


def from_zero(frame: av.AudioFrame) -> av.AudioFrame | None:
    """The frame without the samples from before time zero; None if it has no others."""
    if frame.pts is None or frame.pts >= 0 or frame.time_base is None:
        return frame
    num_early = math.ceil(-frame.pts * frame.time_base * frame.sample_rate)
    if num_early >= frame.samples:
        return None
    first = num_early * (1 if frame.format.is_planar else frame.layout.nb_channels)
    samples = np.ascontiguousarray(frame.to_ndarray()[:, first:])
    kept = av.AudioFrame.from_ndarray(samples, frame.format.name, frame.layout.name)  # type: ignore[arg-type]
    kept.sample_rate, kept.pts, kept.time_base = frame.sample_rate, 0, frame.time_base
    return kept


def add_tracks(
    source: av.container.InputContainer,
    target: av.container.OutputContainer,
    extension: str,
    sound: Sound,
    warnings: list[str],
    *,
    is_part: bool = False,
) -> list[Track]:
    """Make a track of the output for each of the source; what had to be changed is said in ``warnings``.

    Args:
        is_part: The packets will be cut to a part of the source, whose start is zero.
    """
    streams = () if sound is Sound.NONE else source.streams.audio
    return [_add_track(stream, target, extension, sound, warnings, is_part) for stream in streams]


def _add_track(
    stream: av.AudioStream,
    target: av.container.OutputContainer,
    extension: str,
    sound: Sound,
    warnings: list[str],
    is_part: bool,
) -> Track:
    """One track, copied if that is wanted and the container takes the codec."""
    if sound is Sound.COPIED:
        try:
            copied = target.add_stream_from_template(stream)
        except ValueError:
            pass
        else:
            copy_labels(stream, copied)
            return CopiedTrack(stream, copied, extension in MATROSKA, _known_priming(stream))
    return _add_encoded_track(stream, target, extension, warnings, is_part)


def _known_priming(stream: av.AudioStream) -> Fraction:
    """Seconds that packets may begin early in Matroska: Opus tells it of its pre-skip (RFC 7845, 5.1) in the header."""
    header = stream.codec_context.extradata or b""
    is_opus = stream.codec_context.codec.canonical_name == "opus"
    return Fraction(int.from_bytes(header[10:12], "little"), 48_000) if is_opus else Fraction(0)


def _add_encoded_track(
    stream: av.AudioStream, target: av.container.OutputContainer, extension: str, warnings: list[str], is_part: bool
) -> EncodedTrack:
    """One track with the codec that the container is known for."""
    codec, bits_per_channel = SUBSTITUTES[extension]
    warnings.append(f"{stream.codec_context.codec.canonical_name} sound does not fit {extension}; encoded as {codec}")
    encoded = target.add_stream(codec, rate=_sample_rate(codec, stream), layout=stream.layout.name)
    assert isinstance(encoded, av.AudioStream)
    encoded.bit_rate = bits_per_channel * stream.channels
    copy_labels(stream, encoded)
    return EncodedTrack(stream, encoded, drops_negative=is_part or extension in MATROSKA)


def _sample_rate(codec: str, stream: av.AudioStream) -> int:
    """The source's rate; Opus knows 48 kHz."""
    return 48_000 if codec == "libopus" else stream.sample_rate


def packet_time(packet: av.Packet) -> Fraction:
    """Decoding time in seconds, exact."""
    assert packet.time_base is not None
    return (packet.dts if packet.dts is not None else packet.pts or 0) * packet.time_base
