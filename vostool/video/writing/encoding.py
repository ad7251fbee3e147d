"""How each kind of output is coded in each container, as data; and a picture as a frame for the encoder.

H.264 without B-frames: pts equals dts, so neither fragments nor the final file need an edit list. 4:2:0 is what plays
everywhere; H.264 then wants even sizes, so an odd picture is padded by repeating its last row or column.
FFV1 has key frames only, so that a broken file loses no more than the frames that are missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import av
import cv2
import numpy as np

from vostool.types import ColourTags, VideoInfo
from vostool.video.colour.deep import WHITE, deep_to_yuv, to_eight_bits, to_sixteen_bits
from vostool.video.colour.yuv import effective_tags, from_rgb
from vostool.video.writing.output_kind import Kind
from vostool.video.writing.pictures import Picture, quantise

RGB_MATRIX, BT709, LIMITED_RANGE, FULL_RANGE = 0, 1, 1, 2


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoder, by FFmpeg's names, and what it needs of a picture.

    Attributes:
        is_limited_range: The format has no flag for full range, so that limited is always written.
        keeps_pixel_aspect: The stream itself carries the pixel aspect, which PyAV cannot write into Matroska.
    """

    codec: str
    pixel_format: str
    options: dict[str, str] = field(default_factory=dict)
    needs_even_size: bool = False
    is_limited_range: bool = False
    keeps_pixel_aspect: bool = True

    @property
    def has_alpha(self) -> bool:
        """True if the pixel format has an alpha channel."""
        return self.is_rgb or self.pixel_format.startswith("yuva")

    @property
    def is_rgb(self) -> bool:
        """True if the pixel format holds red, green and blue, with alpha."""
        return self.pixel_format == "bgra" or self.pixel_format.startswith("gbrap")


_VP9_OPTIONS = {
    "crf": "18",
    "deadline": "good",
    "cpu-used": "4",
    "row-mt": "1",
    "auto-alt-ref": "0",
    "lag-in-frames": "0",
}
_H264_OPTIONS = {"crf": "18", "preset": "fast", "bf": "0", "rc-lookahead": "10", "g": "60"}
_FFV1_OPTIONS = {"level": "3", "slicecrc": "1", "g": "1"}
H264 = Encoding("libx264", "yuv420p", _H264_OPTIONS, needs_even_size=True)
PRORES_4444 = Encoding(
    "prores_ks", "yuva444p10le", {"profile": "4444", "alpha_bits": "16", "vendor": "apl0"}, is_limited_range=True
)
PRORES_422 = Encoding("prores_ks", "yuv422p10le", {"profile": "hq", "vendor": "apl0"}, is_limited_range=True)
VP9 = Encoding("libvpx-vp9", "yuv420p", _VP9_OPTIONS, keeps_pixel_aspect=False)
VP9_ALPHA = replace(VP9, pixel_format="yuva420p")
FFV1_ALPHA = Encoding("ffv1", "bgra", _FFV1_OPTIONS, keeps_pixel_aspect=False)
# Of a source with 10 bits, 12 in RGB lose nothing, and the file is half as large as with 16.
FFV1_ALPHA_12 = replace(FFV1_ALPHA, pixel_format="gbrap12le")
FFV1_ALPHA_16 = replace(FFV1_ALPHA, pixel_format="gbrap16le")
FFV1_GREY = replace(FFV1_ALPHA, pixel_format="gray")

_WITH_ALPHA = {".mov": PRORES_4444, ".webm": VP9_ALPHA, ".mkv": FFV1_ALPHA}
ENCODINGS: dict[Kind, dict[str, Encoding]] = {
    "overlay": {".mp4": H264, ".mov": H264, ".mkv": H264, ".webm": VP9},
    "matte": {".mp4": H264, ".mov": PRORES_422, ".mkv": FFV1_GREY, ".webm": VP9},
    "alpha": _WITH_ALPHA,
    "cutout": _WITH_ALPHA,
}


def encoding_of(kind: Kind, path: Path, info: VideoInfo | None = None) -> Encoding:
    """How a kind is coded in the container that the extension names; a pair that ``resolve_outputs`` let through.

    Args:
        info: Of the source, whose depth is kept; 8 bits if None.
    """
    encoding = ENCODINGS[kind][path.suffix.lower()]
    if info is not None and info.is_deep and encoding is FFV1_ALPHA:
        return FFV1_ALPHA_12 if info.bit_depth <= 10 else FFV1_ALPHA_16
    return encoding


def tags_for(kind: Kind, encoding: Encoding, info: VideoInfo) -> ColourTags:
    """Colour tags to write.

    A matte is data, not light, and gets plain BT.709 even beside an HDR source, of which an overlay is tone-mapped.
    """
    if kind == "matte":
        is_full = encoding.pixel_format == "gray"
        return ColourTags(BT709, BT709, BT709, FULL_RANGE if is_full else LIMITED_RANGE)
    if kind == "overlay" and info.is_hdr:
        return ColourTags(BT709, BT709, BT709, LIMITED_RANGE)
    tags = effective_tags(info)
    if encoding.is_rgb:
        return replace(tags, matrix=RGB_MATRIX, colour_range=FULL_RANGE)
    return replace(tags, colour_range=LIMITED_RANGE) if encoding.is_limited_range else tags


def encoded_size(encoding: Encoding, info: VideoInfo) -> tuple[int, int]:
    """Height and width that the encoder gets."""
    odd = 1 if encoding.needs_even_size else 0
    return info.height + (info.height & odd), info.width + (info.width & odd)


