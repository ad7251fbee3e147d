"""Whether this build of FFmpeg can really write and read what vostool promises: tiny clips, made in memory."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import av
import numpy as np

from vostool.types import ColourTags
from vostool.video.writing.encoding import (
    FFV1_ALPHA,
    H264,
    PRORES_422,
    PRORES_4444,
    VP9,
    VP9_ALPHA,
    Encoding,
    to_video_frame,
)
from vostool.video.writing.pictures import Picture

WIDTH, HEIGHT, NUM_FRAMES, FRAME_RATE = 64, 48, 2, 25
SAMPLE_RATE, NUM_SAMPLES = 48000, 4096
# H.273: BT.709, limited range.
TAGS = ColourTags(1, 1, 1, 1)


@dataclass(frozen=True)
class CoderReport:
    """What came of one trial.

    Attributes:
        name: Encoder and container.
        problem: Why it does not work; empty if it does.
    """

    name: str
    problem: str = ""


def describe_libraries() -> dict[str, str]:
    """Versions of PyAV, of FFmpeg and of its libraries."""
    libraries = {name: ".".join(map(str, version)) for name, version in sorted(av.library_versions.items())}
    return {"pyav": av.__version__, "ffmpeg": str(av.ffmpeg_version_info), **libraries}


def try_coders() -> list[CoderReport]:
    """Writes two frames, or a tenth of a second of sound, with each encoder, and reads them again."""
    pictures = {
        "libx264 in mp4": (H264, "mp4"),
        "prores_ks 4444 in mov": (PRORES_4444, "mov"),
        "prores_ks 422 HQ in mov": (PRORES_422, "mov"),
        "libvpx-vp9 in webm": (VP9, "webm"),
        "libvpx-vp9 with alpha in webm": (VP9_ALPHA, "webm"),
        "ffv1 with alpha in mkv": (FFV1_ALPHA, "matroska"),
    }
    sounds = {"aac in mp4": ("aac", "mp4"), "libopus in webm": ("libopus", "webm")}
    trials: dict[str, Callable[[], None]] = {name: partial(_try_picture, *each) for name, each in pictures.items()}
    trials |= {name: partial(_try_sound, *each) for name, each in sounds.items()}
    return [_report(name, trial) for name, trial in trials.items()]


def _report(name: str, trial: Callable[[], None]) -> CoderReport:
    try:
        trial()
    # What a build lacks shows in many ways; each of them is an answer here.
    except Exception as error:
        return CoderReport(name, " ".join(str(error).split()) or type(error).__name__)
    return CoderReport(name)


def _try_picture(encoding: Encoding, container: str) -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(encoding.codec, FRAME_RATE, options=dict(encoding.options))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, encoding.pixel_format
        for index in range(NUM_FRAMES):
            frame = to_video_frame(_picture(encoding, index), encoding, TAGS)
            frame.pts, frame.time_base = index, Fraction(1, FRAME_RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    _check_picture(buffer, encoding)


def _picture(encoding: Encoding, index: int) -> Picture:
    colour = np.full((HEIGHT, WIDTH, 3), 60 + 80 * index, np.uint8)
    if not encoding.has_alpha:
        return Picture(colour, None)
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    alpha[:, WIDTH // 2 :] = 1.0
    return Picture(colour, alpha)


def _check_picture(buffer: io.BytesIO, encoding: Encoding) -> None:
    buffer.seek(0)
    # FFmpeg's own decoder of VP9 does not see alpha.
    decoder = av.CodecContext.create("libvpx-vp9", "r") if encoding is VP9_ALPHA else None
    with av.open(buffer, "r") as source:
        stream = source.streams.video[0]
        packets = source.demux(stream)
        frames = [frame for packet in packets for frame in (decoder.decode(packet) if decoder else packet.decode())]
    if len(frames) != NUM_FRAMES:
        raise ValueError(f"{len(frames)} of {NUM_FRAMES} frames can be read")
    if encoding.has_alpha:
        alpha = frames[-1].to_ndarray(format="rgba")[:, :, 3]
        if alpha[:, 0].max() > 8 or alpha[:, -1].min() < 247:
            raise ValueError("alpha is lost")


def _try_sound(codec: str, container: str) -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, SAMPLE_RATE)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "stereo"
        silence = np.zeros((2, NUM_SAMPLES), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = SAMPLE_RATE, 0
        resampler = av.AudioResampler(stream.format, "stereo", SAMPLE_RATE, stream.codec_context.frame_size or None)
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer, "r") as source:
        if not any(frame.samples for frame in source.decode(source.streams.audio[0])):
            raise ValueError("no sound can be read")
