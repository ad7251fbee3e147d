"""Made-up results of a made-up clip, and independent readers of what sinks write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from synthetic_clips import pattern_image

from vostool.types import Frame, FrameResult, VideoInfo
from vostool.video.writing.sinks import open_sink

OBJECT_IDS = (1, 7)
TICK = Fraction(1, 12800)
# 25 frames a second, all late by a bit: no multiple of a millisecond, no even steps.
UNEVEN_PTS = (0, 512, 1000, 1111, 3000, 4001, 4100, 4700)


def make_info(path: Path, size: tuple[int, int] = (48, 64), time_base: Fraction = TICK, **more: object) -> VideoInfo:
    height, width = size
    return VideoInfo(path, width, height, Fraction(25), time_base, **more)  # type: ignore[arg-type]


def soft_alpha(index: int, size: tuple[int, int]) -> np.ndarray:
    """2xHxW: a soft ramp over the left half, a hard moving box on the right."""
    height, width = size
    alpha = np.zeros((2, height, width), np.float32)
    alpha[0, 4 : height - 4, 2 : width // 2] = np.linspace(0, 1, width // 2 - 2, dtype=np.float32)
    alpha[1, 8 + index % 8 : height - 12, width // 2 : width - 6] = 1
    return alpha


def make_results(
    num_frames: int = len(UNEVEN_PTS),
    size: tuple[int, int] = (48, 64),
    pts: tuple[int, ...] = UNEVEN_PTS,
    time_base: Fraction = TICK,
) -> Iterator[FrameResult]:
    for index in range(num_frames):
        alpha = soft_alpha(index, size)
        labels = np.zeros(size, np.uint8)
        for object_id, probability in zip(OBJECT_IDS, alpha, strict=True):
            labels[probability > 0.5] = object_id
        time = pts[index] if index < len(pts) else pts[-1] + (index + 1 - len(pts)) * 512
        frame = Frame(index, time, time_base, pattern_image(index, *size), 512)
        yield FrameResult(frame, labels, alpha, OBJECT_IDS)


def read_frames(path: Path) -> list[av.VideoFrame]:
    """All frames; VP9 by libvpx, the only decoder that keeps alpha."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        if context.name == "vp9":
            context = av.CodecContext.create("libvpx-vp9", "r")
            context.extradata = stream.codec_context.extradata
        frames = []
        for packet in container.demux(stream):
            frames += context.decode(packet if packet.size else None)
    return frames


def read_times(path: Path) -> list[Fraction]:
    """Presentation times of the pictures in seconds."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        return sorted(packet.pts * packet.time_base for packet in packets)


def read_audio(path: Path) -> list[tuple[Fraction, bytes]]:
    """(time in seconds, content) of every packet of sound."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux() if packet.stream.type == "audio" and packet.size]
        return [(packet.pts * packet.time_base, bytes(packet)) for packet in packets]


def read_tags(path: Path) -> tuple[int, int, int, int]:
    """Primaries, transfer, matrix and range of the stream."""
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        return context.color_primaries, context.color_trc, context.colorspace, context.color_range


def plane(frame: av.VideoFrame, number: int) -> np.ndarray:
    """One plane as HxW integers."""
    bits = frame.format.components[number].bits
    samples = np.frombuffer(frame.planes[number], np.uint8 if bits == 8 else np.uint16)
    return samples.reshape(frame.planes[number].height, -1)[:, : frame.planes[number].width].astype(int)


def read_alpha(frame: av.VideoFrame) -> np.ndarray:
    """HxW float, 0..1."""
    if frame.format.name == "bgra":
        return frame.to_ndarray()[:, :, 3] / 255
    return plane(frame, 3) / ((1 << frame.format.components[3].bits) - 1)


def read_luma(frame: av.VideoFrame) -> np.ndarray:
    """HxW float: 0 black, 1 white, by the frame's own range."""
    shift = frame.format.components[0].bits - 8
    if frame.color_range == 2:
        return plane(frame, 0) / ((256 << shift) - 1)
    return (plane(frame, 0) / (1 << shift) - 16) / 219


def read_rgb(frame: av.VideoFrame) -> np.ndarray:
    """HxWx3 float by plain PyAV, of frames that carry their tags."""
    return frame.to_ndarray(format="rgb24").astype(float)


def write_all(
    kind: str,
    path: Path,
    info: VideoInfo | None = None,
    results: Iterable[FrameResult] | None = None,
    **options: object,
) -> list[str]:
    """Write a whole output; the warnings."""
    with open_sink(kind, path, info or make_info(path), OBJECT_IDS, **options) as sink:  # type: ignore[arg-type]
        for result in make_results() if results is None else results:
            sink.write(result)
        assert sink.finish() == path
    return sink.warnings


def are_near(times: list[Fraction], pts: tuple[int, ...], extension: str) -> bool:
    """Exact where the container keeps the time base, to the nearest millisecond in Matroska."""
    true = [Fraction(value, 12800) for value in pts]
    if extension in (".mkv", ".webm"):
        return len(times) == len(true) and all(
            abs(a - b) <= Fraction(1, 2000) for a, b in zip(times, true, strict=True)
        )
    return times == true
