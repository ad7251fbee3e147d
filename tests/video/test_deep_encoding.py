"""Deep colour through every encoding that holds it, to the file and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from video_results import TICK, make_info, plane, read_frames

from vostool.types import ColourTags, Frame
from vostool.video.colour.deep import deep_to_yuv, to_deep_rgb, to_eight_bits
from vostool.video.colour.yuv import LIMITED_RANGE, to_rgb
from vostool.video.writing.encoding import FFV1_ALPHA, PRORES_4444, encoding_of, tags_for, to_video_frame
from vostool.video.writing.pictures import Picture
from vostool.video.writing.writer import VideoWriter

SIZE = (48, 64)
TAGS = ColourTags(9, 16, 9, LIMITED_RANGE)


def smooth_picture() -> Picture:
    """Ramps of more than 256 steps in colour and alpha."""
    ramp = np.add.outer(np.linspace(0, 30000, SIZE[0]), np.linspace(100, 35000, SIZE[1]))
    colour = np.stack([ramp, ramp[::-1], ramp[:, ::-1]], axis=2).astype(np.uint16)
    return Picture(colour, np.linspace(0, 1, SIZE[0] * SIZE[1], dtype=np.float32).reshape(SIZE))


def write(path: Path, picture: Picture, bit_depth: int = 10) -> av.VideoFrame:
    """The picture as it comes back from a file."""
    info = make_info(path, SIZE, colour=TAGS, bit_depth=bit_depth, pixel_format="yuv420p10le")
    encoding = encoding_of("alpha", path, info)
    tags = tags_for("alpha", encoding, info)
    writer = VideoWriter(path, encoding, info, tags)
    writer.write(to_video_frame(picture, encoding, tags), Frame(0, 0, TICK, np.zeros((*SIZE, 3), np.uint8), 512))
    writer.close()
    (frame,) = read_frames(path)
    return frame


@pytest.mark.parametrize(("bit_depth", "bits"), [(10, 12), (12, 16), (16, 16)])
def test_ffv1_keeps_every_number(bit_depth: int, bits: int, tmp_path: Path) -> None:
    picture = smooth_picture()
    frame = write(tmp_path / "a.mkv", picture, bit_depth)
    assert frame.format.name == f"gbrap{bits}le"
    highest = (1 << bits) - 1
    assert picture.colour is not None
    assert picture.alpha is not None
    expected = np.rint(picture.colour * (highest / 65535))
    np.testing.assert_array_equal(np.dstack([plane(frame, number) for number in (2, 0, 1)]), expected)
    np.testing.assert_array_equal(plane(frame, 3), np.rint(picture.alpha * np.float32(highest)))


def test_ffv1_gives_back_the_numbers_of_a_source_with_10_bits(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tags = replace(TAGS, colour_range=LIMITED_RANGE)
    source = deep_to_yuv(rng.integers(3000, 62000, (*SIZE, 3), dtype=np.uint16), 10, tags)
    frame = av.VideoFrame(SIZE[1], SIZE[0], "yuv444p10le")
    for target, values in zip(frame.planes, source.transpose(2, 0, 1), strict=True):
        np.frombuffer(target, np.uint16).reshape(SIZE[0], -1)[:, : SIZE[1]] = values
    frame.colorspace, frame.color_range = TAGS.matrix, LIMITED_RANGE
    picture = replace(smooth_picture(), colour=to_deep_rgb(frame))
    back = deep_to_yuv(to_deep_rgb(write(tmp_path / "a.mkv", picture)), 10, tags)
    np.testing.assert_array_equal(back, source)


def test_prores_has_its_own_error_only(tmp_path: Path) -> None:
    """What is given to the encoder is the source's 10 bits; what comes back is within its own loss."""
    picture = smooth_picture()
    assert picture.colour is not None
    given = to_video_frame(picture, PRORES_4444, TAGS)
    expected = deep_to_yuv(picture.colour, 10, TAGS)
    np.testing.assert_array_equal(np.dstack([plane(given, number) for number in range(3)]), expected)
    frame = write(tmp_path / "a.mov", picture)
    found = np.dstack([plane(frame, number) for number in range(3)]) / (1 << frame.format.components[0].bits - 10)
    assert np.abs(found - expected).mean() < 0.5
    assert np.abs(found - expected).max() < 3
    assert len(np.unique(plane(given, 0))) > 256 * 219 // 255


def test_webm_gets_eight_bits(tmp_path: Path) -> None:
    picture = smooth_picture()
    assert picture.colour is not None
    frame = write(tmp_path / "a.webm", picture)
    assert frame.format.name == "yuva420p"
    assert np.abs(to_rgb(frame) - picture.colour / 257).mean() < 3


def test_eight_bits_in_a_deep_file(tmp_path: Path) -> None:
    """A reader that was not asked for depth gives 8 bits of a deep source."""
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    frame = write(tmp_path / "a.mkv", replace(smooth_picture(), colour=image))
    np.testing.assert_array_equal(to_eight_bits(to_deep_rgb(frame)), image)


def test_a_shallow_source_stays_with_eight_bits(tmp_path: Path) -> None:
    assert encoding_of("alpha", Path("a.mkv"), make_info(tmp_path)) is FFV1_ALPHA
    assert encoding_of("alpha", Path("a.mkv")) is FFV1_ALPHA
    assert encoding_of("alpha", Path("a.mkv"), make_info(tmp_path, colour=TAGS)) is not FFV1_ALPHA


def test_an_overlay_of_hdr_is_tagged_as_what_it_is(tmp_path: Path) -> None:
    info = make_info(tmp_path, colour=TAGS, bit_depth=10, pixel_format="yuv420p10le")
    assert tags_for("overlay", encoding_of("overlay", Path("a.mp4")), info) == ColourTags(1, 1, 1, 1)
    assert tags_for("alpha", PRORES_4444, info) == TAGS