def to_video_frame(picture: Picture, encoding: Encoding, tags: ColourTags) -> av.VideoFrame:
    """The picture in the encoder's pixel format, tagged, without a timestamp."""
    if encoding.needs_even_size:
        picture = _pad_to_even(picture)
    if picture.colour is None:
        assert picture.alpha is not None
        return _tag(_grey_frame(picture.alpha, encoding.pixel_format, tags), tags)
    if picture.alpha is None:
        is_h264 = encoding.codec == H264.codec
        return from_rgb(to_eight_bits(picture.colour), encoding.pixel_format, tags, has_left_chroma=is_h264)
    if encoding.pixel_format == "bgra":
        return _tag(_bgra_frame(to_eight_bits(picture.colour), picture.alpha), tags)
    if encoding.is_rgb:
        return _tag(_gbrap_frame(picture.colour, picture.alpha, encoding.pixel_format), tags)
    return _tag(_yuva_frame(picture.colour, picture.alpha, encoding.pixel_format, tags), tags)


def _pad_to_even(picture: Picture) -> Picture:
    """Repeat the last row and column where the size is odd."""

    def pad(values: np.ndarray | None) -> np.ndarray | None:
        if values is None or not (values.shape[0] % 2 or values.shape[1] % 2):
            return values
        border = [(0, values.shape[0] % 2), (0, values.shape[1] % 2), (0, 0)]
        return np.pad(values, border[: values.ndim], mode="edge")

    return Picture(pad(picture.colour), pad(picture.alpha))


def _grey_frame(alpha: np.ndarray, pixel_format: str, tags: ColourTags) -> av.VideoFrame:
    """Alpha as luma with neutral chroma, written into the planes: exact, where a conversion rounds twice."""
    frame = av.VideoFrame(alpha.shape[1], alpha.shape[0], pixel_format)
    bits = frame.format.components[0].bits
    is_full = tags.colour_range == FULL_RANGE
    black, white = (0, (1 << bits) - 1) if is_full else (16 << bits - 8, 235 << bits - 8)
    _fill_plane(frame.planes[0], black + quantise(alpha, white - black), bits)
    for plane in frame.planes[1:]:
        _fill_plane(plane, 1 << bits - 1, bits)
    return frame


def _bgra_frame(colour: np.ndarray, alpha: np.ndarray) -> av.VideoFrame:
    """Blue, green, red, alpha, 8 bits each."""
    pixels = np.asarray(cv2.merge([*cv2.split(colour)[::-1], quantise(alpha, 255)]), np.uint8)
    return av.VideoFrame.from_ndarray(pixels, format="bgra")


def _gbrap_frame(colour: np.ndarray, alpha: np.ndarray, pixel_format: str) -> av.VideoFrame:
    """Planes of green, blue, red and alpha, more than 8 bits each."""
    frame = av.VideoFrame(alpha.shape[1], alpha.shape[0], pixel_format)
    bits = frame.format.components[3].bits
    highest = (1 << bits) - 1
    values = to_sixteen_bits(colour)
    if bits < 16:
        values = cv2.transform(values, np.eye(3) * (highest / WHITE))
    for target, channel in zip(frame.planes[:3], (1, 2, 0), strict=True):
        _fill_plane(target, values[:, :, channel], bits)
    _fill_plane(frame.planes[3], quantise(alpha, highest), bits)
    return frame


def _yuva_frame(colour: np.ndarray, alpha: np.ndarray, pixel_format: str, tags: ColourTags) -> av.VideoFrame:
    """Colour in one conversion; the alpha plane written by us, because a conversion to it would round it."""
    frame = av.VideoFrame(alpha.shape[1], alpha.shape[0], pixel_format)
    bits = frame.format.components[3].bits
    for target, values in zip(frame.planes[:3], _yuv_planes(colour, pixel_format, bits, tags), strict=True):
        _fill_plane(target, values, bits)
    _fill_plane(frame.planes[3], quantise(alpha, (1 << bits) - 1), bits)
    return frame


def _yuv_planes(colour: np.ndarray, pixel_format: str, bits: int, tags: ColourTags) -> list[np.ndarray]:
    """Y, Cb, Cr; of deep colour by ``deep_to_yuv``, else by ``from_rgb``."""
    if colour.dtype == np.uint16 and pixel_format.startswith("yuva444") and bits > 8:
        return list(deep_to_yuv(colour, bits, tags).transpose(2, 0, 1))
    opaque = from_rgb(to_eight_bits(colour), pixel_format.replace("yuva", "yuv"), tags)
    return [_pixels(plane, bits).copy() for plane in opaque.planes]


def _pixels(plane: av.video.plane.VideoPlane, bits: int) -> np.ndarray:
    """HxW view of a plane without the padding at the end of its lines."""
    samples = np.frombuffer(plane, np.uint8 if bits == 8 else np.uint16)  # type: ignore[call-overload]
    return samples.reshape(plane.height, -1)[:, : plane.width]


def _fill_plane(plane: av.video.plane.VideoPlane, values: np.ndarray | int, bits: int) -> None:
    """Write all samples of a plane."""
    _pixels(plane, bits)[...] = values


def _tag(frame: av.VideoFrame, tags: ColourTags) -> av.VideoFrame:
    """Put the tags on a frame; prores_ks reads them there and nowhere else."""
    frame.color_primaries, frame.color_trc = tags.primaries, tags.transfer
    frame.colorspace, frame.color_range = tags.matrix, tags.colour_range
    return frame
