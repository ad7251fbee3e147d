"""Masks of any frame, as users name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from mask_pictures import HEIGHT, WIDTH, draw_scene, save
from synthetic_clips import make_clip

from vostool.errors import MaskError, UsageError
from vostool.pipelines.masks import MaskSource, parse_mask_option, read_annotations
from vostool.types import VideoInfo
from vostool.video.reading.position import FrameIndex, Position, Seconds, Timecode
from vostool.video.reading.reader import open_video

INFO = VideoInfo(Path("clip.mp4"), WIDTH, HEIGHT, Fraction(25), Fraction(1, 25), 400, True)


def find(positions: Sequence[Position]) -> Mapping[Position, int]:
    """A clip of 25 frames a second."""
    return {
        each: each.index if isinstance(each, FrameIndex) else int(each.seconds * 25)
        for each in positions
        if not isinstance(each, Timecode)
    }


def frames_of(source: MaskSource, info: VideoInfo = INFO) -> tuple[int, ...]:
    return read_annotations(source, info, find).frames


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    return save(draw_scene([1, 2]), tmp_path, "first.png")


def test_masks_of_frames_and_times(mask: Path) -> None:
    source = MaskSource(masks=(str(mask), f"120={mask}", f"00:00:07.5={mask}", f"4.0s={mask}"))
    assert frames_of(source) == (0, 100, 120, 187)


def test_timecodes_are_taken(mask: Path) -> None:
    assert parse_mask_option(f"00:00:07:12={mask}") == (Timecode(7, 12), mask)


def test_a_file_with_an_equals_sign_in_its_name_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = save(draw_scene([1]), Path(), "120=fix.png")
    assert parse_mask_option(str(path)) == (FrameIndex(0), path)
    assert parse_mask_option(f"7={path}") == (FrameIndex(7), path)
    assert parse_mask_option("4s=b.png") == (Seconds(Fraction(4)), Path("b.png"))


@pytest.mark.parametrize(
    ("text", "message"), [("x=b.png", "no such file, and 'x' is neither a frame"), ("120=", "names no file")]
)
def test_texts_that_are_neither_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_mask_option(text)


def test_two_masks_of_one_frame_are_refused_by_name(mask: Path) -> None:
    for source in (
        MaskSource(masks=(f"100={mask}", f"4s={mask}")),
        MaskSource(mask=mask, masks=(str(mask),)),
        MaskSource(mask=mask, objects=(f"1={mask}",)),
    ):
        with pytest.raises(UsageError, match=r"frame (100|0) is drawn twice, by --mask .*first.png and --"):
            frames_of(source)


def test_nothing_given_says_how_to_paint() -> None:
    with pytest.raises(UsageError, match=r"vostool frame clip.mp4 -o first.png"):
        frames_of(MaskSource())


def test_a_folder_of_masks_goes_by_the_last_number(tmp_path: Path) -> None:
    for name in ("shot2_0007.png", "shot2_0012.png"):
        save(draw_scene([1]), tmp_path, name)
    assert frames_of(MaskSource(mask_folder=tmp_path)) == (7, 12)
    assert frames_of(MaskSource(mask_folder=tmp_path, mask_base=1)) == (6, 11)
    with pytest.raises(MaskError, match=r"shot2_0007.png has the number 7, below the first frame's 8"):
        frames_of(MaskSource(mask_folder=tmp_path, mask_base=8))


def test_masks_named_as_the_images_of_a_clip_belong_to_them(tmp_path: Path) -> None:
    for name in ("shot.1002.png", "shot.1003.png"):
        save(draw_scene([1]), tmp_path, name)
    names = tuple(f"shot.{number}" for number in range(1001, 1005))
    clip = VideoInfo(Path("clip"), WIDTH, HEIGHT, Fraction(24), Fraction(1, 24), 4, frame_names=names)
    assert frames_of(MaskSource(mask_folder=tmp_path), clip) == (1, 2)
    assert frames_of(MaskSource(mask_folder=tmp_path, mask_base=1000), clip) == (2, 3)


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["a1.png", "b1.png"], UsageError, "frame 1 is drawn twice, by --masks .*a1.png and --masks .*b1.png"),
        (["first.png"], MaskError, "first.png has no frame number"),
        ([], MaskError, "has no pictures"),
    ],
)
def test_folders_that_are_not_clear_are_refused(
    tmp_path: Path, names: list[str], error: type[Exception], message: str
) -> None:
    for name in names:
        save(draw_scene([1]), tmp_path, name)
    with pytest.raises(error, match=message):
        frames_of(MaskSource(mask_folder=tmp_path))


def test_objects_of_any_frame(tmp_path: Path) -> None:
    person, dog = save(draw_scene([255, 0]), tmp_path, "a.png"), save(draw_scene([0, 255]), tmp_path, "b.png")
    source = MaskSource(objects=(f"1={person}", f"120:1={person}", f"120:2={dog}", f"00:00:08:3={dog}"))
    annotations = read_annotations(source, INFO, find)
    assert [(index, annotations[index].object_ids) for index in annotations] == [(0, (1,)), (120, (1, 2)), (200, (3,))]
    with pytest.raises(UsageError, match="'x' is neither"):
        read_annotations(MaskSource(objects=(f"x:1={person}",)), INFO, find)


def test_a_mask_beyond_the_end_is_named(tmp_path: Path, mask: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", num_frames=6, size=(HEIGHT, WIDTH))
    with open_video(clip) as reader:
        info = reader.info
    assert read_annotations(MaskSource(masks=(f"5={mask}", f"0.04s={mask}")), info).frames == (1, 5)
    with pytest.raises(UsageError, match=r"--mask 6=.*first.png: .*clip.mp4 has no frame 6: it has 6 frames"):
        read_annotations(MaskSource(masks=(str(mask), f"6={mask}")), info)


def test_exactness_reaches_the_annotations(mask: Path) -> None:
    annotations = read_annotations(MaskSource(mask, is_exact=True), INFO, find)
    assert annotations[0].is_exact
    np.testing.assert_array_equal(annotations[0].labels, np.asarray(draw_scene([1, 2])))


def test_masks_without_a_moment_belong_to_the_first_frame_taken(mask: Path) -> None:
    source = MaskSource(masks=(str(mask), f"0={mask}"))
    assert read_annotations(source, INFO, find, first_frame=50).frames == (0, 50)
    for alone in (MaskSource(mask), MaskSource(objects=(f"1={mask}",))):
        assert read_annotations(alone, INFO, find, first_frame=50).frames == (50,)
