"""Known colours in, the same colours out, by the definition of the matrices."""

from __future__ import annotations

import itertools
from pathlib import Path

import av
import numpy as np
import pytest
from synthetic_clips import flat_image, make_clip, make_frame, rgb_to_yuv

from vostool.types import ColourTags, VideoInfo
from vostool.video.colour.yuv import FULL_RANGE, LIMITED_RANGE, effective_tags, from_rgb, resolve_matrix, to_rgb
from vostool.video.reading.reader import open_video

BLOCK = 16
COLOURS = list(itertools.product((0, 64, 128, 255), repeat=3))
TOLERANCE = 3
FORMATS = ("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "nv12")
RANGES = (LIMITED_RANGE, FULL_RANGE)
RED = (230, 30, 40)


def palette_image() -> np.ndarray:
    """Blocks of flat colour, large enough for chroma to be pure in their middles."""
    small = np.array(COLOURS, np.uint8).reshape(8, 8, 3)
    return np.repeat(np.repeat(small, BLOCK, axis=0), BLOCK, axis=1)


def middles(image: np.ndarray) -> np.ndarray:
    """One pixel from the middle of every block, as integers."""
    return image[BLOCK // 2 :: BLOCK, BLOCK // 2 :: BLOCK].astype(int)


@pytest.mark.parametrize("matrix", [1, 5, 6, 9])
@pytest.mark.parametrize("colour_range", RANGES)
@pytest.mark.parametrize("pixel_format", FORMATS)
def test_tagged_frame_is_decoded_by_its_tags(matrix: int, colour_range: int, pixel_format: str) -> None:
    frame = make_frame(palette_image(), pixel_format, matrix, colour_range)
    frame.colorspace, frame.color_range = matrix, colour_range
    assert np.abs(middles(to_rgb(frame)) - middles(palette_image())).max() <= TOLERANCE


@pytest.mark.parametrize("matrix", [1, 6, 9])
@pytest.mark.parametrize("colour_range", RANGES)
def test_encoding_agrees_with_the_definition(matrix: int, colour_range: int) -> None:
    frame = from_rgb(palette_image(), "yuv444p", ColourTags(matrix, matrix, matrix, colour_range))
    expected = rgb_to_yuv(palette_image(), matrix, colour_range == FULL_RANGE)
    assert np.abs(frame.to_ndarray().astype(int) - expected).max() <= 1


def test_encoded_frame_carries_its_tags() -> None:
    frame = from_rgb(palette_image(), "yuv420p", ColourTags(9, 16, 9, FULL_RANGE))
    assert (frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range) == (9, 16, 9, FULL_RANGE)


def test_chroma_of_h264_lies_at_the_left_pixel() -> None:
    ramp = np.full((32, 64, 3), 100, np.uint8)
    ramp[:, :, 2] = np.arange(64, 192, 2)
    tags = ColourTags(1, 1, 1, FULL_RANGE)
    in_full = from_rgb(ramp, "yuv444p", tags).to_ndarray()
    frame = from_rgb(ramp, "yuv420p", tags, has_left_chroma=True)
    luma, blue, red = (np.frombuffer(plane, np.uint8).reshape(plane.height, -1) for plane in frame.planes)
    assert np.array_equal(luma[:, :64], in_full[0])
    for found, expected in ((blue, in_full[1]), (red, in_full[2])):
        # A ramp is its own mean; a sample from between two columns would lie half a step of two beside it.
        assert np.abs(found[:, 1:32].astype(float) - expected[::2, 2:64:2]).mean() < 0.3


@pytest.mark.parametrize(("height", "width", "matrix"), [(480, 16, 6), (720, 16, 1), (16, 1280, 1), (16, 720, 6)])
def test_untagged_clip_is_taken_by_its_size(tmp_path: Path, height: int, width: int, matrix: int) -> None:
    clip = make_clip(tmp_path / "clip.mp4", [flat_image(RED, height, width)], matrix=matrix)
    with open_video(clip) as reader:
        frame = next(iter(reader))
    assert reader.info.colour == ColourTags()
    assert np.abs(frame.image.astype(int) - RED).max() <= TOLERANCE
    assert effective_tags(reader.info) == ColourTags(matrix=matrix, colour_range=LIMITED_RANGE)


@pytest.mark.parametrize("matrix", [1, 6, 9])
@pytest.mark.parametrize(("pixel_format", "colour_range"), [("yuv420p", LIMITED_RANGE), ("yuvj420p", FULL_RANGE)])
def test_tags_of_a_clip_win_over_its_size(tmp_path: Path, matrix: int, pixel_format: str, colour_range: int) -> None:
    # Of the transfer codes only BT.2020's is another than its matrix's.
    tags = ColourTags(matrix, 14 if matrix == 9 else matrix, matrix, colour_range)
    clip = make_clip(tmp_path / "clip.mp4", [flat_image(RED)], colour=tags, pixel_format=pixel_format)
    with open_video(clip) as reader:
        frame = next(iter(reader))
    assert np.abs(frame.image.astype(int) - RED).max() <= TOLERANCE
    assert reader.info.colour == tags
    assert effective_tags(reader.info) == tags


@pytest.mark.parametrize("pixel_format", ["rgb24", "bgr24", "gbrp", "bgra", "argb", "gbrp10le", "rgb48le"])
def test_rgb_is_not_touched(pixel_format: str) -> None:
    frame = av.VideoFrame.from_ndarray(palette_image(), format="rgb24").reformat(format=pixel_format)
    np.testing.assert_array_equal(to_rgb(frame), palette_image())


def test_grey_is_full_range_unless_tagged() -> None:
    frame = av.VideoFrame.from_ndarray(np.array([[16, 126], [235, 255]], np.uint8), format="gray")
    assert to_rgb(frame)[:, :, 0].tolist() == [[16, 126], [235, 255]]
    frame.color_range = LIMITED_RANGE
    assert to_rgb(frame)[:, :, 0].tolist() == [[0, 128], [255, 255]]


def test_unknown_matrices_fall_back_to_the_size() -> None:
    assert resolve_matrix(8, 720, 1280) == 1
    assert resolve_matrix(0, 480, 640) == 6
    assert resolve_matrix(9, 480, 640) == 9


def info_of(**fields: object) -> VideoInfo:
    """A VideoInfo with what does not matter here filled in."""
    from fractions import Fraction

    plain = {
        "path": Path("clip"),
        "width": 640,
        "height": 480,
        "frame_rate": Fraction(25),
        "time_base": Fraction(1, 25),
    }
    return VideoInfo(**{**plain, "pixel_format": "yuv420p", **fields})  # type: ignore[arg-type]


def test_output_of_a_turned_clip_has_the_matrix_it_was_decoded_with() -> None:
    upright = info_of(width=640, height=720, rotation=90)  # stored as 720x640
    assert effective_tags(upright).matrix == 6
    assert effective_tags(info_of(width=640, height=720)).matrix == 1


@pytest.mark.parametrize("pixel_format", ["bgra", "gbrp", "pal8"])
def test_output_of_rgb_is_limited_range(pixel_format: str) -> None:
    info = info_of(pixel_format=pixel_format, colour=ColourTags(matrix=0, colour_range=FULL_RANGE))
    assert effective_tags(info) == ColourTags(matrix=6, colour_range=LIMITED_RANGE)


def test_output_of_images_is_limited_range() -> None:
    info = info_of(pixel_format="png", is_image_folder=True, colour=ColourTags(colour_range=FULL_RANGE))
    assert effective_tags(info).colour_range == LIMITED_RANGE
