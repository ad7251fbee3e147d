"""Tiny clips made on the spot for tests: any codec, uneven timestamps, rotation, colour tags, sound, odd sizes.

The conversion from RGB is written out here from the definition of the matrices, so that it can stand as the oracle
for the package's own conversion.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from vostool.types import ColourTags

# Red and blue weights of luma, ITU-R BT.601, BT.709 and BT.2020, by the matrix code of H.273.
LUMA_WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
UNTAGGED = ColourTags()
LOSSLESS_X264 = {"qp": "0", "preset": "ultrafast"}
AUDIO_RATE = 8000
AUDIO_BLOCK = 1024


def pattern_image(index: int, height: int = 48, width: int = 64) -> np.ndarray:
    """A picture that tells its frame: a grey ramp without symmetry, and a bright square that moves with ``index``."""
    ramp = np.add.outer(np.linspace(30, 120, height), np.linspace(0, 60, width))
    image = np.repeat(ramp[:, :, None], 3, axis=2).astype(np.uint8)
    side = max(4, height // 6)
    left = (index * 3) % max(1, width - side)
    image[side : 2 * side, left : left + side] = (230, 200, 60)
    return image


def flat_image(colour: Sequence[int], height: int = 48, width: int = 64) -> np.ndarray:
    """One colour, RGB or RGBA, all over."""
    return np.broadcast_to(np.array(colour, np.uint8), (height, width, len(colour))).copy()


def pattern_images(num_frames: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """The first ``num_frames`` pictures of ``pattern_image``."""
    return [pattern_image(index, height, width) for index in range(num_frames)]


def rgb_to_yuv(image: np.ndarray, matrix: int, is_full_range: bool) -> np.ndarray:
    """3xHxW uint8 planes Y, Cb, Cr of an HxWx3 uint8 RGB picture, by the definition of the matrix."""
    weight_red, weight_blue = LUMA_WEIGHTS[matrix]
    red, green, blue = np.moveaxis(image[:, :, :3].astype(np.float64) / 255, 2, 0)
    luma = weight_red * red + (1 - weight_red - weight_blue) * green + weight_blue * blue
    chroma_blue = (blue - luma) / (2 * (1 - weight_blue))
    chroma_red = (red - luma) / (2 * (1 - weight_red))
    offset, luma_span, chroma_span = (0, 255, 255) if is_full_range else (16, 219, 224)
    planes = (offset + luma_span * luma, 128 + chroma_span * chroma_blue, 128 + chroma_span * chroma_red)
    return np.stack([np.clip(np.rint(plane), 0, 255).astype(np.uint8) for plane in planes])


def make_frame(image: np.ndarray, pixel_format: str, matrix: int, colour_range: int) -> av.VideoFrame:
    """A frame of ``pixel_format`` from an HxWx3 or HxWx4 uint8 picture; YUV by ``rgb_to_yuv``."""
    is_yuv = pixel_format.startswith(("yuv", "nv", "p0")) and not pixel_format.startswith("yuva")
    if not is_yuv:
        return av.VideoFrame.from_ndarray(image, format="rgba" if image.shape[2] == 4 else "rgb24").reformat(
            format=pixel_format
        )
    planes = rgb_to_yuv(image, matrix, is_full_range=colour_range == 2 or pixel_format.startswith("yuvj"))
    frame = av.VideoFrame.from_ndarray(planes, format="yuv444p")
    return frame if pixel_format == "yuv444p" else _same_colours(frame, pixel_format)


def _same_colours(frame: av.VideoFrame, pixel_format: str) -> av.VideoFrame:
    """Change subsampling or depth, and nothing else; full range as limited to keep the numbers as they are."""
    plain = pixel_format.replace("yuvj", "yuv")
    return frame.reformat(format=plain, src_colorspace=1, dst_colorspace=1, src_color_range=1, dst_color_range=1)


def make_clip(
    path: Path | str,
    images: Iterable[np.ndarray] | None = None,
    *,
    num_frames: int = 10,
    size: tuple[int, int] = (48, 64),
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    container_format: str | None = None,
    container_options: dict[str, str] | None = None,
    time_base: Fraction = Fraction(1, 12800),
    pts: Sequence[int] | None = None,
    frame_rate: Fraction = Fraction(25),
    rotation: int = 0,
    has_hflip: bool = False,
    has_vflip: bool = False,
    colour: ColourTags = UNTAGGED,
    matrix: int | None = None,
    sample_aspect_ratio: Fraction | None = None,
    has_audio: bool = False,
    audio_codec: str = "aac",
) -> Path:
    """Write a clip and return its path.

    Args:
        path: Its extension chooses the container unless ``container_format`` does.
        images: HxWx3 or HxWx4 uint8 pictures as stored, before rotation; ``pattern_images(num_frames, *size)`` if None.
        size: Height and width, used only without ``images``.
        options: Of the encoder; lossless x264 if None and the codec is libx264.
        time_base: What the container keeps of it is up to the container; mpeg2video takes only 1 / frame_rate.
        pts: In units of ``time_base``, one for each picture; evenly spaced at ``frame_rate`` if None.
        rotation: Degrees counter-clockwise that a player must turn the stored picture.
        colour: Tags to write; nothing is written for those that are unspecified.
        matrix: That the numbers are really made with; that of ``colour`` if None, or BT.601 where it has none.
        has_audio: A sine of the same length is added.
    """
    pictures = list(images) if images is not None else pattern_images(num_frames, *size)
    step = Fraction(1) / frame_rate / time_base
    times = list(pts) if pts is not None else [round(index * step) for index in range(len(pictures))]
    used_matrix = matrix or (colour.matrix if colour.matrix in LUMA_WEIGHTS else 6)
    with av.open(str(path), "w", format=container_format, options=container_options or {}) as container:
        stream = _add_video_stream(container, codec, pixel_format, pictures[0].shape, frame_rate, time_base, options)
        _set_tags(stream, colour)
        if rotation or has_hflip or has_vflip:
            stream.set_display_rotation(rotation, hflip=has_hflip, vflip=has_vflip)
        if sample_aspect_ratio is not None:
            stream.codec_context.sample_aspect_ratio = sample_aspect_ratio
        audio = _add_audio_stream(container, audio_codec) if has_audio else None
        for picture, time in zip(pictures, times, strict=True):
            frame = make_frame(picture, pixel_format, used_matrix, colour.colour_range)
            frame.color_range, frame.colorspace = colour.colour_range, colour.matrix
            frame.pts, frame.time_base = time, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            _write_sine(container, audio, float((times[-1] + step) * time_base))
    return Path(path)


def _add_video_stream(
    container: av.container.OutputContainer,
    codec: str,
    pixel_format: str,
    shape: tuple[int, ...],
    frame_rate: Fraction,
    time_base: Fraction,
    options: dict[str, str] | None,
) -> av.VideoStream:
    """The video stream, set up but for its tags."""
    default_options = LOSSLESS_X264 if codec == "libx264" else {}
    stream = container.add_stream(codec, rate=frame_rate, options=default_options if options is None else options)
    assert isinstance(stream, av.VideoStream)
    stream.height, stream.width = shape[:2]
    stream.pix_fmt = pixel_format
    stream.codec_context.time_base = time_base
    return stream


def _add_audio_stream(container: av.container.OutputContainer, codec: str) -> av.AudioStream:
    stream = container.add_stream(codec, rate=AUDIO_RATE, layout="mono")
    assert isinstance(stream, av.AudioStream)
    return stream


def _set_tags(stream: av.VideoStream, colour: ColourTags) -> None:
    """Write the colour tags into the encoder."""
    context = stream.codec_context
    context.color_primaries, context.color_trc = colour.primaries, colour.transfer
    context.colorspace, context.color_range = colour.matrix, colour.colour_range


def _write_sine(container: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    """Encode a 440 Hz sine of ``seconds``."""
    for start in range(0, int(seconds * AUDIO_RATE), AUDIO_BLOCK):
        phase = 2 * np.pi * 440 * (start + np.arange(AUDIO_BLOCK)) / AUDIO_RATE
        block = (0.3 * np.sin(phase)).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE, start, Fraction(1, AUDIO_RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def make_audio_only(path: Path | str, seconds: float = 0.5) -> Path:
    """A file with a sine and no picture."""
    with av.open(str(path), "w") as container:
        _write_sine(container, _add_audio_stream(container, "aac"), seconds)
    return Path(path)


def read_back(path: Path | str) -> list[tuple[int | None, np.ndarray]]:
    """(pts, HxWx3 uint8) of every frame as plain PyAV gives them: not rotated, matrix by its own choice."""
    with av.open(str(path)) as container:
        return [(frame.pts, np.asarray(frame.to_ndarray(format="rgb24"))) for frame in container.decode(video=0)]
