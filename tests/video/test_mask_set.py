"""Masks of many frames as one set: ids, colours, notes, and nothing kept in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mask_pictures import BLUE, GREEN, HEIGHT, RED, WIDTH, draw_scene, save, with_palette
from PIL import Image

from vostool.errors import MaskError
from vostool.video.colour.palette import colour_of
from vostool.video.masks.annotation_set import AnnotationSet, Drawing

SIZE = (HEIGHT, WIDTH)


def rgb(*colours: tuple[int, int, int]) -> Image.Image:
    return draw_scene(list(colours), "RGB", (0, 0, 0))


def make_set(folder: Path, pictures: dict[int, Image.Image], **options: bool) -> AnnotationSet:
    drawings = [Drawing(index, save(image, folder, f"{index:05}.png")) for index, image in pictures.items()]
    return AnnotationSet(drawings, SIZE, **options)  # type: ignore[arg-type]


def ids_of(annotations: AnnotationSet) -> list[tuple[int, ...]]:
    return [annotations[index].object_ids for index in annotations]


def test_ids_are_kept_and_joined_whatever_the_order_given(tmp_path: Path) -> None:
    annotations = make_set(tmp_path, {120: with_palette(np.asarray(draw_scene([3]))), 0: draw_scene([1, 2])})
    assert (annotations.frames, list(annotations), len(annotations)) == ((0, 120), [0, 120], 2)
    assert annotations.object_ids == (1, 2, 3)
    np.testing.assert_array_equal(annotations[0].labels, np.asarray(draw_scene([1, 2])))
    assert (annotations[120].frame_index, annotations[120].object_ids) == (120, (3,))
    assert 7 not in annotations
    assert annotations.get(7) is None
    assert annotations.notes[1] == "frame 120: 00120.png: indexed PNG, 160x96, 1 object (3)"


def test_one_mask_of_the_first_frame_is_told_as_ever(tmp_path: Path) -> None:
    annotations = make_set(tmp_path, {0: rgb(RED, GREEN)})
    assert annotations.notes == (
        "00000.png: colours of RGB PNG, 160x96, 2 objects (1, 2); "
        "#00ff00 is object 1, #ff0000 is object 2 (in the order of #rrggbb)",
    )


def test_a_colour_has_one_id_over_all_masks(tmp_path: Path) -> None:
    annotations = make_set(tmp_path, {0: rgb(RED), 5: rgb(BLUE, RED), 9: rgb(GREEN, BLUE)})
    assert annotations.object_ids == (1, 2, 3)
    assert ids_of(annotations) == [(1,), (1, 2), (2, 3)]
    left, right = annotations[5].labels[HEIGHT // 2, [WIDTH // 4, 3 * WIDTH // 4]]
    assert (left, right) == (2, 1)
    assert annotations.notes[2].endswith("#0000ff is object 2, #00ff00 is object 3 (one id per colour over all masks)")


def test_palette_colours_keep_their_ids_and_others_take_free_ones(tmp_path: Path) -> None:
    pictures = {0: rgb(colour_of(2), colour_of(1)), 4: rgb(colour_of(2), RED), 8: rgb(GREEN)}
    annotations = make_set(tmp_path, pictures)
    assert ids_of(annotations) == [(1, 2), (2, 3), (4,)]


def test_colours_do_not_take_the_ids_of_indexed_masks(tmp_path: Path) -> None:
    annotations = make_set(tmp_path, {0: rgb(RED), 4: with_palette(np.asarray(draw_scene([1, 2])))})
    assert ids_of(annotations) == [(3,), (1, 2)]


def test_a_painted_fix_of_a_black_and_white_mask_is_the_same_object(tmp_path: Path) -> None:
    assert make_set(tmp_path, {0: draw_scene([255]), 4: rgb(RED)}).object_ids == (1,)


def test_a_mask_without_ids_among_others_is_told(tmp_path: Path) -> None:
    annotations = make_set(tmp_path, {0: draw_scene([1, 2]), 6: draw_scene([255])})
    assert ids_of(annotations) == [(1, 2), (1,)]
    told = "00006.png shows one object, read as object 1; the masks together have 1, 2"
    assert annotations.notes[-1] == told


def test_many_masks_are_told_in_few_lines(tmp_path: Path) -> None:
    annotations = make_set(tmp_path, {index: draw_scene([1, 2]) for index in range(20)})
    assert len(annotations.notes) == 9
    assert annotations.notes[-1].startswith("20 masks in all;")


def test_all_are_checked_at_once_and_the_error_names_the_file(tmp_path: Path) -> None:
    small = Image.new("L", (20, 90), 1)
    with pytest.raises(MaskError, match=r"00007.png is 20x90"):
        make_set(tmp_path, {0: draw_scene([1]), 7: small})


def test_only_an_exact_mask_may_be_empty(tmp_path: Path) -> None:
    pictures = {0: draw_scene([1]), 7: Image.new("L", (WIDTH, HEIGHT))}
    with pytest.raises(MaskError, match=r"00007.png is empty"):
        make_set(tmp_path, pictures)
    annotations = make_set(tmp_path, pictures, is_exact=True)
    assert (annotations[7].object_ids, annotations[7].is_exact) == ((), True)
    with pytest.raises(MaskError, match="none of the 1 masks"):
        make_set(tmp_path, {7: pictures[7]}, is_exact=True)


def test_one_picture_per_object_in_any_frame(tmp_path: Path) -> None:
    person, dog = save(draw_scene([255, 0]), tmp_path, "a.png"), save(draw_scene([0, 255]), tmp_path, "b.png")
    annotations = AnnotationSet([Drawing(0, objects={4: person}), Drawing(3, objects={2: dog})], SIZE)
    assert (annotations.object_ids, ids_of(annotations)) == ((2, 4), [(4,), (2,)])


def test_together_there_may_be_no_more_than_can_be_followed(tmp_path: Path) -> None:
    first, second = (np.repeat(np.arange(start, start + 40), 2)[None].repeat(40, 0) for start in (0, 40))
    pictures = {0: with_palette(first), 1: with_palette(second)}
    with pytest.raises(MaskError, match="79 objects, more than the 64"):
        AnnotationSet([Drawing(i, save(image, tmp_path, f"{i}.png")) for i, image in pictures.items()], (40, 80))
