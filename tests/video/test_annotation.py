"""One mask picture of every kind, read as what it is."""

from __future__ import annotations

import numpy as np
import pytest
from mask_pictures import BLUE, GREEN, HEIGHT, RED, WIDTH, draw_scene, photograph, save, smooth_scene, with_palette
from PIL import Image, ImageFilter

from vostool.errors import UsageError
from vostool.types import Annotation
from vostool.video.colour.palette import colour_of
from vostool.video.masks.annotation import load_masks
from vostool.video.masks.report import summary_line

SIZE = (HEIGHT, WIDTH)
SCENE = np.asarray(draw_scene([1, 2]))
DISC = np.asarray(draw_scene([1]))


def read(image: Image.Image, folder, name: str = "first.png", mode: str = "auto", **options) -> Annotation:
    return load_masks(save(image, folder, name, **options), SIZE, mode=mode)


@pytest.mark.parametrize("palette", [None, np.random.default_rng(0).integers(0, 256, (256, 3)), np.full((256, 3), 9)])
def test_index_is_id_whatever_the_palette(tmp_path, palette):
    annotation = read(with_palette(SCENE * 7, palette), tmp_path)
    assert annotation.object_ids == (7, 14)
    np.testing.assert_array_equal(annotation.labels, SCENE * 7)
    assert annotation.kind == "indexed PNG"


def test_summary_is_one_line(tmp_path):
    line = summary_line(read(with_palette(SCENE), tmp_path))
    assert line == "first.png: indexed PNG, 160x96, 2 objects (1, 2)"


@pytest.mark.parametrize("ids", [[1, 2, 3], [5, 64], [10, 20, 200]])
def test_grey_ids_are_kept(tmp_path, ids):
    picture = draw_scene(ids)
    annotation = read(picture, tmp_path)
    assert annotation.object_ids == tuple(ids)
    np.testing.assert_array_equal(annotation.labels, np.asarray(picture))


@pytest.mark.parametrize(("level", "object_id"), [(255, 1), (1, 1), (7, 7), (64, 64), (65, 1), (200, 1)])
def test_two_grey_values_are_one_object(tmp_path, level, object_id):
    annotation = read(draw_scene([level]), tmp_path)
    np.testing.assert_array_equal(annotation.labels, DISC * object_id)
    assert annotation.notes == (() if level <= 64 or level == 255 else (f"grey {level} is read as object 1",))


@pytest.mark.parametrize(("index", "object_id"), [(255, 1), (1, 1), (200, 200)])
def test_two_indices_are_one_object(tmp_path, index, object_id):
    assert read(with_palette(DISC * index), tmp_path).object_ids == (object_id,)


@pytest.mark.parametrize("convert", [with_palette, Image.fromarray])
def test_void_beside_ids_is_background(tmp_path, convert):
    labels = np.asarray(draw_scene([1, 2, 255]))
    annotation = read(convert(labels), tmp_path)
    assert annotation.object_ids == (1, 2)
    num_void = int((labels == 255).sum())
    assert f"255 beside other ids is void: {num_void} pixels became background" in annotation.notes
    np.testing.assert_array_equal(annotation.labels, np.where(labels == 255, 0, labels))


def test_one_bit(tmp_path):
    annotation = read(draw_scene([255]).convert("1"), tmp_path)
    np.testing.assert_array_equal(annotation.labels, DISC)
    assert annotation.kind == "binary 1-bit PNG"


@pytest.mark.parametrize(("labels", "factor"), [(DISC, 65535), (DISC, 4000), (SCENE, 1)])
def test_sixteen_bit_grey(tmp_path, labels, factor):
    annotation = read(Image.fromarray(labels.astype(np.uint16) * factor), tmp_path)
    np.testing.assert_array_equal(annotation.labels, labels)


def test_sixteen_bit_soft_edges(tmp_path):
    levels = np.asarray(smooth_scene([255])).astype(np.uint16) * 257
    annotation = read(Image.fromarray(levels), tmp_path)
    np.testing.assert_array_equal(annotation.labels, (levels >= 128 * 257).astype(np.uint8))


