"""Subtitles of the source in the output: packets copied as they are, or plain text where the codec does not fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import av
from av.packet import Packet
from av.subtitles.stream import SubtitleStream

from vostool.video.tracks.copied import CopiedTrack, Track, copy_labels

# What to write text as where the source's codec does not fit.
SUBSTITUTES = {".mp4": "mov_text", ".mov": "mov_text", ".webm": "webvtt", ".mkv": "subrip"}
# FFmpeg's encoder of mov_text makes its header from one of Advanced SubStation Alpha.
_STYLE_FIELDS = (
    "Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, "
    "StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, "
    "Encoding"
)
_STYLE = "Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1"
_HEADER = (
    "[Script Info]\nScriptType: v4.00+\nPlayResX: 384\nPlayResY: 288\n\n"
    f"[V4+ Styles]\nFormat: {_STYLE_FIELDS}\nStyle: {_STYLE}\n\n"
    "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)
_NUM_ASS_FIELDS = 8
_MAX_MOV_TEXT = 2**16 - 1


def _from_plain(content: bytes) -> bytes:
    return content


def _from_mov_text(content: bytes) -> bytes:
    """Two bytes of length, the text, and boxes of style."""
    return content[2 : 2 + int.from_bytes(content[:2], "big")]


def _from_ass(content: bytes) -> bytes:
    """The text after eight fields, without its codes in braces."""
    text = content.split(b",", _NUM_ASS_FIELDS)[-1]
    return re.sub(rb"\{[^}]*\}", b"", text).replace(b"\\N", b"\n").replace(b"\\n", b"\n")


# How the text is found in a packet, by the codec's name.
READERS: dict[str, Callable[[bytes], bytes]] = {
    "subrip": _from_plain,
    "srt": _from_plain,
    "text": _from_plain,
    "webvtt": _from_plain,
    "mov_text": _from_mov_text,
    "ass": _from_ass,
    "ssa": _from_ass,
}


class TextTrack:
    """A track of text that is written for another codec; its styles are lost."""

    def __init__(self, source: SubtitleStream, target: SubtitleStream, codec: str) -> None:
        self.source, self._target = source, target
        self._read = READERS[source.codec_context.codec.canonical_name]
        self._is_mov_text = codec == "mov_text"

    def convert(self, packet: Packet) -> Iterator[Packet]:
        """The text of a packet; those that say that nothing is shown are dropped."""
        if packet.pts is None or not (text := self._read(bytes(packet))):
            return
        converted = Packet(self._write(text))
        converted.pts = converted.dts = packet.pts
        converted.duration, converted.time_base = packet.duration, packet.time_base
        converted.stream = self._target
        yield converted

    def flush(self) -> Iterator[Packet]:
        """Nothing is held back."""
        return iter(())

    def _write(self, text: bytes) -> bytes:
        if not self._is_mov_text:
            return text
        plain = re.sub(rb"</?[a-z][^>]*>|\{\\[^}]*\}", b"", text)[:_MAX_MOV_TEXT]
        return len(plain).to_bytes(2, "big") + plain


def add_subtitles(
    source: av.container.InputContainer,
    target: av.container.OutputContainer,
    extension: str,
    warnings: list[str],
) -> list[Track]:
    """Make a track of the output for each of the source that fits; what does not is said in ``warnings``."""
    tracks = (_add_track(stream, target, extension, warnings) for stream in source.streams.subtitles)
    return [track for track in tracks if track is not None]


def _add_track(
    stream: SubtitleStream, target: av.container.OutputContainer, extension: str, warnings: list[str]
) -> Track | None:
    """One track: copied where the container takes the codec, else as text, else None."""
    context: object = stream.codec_context
    if context is None:
        warnings.append(f"subtitles of an unknown codec do not fit {extension} and were left out")
        return None
    try:
        copied = target.add_stream_from_template(stream)
    except ValueError:
        return _add_text(stream, target, extension, warnings)
    copy_labels(stream, copied)
    return CopiedTrack(stream, copied, drops_negative=extension in (".mkv", ".webm"))


def _add_text(
    stream: SubtitleStream, target: av.container.OutputContainer, extension: str, warnings: list[str]
) -> Track | None:
    codec, found = SUBSTITUTES[extension], stream.codec_context.codec.canonical_name
    if found not in READERS:
        warnings.append(f"{found} subtitles do not fit {extension} and were left out")
        return None
    warnings.append(f"{found} subtitles do not fit {extension}; written as {codec} without styles")
    text = target.add_stream(codec) if codec == "mov_text" else target.add_mux_stream(codec)
    assert isinstance(text, SubtitleStream)
    if codec == "mov_text":
        text.codec_context.subtitle_header = _HEADER.encode()
    text.time_base = stream.time_base
    copy_labels(stream, text)
    return TextTrack(stream, text, codec)
