"""Read a finished video again and see that nothing is missing: frames, their times, size, colour tags, alpha."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Final

import av

from vostool.errors import VostoolError
from vostool.types import ColourTags, VideoInfo
from vostool.video.tracks.timeline import Timeline
from vostool.video.writing.encoding import Encoding, encoded_size

# The codes of H.273 that were seen to come back from all of our containers; 2 says nothing, the rest are reserved.
KEPT_PRIMARIES = frozenset({1, *range(4, 13), 22})
KEPT_TRANSFERS = frozenset({1, *range(4, 19)})
KEPT_MATRICES = frozenset({0, 1, *range(4, 8), 9, 10})
KEPT_RANGES = frozenset({1, 2})
# WebM keeps the alpha of a VP9 picture beside its packet.
BLOCK_ADDITIONAL: Final = "matroska_block_additional"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a finished video must hold.

    Attributes:
        timeline: The times of the frames that were given to the encoder.
        tags: Colour tags that were asked for.
    """

    timeline: Timeline
    encoding: Encoding
    info: VideoInfo
    tags: ColourTags


def verify_video(path: Path, expected: Expected) -> None:
    """Raise VostoolError, naming what is missing, unless the file is what it should be."""
    scan = scan_packets(path, expected.timeline.num_frames // 2)
    _verify_times(path, scan.timeline, expected.timeline)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        size = context.height, context.width
        tags = ColourTags(
            int(context.color_primaries), int(context.color_trc), int(context.colorspace), int(context.color_range)
        )
    _verify_size(path, size, encoded_size(expected.encoding, expected.info))
    _verify_pictures(path, scan, expected.encoding.has_alpha)
    _verify_tags(path, tags, expected.tags)


@dataclass(slots=True)
class Scan:
    """What the packets of a video tell.

    Attributes:
        key_pts: Of the last key frame up to the frame that was asked for.
        opaque_frame: Number of the first frame of a VP9 video that has no alpha beside it; None where there is none.
    """

    timeline: Timeline
    key_pts: int = 0
    opaque_frame: int | None = None


def scan_packets(path: Path, middle: int = 0) -> Scan:
    """Read all packets once and decode none; ``middle`` is the frame before which a key frame is wanted."""
    scan = Scan(Timeline(path.suffix))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        is_vp9 = stream.codec_context.codec.canonical_name == "vp9"
        for packet in container.demux(stream):
            if not packet.size or packet.pts is None or packet.time_base is None:
                continue
            number = scan.timeline.num_frames
            if packet.is_keyframe and number <= middle:
                scan.key_pts = packet.pts
            if is_vp9 and scan.opaque_frame is None and not packet.has_sidedata(BLOCK_ADDITIONAL):
                scan.opaque_frame = number
            scan.timeline.add(packet.pts * packet.time_base)
    return scan


def _verify_times(path: Path, found: Timeline, expected: Timeline) -> None:
    if found.num_frames != expected.num_frames:
        message = f"{path.name} holds {found.num_frames} frames of {expected.num_frames}"
        raise VostoolError(message, code="output.frames")
    if (block := found.find_difference(expected)) is not None:
        message = f"{path.name} does not show all of its frames {block[0]} to {block[1]} at the times of the source"
        raise VostoolError(message, code="output.times")
    assert found.first is not None
    assert expected.first is not None
    # What begins before zero was moved there.
    first = max(expected.first, Fraction(0))
    if found.first != first:
        message = f"{path.name} begins at {float(found.first):.4f} s and not at {float(first):.4f} s"
        raise VostoolError(message, code="output.times")


def _verify_size(path: Path, found: tuple[int, int], expected: tuple[int, int]) -> None:
    if found != expected:
        message = f"{path.name} is {found[1]}x{found[0]} and not {expected[1]}x{expected[0]}"
        raise VostoolError(message, code="output.size")


def _verify_tags(path: Path, found: ColourTags, expected: ColourTags) -> None:
    checks = (
        ("primaries", found.primaries, expected.primaries, KEPT_PRIMARIES),
        ("transfer", found.transfer, expected.transfer, KEPT_TRANSFERS),
        ("matrix", found.matrix, expected.matrix, KEPT_MATRICES),
        ("range", found.colour_range, expected.colour_range, KEPT_RANGES),
    )
    lost = [f"{name} {is_} for {was}" for name, is_, was, kept in checks if was in kept and is_ != was]
    if lost:
        message = f"{path.name} has other colour tags than asked for: {', '.join(lost)} (codes of H.273)"
        raise VostoolError(message, code="output.tags")


def _verify_pictures(path: Path, scan: Scan, needs_alpha: bool) -> None:
    """Alpha of all frames as far as the packets tell, and pictures at the beginning and in the middle."""
    if needs_alpha and scan.opaque_frame is not None:
        raise VostoolError(f"{path.name} has no alpha from frame {scan.opaque_frame} on", code="output.alpha")
    for key_pts in (None, scan.key_pts):
        try:
            pictures = list(islice(decode_from(path, key_pts), 2))
        except av.FFmpegError:
            pictures = []
        if not pictures:
            raise VostoolError(f"{path.name} has pictures that cannot be decoded", code="output.frames")
        if needs_alpha and not all(map(has_alpha, pictures)):
            raise VostoolError(f"{path.name} was written without its alpha", code="output.alpha")


def has_alpha(picture: av.VideoFrame) -> bool:
    """Whether the decoded picture has an alpha channel."""
    return any(component.is_alpha for component in picture.format.components)


def decode_from(path: Path, key_pts: int | None) -> Iterator[av.VideoFrame]:
    """Pictures from the key frame at ``key_pts`` on; from the beginning if that is None.

    FFmpeg's own VP9 decoder drops the alpha silently; libvpx does not.
    """
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        if context.name == "vp9":
            context = av.CodecContext.create("libvpx-vp9", "r")
            context.extradata = stream.codec_context.extradata
        if key_pts is not None:
            container.seek(key_pts, stream=stream)
        for packet in container.demux(stream):
            # Matroska is sought to the beginning of a cluster.
            if key_pts is None or packet.pts is None or packet.pts >= key_pts:
                yield from context.decode(packet if packet.size else None)