def test_floating_grey(tmp_path):
    annotation = read(Image.fromarray(DISC.astype(np.float32)), tmp_path, "first.tiff")
    np.testing.assert_array_equal(annotation.labels, DISC)


def test_colours_get_ids_in_the_order_of_their_value(tmp_path):
    annotation = read(draw_scene([RED, GREEN, BLUE], "RGB"), tmp_path)
    np.testing.assert_array_equal(annotation.labels, np.asarray(draw_scene([3, 2, 1])))
    wanted = "#0000ff is object 1, #00ff00 is object 2, #ff0000 is object 3 (in the order of #rrggbb)"
    assert annotation.notes == (wanted,)


def test_davis_colours_get_the_ids_of_the_palette(tmp_path):
    annotation = read(draw_scene([colour_of(number) for number in (3, 1, 9)], "RGB"), tmp_path)
    np.testing.assert_array_equal(annotation.labels, np.asarray(draw_scene([3, 1, 9])))
    assert "(DAVIS palette)" in annotation.notes[-1]


def test_an_indexed_mask_and_its_colours_read_the_same(tmp_path):
    indexed = with_palette(np.asarray(draw_scene([1, 2, 3, 4, 5])))
    colours = read(indexed.convert("RGB"), tmp_path, "colours.png")
    np.testing.assert_array_equal(read(indexed, tmp_path).labels, colours.labels)


def test_grey_saved_as_colours_is_grey(tmp_path):
    annotation = read(draw_scene([1, 2]).convert("RGB"), tmp_path)
    np.testing.assert_array_equal(annotation.labels, SCENE)


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (12, 200, 7)])
def test_one_colour_on_nothing_is_the_alpha(tmp_path, colour):
    annotation = read(smooth_scene([(*colour, 255)], "RGBA", (*colour, 0)), tmp_path)
    np.testing.assert_array_equal(annotation.labels, np.asarray(smooth_scene([255])) >= 128)
    assert annotation.kind == "alpha of RGBA PNG"


def test_colours_on_nothing(tmp_path):
    annotation = read(draw_scene([(*BLUE, 255), (*RED, 255)], "RGBA", (0, 0, 0, 0)), tmp_path)
    np.testing.assert_array_equal(annotation.labels, SCENE)


def test_a_cut_out_photograph_is_its_alpha(tmp_path):
    picture = photograph()
    picture.putalpha(draw_scene([255]))
    annotation = read(picture, tmp_path)
    np.testing.assert_array_equal(annotation.labels, DISC)
    assert any("alpha is the mask" in note for note in annotation.notes)


def test_alpha_without_information_is_ignored(tmp_path):
    picture = draw_scene([RED, GREEN], "RGB")
    picture.putalpha(128)
    annotation = read(picture, tmp_path)
    assert annotation.object_ids == (1, 2)
    assert "the alpha is 128 everywhere and was ignored" in annotation.notes


def test_grey_with_alpha(tmp_path):
    picture = Image.merge("LA", [Image.new("L", (WIDTH, HEIGHT), 255), draw_scene([255])])
    np.testing.assert_array_equal(read(picture, tmp_path).labels, DISC)
    painted = Image.merge("LA", [draw_scene([1, 2]), Image.fromarray(np.where(SCENE > 0, 255, 0).astype(np.uint8))])
    np.testing.assert_array_equal(read(painted, tmp_path).labels, SCENE)


def test_a_transparent_grey_key_is_background(tmp_path):
    picture = Image.fromarray(np.where(SCENE == 0, 9, SCENE).astype(np.uint8))
    np.testing.assert_array_equal(read(picture, tmp_path, transparency=9).labels, SCENE)


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_jpeg(tmp_path, quality):
    annotation = read(draw_scene([255]), tmp_path, "first.jpg", quality=quality)
    np.testing.assert_array_equal(annotation.labels, DISC)


@pytest.mark.parametrize("quality", [50, 75, 90, 95, 100])
def test_jpeg_saved_again_as_png(tmp_path, quality):
    with Image.open(save(draw_scene([255]), tmp_path, "first.jpg", quality=quality)) as picture:
        np.testing.assert_array_equal(read(picture, tmp_path).labels, DISC)
    with Image.open(save(draw_scene([RED, BLUE], "RGB"), tmp_path, "first.jpg", quality=quality)) as picture:
        annotation = read(picture, tmp_path)
    assert annotation.object_ids == (1, 2)
    # Blue sorts before red.
    assert (annotation.labels == np.array([0, 2, 1])[SCENE]).mean() > 0.97


