"""More than 8 bits: by the definition of the matrices, and back to the very numbers."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from synthetic_clips import LUMA_WEIGHTS

from vostool.types import ColourTags
from vostool.video.colour.deep import deep_to_yuv, to_deep_rgb, to_eight_bits, to_sixteen_bits
from vostool.video.colour.yuv import FULL_RANGE, LIMITED_RANGE, to_rgb
from vostool.video.reading.reader import open_video

SIZE = (36, 50)
RANGES = (LIMITED_RANGE, FULL_RANGE)


def random_rgb() -> np.ndarray:
    """HxWx3 float in 0..1, with black and white in it."""
    rgb = np.random.default_rng(0).random((*SIZE, 3))
    rgb[0, 0], rgb[0, 1] = 0, 1
    return rgb


def to_yuv(rgb: np.ndarray, matrix: int, colour_range: int, bits: int) -> np.ndarray:
    """3xHxW by the definition, ITU-T H.273 section 8.3."""
    red, blue = LUMA_WEIGHTS[matrix]
    luma = rgb @ (red, 1 - red - blue, blue)
    chroma = (rgb[..., 2] - luma) / (2 - 2 * blue), (rgb[..., 0] - luma) / (2 - 2 * red)
    unit, half, full = 1 << bits - 8, 1 << bits - 1, (1 << bits) - 1
    if colour_range == FULL_RANGE:
        planes = [full * luma, *(half + full * part for part in chroma)]
    else:
        planes = [unit * (16 + 219 * luma), *(half + unit * 224 * part for part in chroma)]
    return np.clip(np.rint(planes), 0, full).astype(np.uint16)


def fill(planes: np.ndarray, pixel_format: str) -> av.VideoFrame:
    """A frame of a planar format with 16-bit numbers, all planes of one size."""
    frame = av.VideoFrame(planes.shape[2], planes.shape[1], pixel_format)
    for target, values in zip(frame.planes, planes, strict=True):
        np.frombuffer(target, np.uint16).reshape(values.shape[0], -1)[:, : values.shape[1]] = values
    return frame


@pytest.mark.parametrize("matrix", [1, 6, 9])
@pytest.mark.parametrize("colour_range", RANGES)
@pytest.mark.parametrize("bits", [10, 12])
def test_there_and_back(matrix: int, colour_range: int, bits: int) -> None:
    planes = to_yuv(random_rgb(), matrix, colour_range, bits)
    frame = fill(planes, f"yuv444p{bits}le")
    frame.colorspace, frame.color_range = matrix, colour_range
    deep = to_deep_rgb(frame)
    assert deep.dtype == np.uint16
    # Half a number of luma and of chroma, each.
    assert np.abs(deep / 65535 - random_rgb()).max() < 2.5 / (1 << bits)
    assert deep[0, 0].tolist() == [0, 0, 0]
    assert deep[0, 1].tolist() == [65535] * 3
    # What rounding put outside of the cube of RGB is cut off: at most one number.
    back = deep_to_yuv(deep, bits, ColourTags(matrix=matrix, colour_range=colour_range)).transpose(2, 0, 1)
    assert np.abs(back.astype(int) - planes.astype(int)).max() <= 1
    inside = ((deep > 0) & (deep < 65535)).all(axis=2)
    assert inside.mean() > 0.9
    np.testing.assert_array_equal(back[:, inside], planes[:, inside])


@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv422p10le", "yuv444p12le", "p010le", "gbrp10le", "yuv420p"])
@pytest.mark.parametrize("colour_range", RANGES)
def test_it_is_the_picture_of_eight_bits(pixel_format: str, colour_range: int) -> None:
    """Smooth, so that the chroma of half as many pixels says enough."""
    ramp = np.add.outer(np.linspace(20, 150, 36), np.linspace(0, 80, 50))
    image = np.stack([ramp, ramp[::-1], ramp[:, ::-1]], axis=2).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
        format=pixel_format, dst_colorspace=1, dst_color_range=colour_range
    )
    frame.colorspace, frame.color_range = 1, colour_range
    assert np.abs(to_deep_rgb(frame) / 257 - to_rgb(frame)).max() < 1.3


@pytest.mark.parametrize("pixel_format", ["rgb48le", "rgba64le", "gbrp16le", "rgb48be"])
def test_rgb_is_exact(pixel_format: str) -> None:
    deep = np.rint(random_rgb() * 65535).astype(np.uint16)
    frame = av.VideoFrame.from_ndarray(deep, format="rgb48le").reformat(format=pixel_format)
    np.testing.assert_array_equal(to_deep_rgb(frame), deep)


def test_grey_is_stretched_where_it_is_tagged_as_limited() -> None:
    frame = fill(np.array([[[64, 502, 940, 1023]]], np.uint16), "gray10le")
    assert to_deep_rgb(frame)[0, 3].tolist() == [65535] * 3
    frame.color_range = LIMITED_RANGE
    assert to_deep_rgb(frame)[0, :, 1].tolist() == [0, 32768, 65535, 65535]


def test_eight_and_sixteen_bits() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    assert to_sixteen_bits(levels).max() == 65535
    np.testing.assert_array_equal(to_eight_bits(to_sixteen_bits(levels)), levels)
    assert to_eight_bits(np.full((1, 1, 3), 32767 + 129, np.uint16))[0, 0, 0] == 128


def make_deep_clip(path: Path, num_frames: int = 3, tags: ColourTags = ColourTags(), rotation: int = 0) -> np.ndarray:
    """A lossless 10-bit clip without chroma subsampling; its first picture as HxWx3 float RGB."""
    rgb = random_rgb()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=25, options={"x265-params": "lossless=1:log-level=none"})
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv444p10le"
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = tags.primaries, tags.transfer, tags.matrix
        if rotation:
            stream.set_display_rotation(rotation)
        for index in range(num_frames):
            frame = fill(to_yuv(np.roll(rgb, index, axis=1), 9, LIMITED_RANGE, 10), "yuv444p10le")
            frame.color_primaries, frame.color_trc, frame.colorspace = tags.primaries, tags.transfer, tags.matrix
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return rgb


@pytest.mark.parametrize("rotation", [0, 90])
def test_the_reader_keeps_depth_if_asked(tmp_path: Path, rotation: int) -> None:
    clip = tmp_path / "clip.mkv" if not rotation else tmp_path / "clip.mov"
    rgb = make_deep_clip(clip, tags=ColourTags(9, 14, 9), rotation=rotation)
    with open_video(clip) as reader:
        plain = list(reader)
    with open_video(clip, keeps_depth=True) as reader:
        deep = list(reader)
    assert reader.info.is_deep
    assert not reader.info.is_hdr
    assert all(frame.deep is None for frame in plain)
    for one, other in zip(plain, deep, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        assert other.deep is not None
        assert np.abs(other.deep / 257 - other.image).max() < 1.3
    assert deep[0].deep is not None
    assert np.abs(deep[0].deep / 65535 - (np.rot90(rgb) if rotation else rgb)).max() < 2.5 / 1024


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_mapped_for_the_network_only(tmp_path: Path, transfer: int, name: str) -> None:
    clip = tmp_path / "clip.mkv"
    make_deep_clip(clip, tags=ColourTags(9, 14, 9))
    with open_video(clip, keeps_depth=True) as reader:
        plain = [frame.deep for frame in reader]
    make_deep_clip(clip, tags=ColourTags(9, transfer, 9))
    with open_video(clip) as reader:
        images = [frame.image for frame in reader]
        assert reader.info.is_hdr
        assert f"HDR source ({name})" in reader.info.notes[0]
    with open_video(clip, keeps_depth=True) as reader:
        for frame, image, deep in zip(reader, images, plain, strict=True):
            np.testing.assert_array_equal(frame.deep, deep)
            np.testing.assert_array_equal(frame.image, image)
            assert np.abs(image.astype(int) - to_eight_bits(deep)).max() > 20
