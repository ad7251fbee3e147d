"""Masks that cannot be used are refused in one line that says what was found."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from mask_pictures import HEIGHT, WIDTH, draw_scene, photograph, save, with_palette
from PIL import Image

from vostool.errors import MaskError
from vostool.video.masks.annotation import load_masks

SIZE = (HEIGHT, WIDTH)


def refusal(path, size=SIZE, mode="auto") -> MaskError:
    with pytest.raises(MaskError) as caught:
        load_masks(path, size, mode=mode)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    assert caught.value.exit_code == 3
    return caught.value


def blocks(num_colours: int, flat: bool, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    colours = random.choice(2**24, num_colours, replace=False)
    colours[0] = 0
    side = 8 if flat else 1
    places = np.arange(WIDTH // side * (HEIGHT // side)) % num_colours
    picture = colours[places].reshape(HEIGHT // side, WIDTH // side).repeat(side, 0).repeat(side, 1)
    return np.stack([picture >> 16, picture >> 8 & 255, picture & 255], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("flat", [True, False])
def test_212_colours(tmp_path, flat):
    error = refusal(save(Image.fromarray(blocks(212, flat)), tmp_path))
    assert str(error) == ("first.png has 212 distinct colours and no palette; pass --mask-mode binary, color or index")


def test_212_colours_asked_for_as_objects(tmp_path):
    error = refusal(save(Image.fromarray(blocks(212, True)), tmp_path), mode="color")
    assert "212 distinct colours, more than the 64 objects" in str(error)


@pytest.mark.parametrize("convert", [with_palette, Image.fromarray])
@pytest.mark.parametrize("num_objects", [65, 70, 200])
def test_too_many_objects(tmp_path, convert, num_objects):
    places = np.arange(WIDTH // 8 * (HEIGHT // 8)) % (num_objects + 1)
    labels = places.reshape(HEIGHT // 8, WIDTH // 8).repeat(8, 0).repeat(8, 1).astype(np.uint8)
    error = refusal(save(convert(labels), tmp_path))
    assert f"first.png has {num_objects} objects, more than the 64" in str(error)
    assert error.code == "mask.too_many_objects"


def test_64_objects_are_enough(tmp_path):
    places = np.arange(WIDTH // 8 * (HEIGHT // 8)) % 65
    labels = places.reshape(HEIGHT // 8, WIDTH // 8).repeat(8, 0).repeat(8, 1).astype(np.uint8)
    for picture in (with_palette(labels), Image.fromarray(labels), with_palette(labels).convert("RGB")):
        np.testing.assert_array_equal(load_masks(save(picture, tmp_path), SIZE).labels, labels)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("name", ["first.png", "first.jpg"])
def test_photographs(tmp_path, mode, name):
    error = refusal(save(photograph().convert(mode), tmp_path, name))
    assert "no palette; pass --mask-mode binary, color or index" in str(error)
    assert error.code == "mask.ambiguous"


def test_gradient(tmp_path):
    ramp = np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))
    assert "grey levels and no palette" in str(refusal(save(Image.fromarray(ramp), tmp_path)))


def test_bright_levels_beside_255_are_ambiguous(tmp_path):
    error = refusal(save(draw_scene([127, 255]), tmp_path))
    assert "has the grey levels 0, 127, 255, which can be ids, objects or shades" in str(error)


@pytest.mark.parametrize("picture", [Image.new("L", (WIDTH, HEIGHT)), Image.new("RGB", (WIDTH, HEIGHT)),
                                     Image.new("RGBA", (WIDTH, HEIGHT)), Image.new("P", (WIDTH, HEIGHT)),
                                     Image.new("1", (WIDTH, HEIGHT)), Image.new("I;16", (WIDTH, HEIGHT))],
                         ids=lambda picture: picture.mode)  # fmt: skip
@pytest.mark.parametrize("mode", ["auto", "binary", "index", "color"])
def test_empty(tmp_path, picture, mode):
    assert refusal(save(picture, tmp_path), mode=mode).code == "mask.empty"


def test_other_shape_names_both_sizes(tmp_path):
    error = refusal(save(draw_scene([255]), tmp_path), size=(480, 640))
    assert "first.png is 160x96 but the frames are 640x480" in str(error)
    assert error.code == "mask.size_mismatch"


@pytest.mark.parametrize("factor", [1, 4])
def test_swapped_sides_name_both_sizes_and_the_rotation(tmp_path, factor):
    error = refusal(save(draw_scene([255]), tmp_path), size=(WIDTH * factor, HEIGHT * factor))
    assert f"first.png is 160x96 but the frames are {HEIGHT * factor}x{WIDTH * factor}" in str(error)
    assert "width and height are swapped" in str(error)
    assert "rotated" in error.hint


def test_missing_file(tmp_path):
    assert refusal(tmp_path / "first.png").code == "mask.not_found"


def test_folder(tmp_path):
    assert "is a folder" in str(refusal(tmp_path))


@pytest.mark.parametrize("content", [b"", b"these are words\n" * 20, b"\x89PNG\r\n\x1a\n"])
def test_no_picture(tmp_path, content):
    path = tmp_path / "first.png"
    path.write_bytes(content)
    assert refusal(path).code in {"mask.not_a_picture", "mask.damaged"}


@pytest.mark.parametrize("name", ["first.png", "first.jpg", "first.gif", "first.tiff", "first.bmp", "first.webp"])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_truncated(tmp_path, name, share):
    path = save(photograph(), tmp_path, name)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert refusal(path).code in {"mask.damaged", "mask.not_a_picture"}


def test_flipped_bits_never_escape_as_another_error(tmp_path):
    path = save(with_palette(np.asarray(draw_scene([1, 2]))), tmp_path)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(whole)
        damaged[random.integers(8, len(whole))] ^= 1 << int(random.integers(8))
        path.write_bytes(bytes(damaged))
        with contextlib.suppress(MaskError):
            load_masks(path, SIZE)


def test_decompression_bomb(tmp_path, monkeypatch):
    path = save(draw_scene([255]), tmp_path)
    for limit in (WIDTH * HEIGHT - 1, WIDTH * HEIGHT // 3):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert refusal(path).code == "mask.too_large"


def test_ids_beyond_255(tmp_path):
    levels = np.asarray(draw_scene([1, 2, 3])).astype(np.uint16) * 1000
    assert "values up to 3000, too large for object ids" in str(refusal(save(Image.fromarray(levels), tmp_path)))


def test_colours_are_no_ids(tmp_path):
    picture = draw_scene([(255, 0, 0), (3, 77, 9)], "RGB")
    assert "not in the DAVIS palette" in str(refusal(save(picture, tmp_path), mode="index"))