def test_jpeg_colours(tmp_path):
    annotation = read(draw_scene([colour_of(2), colour_of(5)], "RGB"), tmp_path, "first.jpg", quality=90)
    assert annotation.object_ids == (2, 5)
    wanted = np.asarray(draw_scene([2, 5]))
    assert (annotation.labels == wanted).mean() > 0.98


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = draw_scene([255, 0]).transpose(Image.Transpose.ROTATE_90)
    annotation = read(turned, tmp_path, "first.jpg", exif=exif, quality=95)
    np.testing.assert_array_equal(annotation.labels, np.asarray(draw_scene([1, 0])))
    assert "turned upright by its EXIF orientation" in annotation.notes


def test_a_soft_matte_is_cut_at_the_middle(tmp_path):
    matte = draw_scene([255]).filter(ImageFilter.GaussianBlur(2))
    annotation = read(matte, tmp_path)
    np.testing.assert_array_equal(annotation.labels, np.asarray(matte) >= 128)


def test_gif_and_several_pictures_in_one_file(tmp_path):
    frames = [with_palette(SCENE), with_palette(SCENE * 0)]
    annotation = read(frames[0], tmp_path, "first.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(annotation.labels > 0, SCENE > 0)
    assert "the file holds 2 pictures, the first is used" in annotation.notes


@pytest.mark.parametrize("mode", ["color", "colour", "COLOR"])
def test_mode_color_takes_every_level_as_an_object(tmp_path, mode):
    annotation = read(draw_scene([85, 170, 255]), tmp_path, mode=mode)
    np.testing.assert_array_equal(annotation.labels, np.asarray(draw_scene([1, 2, 3])))


def test_mode_color_looks_through_the_palette(tmp_path):
    palette = np.zeros((256, 3))
    palette[[0, 3, 8]] = [[255, 0, 0], [0, 0, 0], [0, 0, 255]]
    labels = np.where(SCENE == 0, 3, np.where(SCENE == 1, 0, 8))
    indexed = with_palette(labels, palette)
    np.testing.assert_array_equal(read(indexed, tmp_path, mode="color").labels, np.where(SCENE == 1, 2, SCENE // 2))
    assert any("paints index 3 black" in note for note in read(indexed, tmp_path).notes)


def test_mode_binary_makes_one_object_of_all(tmp_path):
    for picture in (with_palette(SCENE), draw_scene([90, 100]), draw_scene([RED, BLUE], "RGB")):
        np.testing.assert_array_equal(read(picture, tmp_path, mode="binary").labels, SCENE > 0)


def test_mode_index_repairs_nothing(tmp_path):
    levels = np.asarray(smooth_scene([40])).clip(0, 40)
    annotation = read(Image.fromarray(levels), tmp_path, mode="index")
    np.testing.assert_array_equal(annotation.labels, levels)


def test_mode_index_knows_the_colours_of_the_palette(tmp_path):
    annotation = read(draw_scene([colour_of(4), colour_of(255)], "RGB"), tmp_path, mode="index")
    np.testing.assert_array_equal(annotation.labels, np.asarray(draw_scene([4, 0])))


def test_unknown_mode(tmp_path):
    with pytest.raises(UsageError, match=r"no mask mode 'alpha'.*auto, index, binary, color"):
        read(draw_scene([1]), tmp_path, mode="alpha")


def test_specks_and_full_pictures_are_named(tmp_path):
    labels = np.ones(SIZE, np.uint8)
    labels[5, 5:10] = 3
    annotation = read(with_palette(labels), tmp_path)
    assert annotation.notes == ("object 3 has only 5 pixels", "no pixel is background")


def test_frame_index_is_kept_and_size_is_optional(tmp_path):
    path = save(with_palette(SCENE), tmp_path)
    annotation = load_masks(str(path), None, frame_index=120)
    assert annotation.frame_index == 120
    assert annotation.labels.shape == SIZE
