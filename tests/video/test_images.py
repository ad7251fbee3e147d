"""Folders of images as video, single images, and images written."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from synthetic_clips import flat_image, pattern_image

from vostool.errors import OutputError, UsageError, VideoError
from vostool.video.reading.images import list_images, natural_key, read_image, write_image
from vostool.video.reading.reader import open_video, read_frame_at

ORIENTATION_TAG = 0x0112

# EXIF value -> what the upright picture must be of the stored one.
EXIF_TURNS = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: np.rot90(image, 2),
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: np.rot90(image, 2).transpose(1, 0, 2),
    8: lambda image: np.rot90(image, 1),
}


def write_pattern(path: Path, index: int = 0, size: tuple[int, int] = (48, 64)) -> Path:
    Image.fromarray(pattern_image(index, *size)).save(path)
    return path


def test_names_are_sorted_as_people_do() -> None:
    names = ["frame10.png", "frame2.png", "Frame1.png", "frame2b.png", "a.png", "010.png", "9.png", "frame002.png"]
    ordered = sorted((Path(name) for name in names), key=natural_key)
    expected = ["9.png", "010.png", "a.png", "Frame1.png", "frame002.png", "frame2.png", "frame2b.png", "frame10.png"]
    assert [path.name for path in ordered] == expected


def test_folder_in_natural_order_with_its_names(tmp_path: Path) -> None:
    for index in (10, 2, 1):
        write_pattern(tmp_path / f"frame{index}.png", index)
    (tmp_path / ".frame3.png").write_bytes(b"hidden")
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "sub.png").mkdir()
    with open_video(tmp_path) as reader:
        frames = list(reader)
    assert reader.info.frame_names == ("frame1", "frame2", "frame10")
    assert reader.info.is_image_folder
    for frame, index in zip(frames, (1, 2, 10), strict=True):
        np.testing.assert_array_equal(frame.image, pattern_image(index))


@pytest.mark.parametrize("frame_rate", [Fraction(24), Fraction(30000, 1001)])
def test_frame_rate_of_a_folder(tmp_path: Path, frame_rate: Fraction) -> None:
    for index in range(3):
        write_pattern(tmp_path / f"{index}.png", index)
    with open_video(tmp_path, frame_rate) as reader:
        frames = list(reader)
    assert reader.info.frame_rate == frame_rate
    assert [frame.pts * frame.time_base for frame in frames] == [index / frame_rate for index in range(3)]
    assert {frame.duration for frame in frames} == {1}


@pytest.mark.parametrize("suffix", ["png", "PNG", "jpg", "jpeg", "webp", "bmp", "tif", "tiff"])
def test_every_kind_of_image(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(flat_image((200, 100, 50))).save(tmp_path / f"a.{suffix}")
    with open_video(tmp_path) as reader:
        frame = next(iter(reader))
    assert np.abs(frame.image.astype(int) - (200, 100, 50)).max() <= 4
    assert reader.info.codec == suffix.lower()


def test_pixels_of_other_modes(tmp_path: Path) -> None:
    grey = np.array([[0, 100, 255]], np.uint8)
    expected = np.repeat(grey[:, :, None], 3, axis=2)
    images = {
        "grey": Image.fromarray(grey),
        "sixteen": Image.fromarray(grey.astype(np.uint16) * 257),
        "alpha": Image.fromarray(np.dstack([expected, [[0, 128, 255]]]).astype(np.uint8), "RGBA"),
        "grey_alpha": Image.fromarray(np.dstack([grey, [[0, 128, 255]]]).astype(np.uint8), "LA"),
        "palette": Image.fromarray(expected).quantize(4),
    }
    for name, image in images.items():
        image.save(tmp_path / f"{name}.png")
        found = read_image(tmp_path / f"{name}.png")
        assert found is not None
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, expected, err_msg=name)


def test_sixteen_bit_colour(tmp_path: Path) -> None:
    import cv2

    image = pattern_image(3)
    cv2.imwrite(str(tmp_path / "deep.png"), image[:, :, ::-1].astype(np.uint16) * 257)
    found = read_image(tmp_path / "deep.png")
    assert found is not None
    np.testing.assert_array_equal(found, image)


@pytest.mark.parametrize("value", EXIF_TURNS)
def test_exif_orientation(tmp_path: Path, value: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = value
    Image.fromarray(pattern_image(0)).save(tmp_path / "turned.png", exif=exif)
    found = read_image(tmp_path / "turned.png")
    assert found is not None
    np.testing.assert_array_equal(found, EXIF_TURNS[value](pattern_image(0)))


@pytest.mark.parametrize("bad", [0, 1, 3])
def test_an_unreadable_image_repeats_the_last_good_one(tmp_path: Path, bad: int) -> None:
    for index in range(4):
        write_pattern(tmp_path / f"{index}.png", index)
    path = tmp_path / f"{bad}.png"
    path.write_bytes(path.read_bytes()[:100])
    with open_video(tmp_path) as reader:
        frames = list(reader)
    assert [frame.is_corrupt for frame in frames] == [index == bad for index in range(4)]
    np.testing.assert_array_equal(frames[bad].image, pattern_image(bad - 1 if bad else 1))
    assert (reader.num_corrupt, reader.num_frames_read, reader.is_short) == (1, 4, False)


def test_a_cut_jpeg_is_unreadable(tmp_path: Path) -> None:
    path = write_pattern(tmp_path / "cut.jpg")
    path.write_bytes(path.read_bytes()[:-300])
    assert read_image(path) is None


def test_folder_of_unreadable_images_is_refused(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_text("no image")
    with pytest.raises(VideoError, match="none of the 2 images"):
        open_video(tmp_path)


def test_another_size_is_refused_at_its_frame(tmp_path: Path) -> None:
    for index in range(3):
        write_pattern(tmp_path / f"{index}.png", index)
    write_pattern(tmp_path / "3.png", size=(48, 80))
    with open_video(tmp_path) as reader:
        frames = iter(reader)
        assert [next(frames).index for _ in range(3)] == [0, 1, 2]
        with pytest.raises(VideoError, match=r"3\.png is 80x48, but 0\.png is 64x48"):
            next(frames)


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    write_pattern(tmp_path / "a.png")
    write_pattern(tmp_path / "a.jpg")
    with pytest.raises(VideoError, match=r"two images of one name: a\.jpg and a\.png"):
        open_video(tmp_path)


def test_folder_without_images_says_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"x")
    with pytest.raises(VideoError, match="no images, but 1 file of another kind"):
        list_images(tmp_path)


def test_single_image_is_a_video_of_one_frame(tmp_path: Path) -> None:
    path = write_pattern(tmp_path / "still.png", 5)
    with open_video(path) as reader:
        frames = list(reader)
    assert [frame.index for frame in frames] == [0]
    np.testing.assert_array_equal(frames[0].image, pattern_image(5))
    assert (reader.info.num_frames, reader.info.is_image_folder, reader.info.frame_names) == (1, False, ())


@pytest.mark.parametrize("image", [pattern_image(2), pattern_image(2)[:, :, 0]])
def test_written_image_reads_back(tmp_path: Path, image: np.ndarray) -> None:
    write_image(tmp_path / "out.png", image)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), image)
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


def test_exported_frame_is_the_decoded_one(tmp_path: Path) -> None:
    for index in range(3):
        write_pattern(tmp_path / f"{index}.png", index)
    frame = read_frame_at(tmp_path, 1)
    write_image(tmp_path / "out.png", frame.image)
    np.testing.assert_array_equal(read_image(tmp_path / "out.png"), pattern_image(1))


def test_failed_write_leaves_the_old_file_and_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_pattern(tmp_path / "out.png", 1)

    def fail(self: Image.Image, target: Path, format: str) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OutputError, match="No space left on device"):
        write_image(path, pattern_image(2))
    np.testing.assert_array_equal(read_image(path), pattern_image(1))
    assert list(tmp_path.iterdir()) == [path]


def test_missing_parent_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        write_image(tmp_path / "missing" / "out.png", pattern_image(0))


def test_only_png_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not named as a PNG"):
        write_image(tmp_path / "out.jpg", pattern_image(0))


@pytest.mark.parametrize(("name", "advice"), [("moving.png", "apng"), ("moving.webp", "video")])
def test_animated_picture_is_not_taken_for_one_frame(name: str, advice: str, tmp_path: Path) -> None:
    first, *others = (Image.fromarray(pattern_image(index, 48, 64)) for index in range(3))
    first.save(tmp_path / name, save_all=True, append_images=others)
    with pytest.raises(VideoError, match="animation") as caught:
        open_video(tmp_path / name)
    assert advice in str(caught.value.hint)
