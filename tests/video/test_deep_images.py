"""Images with 16 bits as sources."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from vostool.video.reading.deep_images import ORIENTATIONS, has_sixteen_bits, read_deep_image
from vostool.video.reading.images import read_image
from vostool.video.reading.reader import open_video


def noise(channels: int = 3) -> np.ndarray:
    shape = (6, 9, channels) if channels > 1 else (6, 9)
    return np.random.default_rng(0).integers(0, 65536, shape, dtype=np.uint16)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_folder_keeps_depth_if_asked(tmp_path: Path, suffix: str, channels: int) -> None:
    for index in range(2):
        assert cv2.imwrite(str(tmp_path / f"{index}{suffix}"), noise(channels) + np.uint16(index))
    with open_video(tmp_path) as reader:
        plain = list(reader)
    with open_video(tmp_path, keeps_depth=True) as reader:
        assert reader.info.bit_depth == 16
        for index, frame in enumerate(reader):
            pixels = noise(channels) + np.uint16(index)
            expected = pixels[..., None].repeat(3, axis=2) if channels == 1 else pixels[..., 2::-1]
            np.testing.assert_array_equal(frame.deep, expected)
            np.testing.assert_array_equal(frame.image, expected >> 8)
            np.testing.assert_array_equal(frame.image, plain[index].image)
            assert plain[index].deep is None


def test_one_image_of_8_bits_among_others(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), noise())
    Image.fromarray(np.full((6, 9, 3), 200, np.uint8)).save(tmp_path / "1.png")
    (tmp_path / "2.png").write_bytes(b"damaged")
    with open_video(tmp_path, keeps_depth=True) as reader:
        deep = [frame.deep for frame in reader]
    assert deep[1] is not None
    assert (deep[1] == 200 * 257).all()
    assert deep[2] is deep[1]


def test_images_of_8_bits_have_no_depth(tmp_path: Path) -> None:
    for name in ("0.png", "1.tif", "2.jpg"):
        Image.fromarray(np.zeros((6, 9, 3), np.uint8)).save(tmp_path / name)
        assert not has_sixteen_bits(tmp_path / name)
    with open_video(tmp_path, keeps_depth=True) as reader:
        assert reader.info.bit_depth == 8
        assert [frame.deep for frame in reader] == [None] * 3


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_orientation_is_as_for_8_bits(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "a.png"
    grey = Image.fromarray(noise(1))
    exif = Image.Exif()
    exif[0x0112] = orientation
    grey.save(path, exif=exif, pnginfo=PngImagePlugin.PngInfo())
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    deep, image8 = read_deep_image(path), read_image(path)
    assert deep is not None
    assert image8 is not None
    np.testing.assert_array_equal(deep[..., 0], expected)
    np.testing.assert_array_equal(deep >> 8, image8)


def test_a_damaged_one_is_not_read(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.tif"), noise())
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[:12])
    assert read_deep_image(tmp_path / "a.tif") is None
    (tmp_path / "b.tif").write_bytes(b"II*\0\xff\xff")
    assert read_deep_image(tmp_path / "b.tif") is None
