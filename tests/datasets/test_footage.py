"""Footage: the layouts that are understood, and one line for each thing that cannot be used."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from footage_cases import (
    HEIGHT,
    WIDTH,
    find_one_problem,
    frame,
    labels,
    write,
    write_frames,
    write_loose_clip,
    write_masks,
    write_sequence,
)
from synthetic_clips import make_clip

from vostool.datasets.footage import find_footage
from vostool.errors import InputError, UsageError

THREE_MASKS = {0: labels(1), 1: labels(1), 4: labels(1)}


@pytest.mark.parametrize("inner", ["", "480p", "Full-Resolution"])
@pytest.mark.parametrize("split", ["", "train"])
def test_data_sets(tmp_path: Path, split: str, inner: str) -> None:
    write_sequence(tmp_path / split, "whale", THREE_MASKS, inner)
    write_sequence(tmp_path / split, "ant", {index: labels(255) for index in range(5)}, inner)
    (tmp_path / split / "meta.json").write_text("{}")
    footage = find_footage(tmp_path)
    assert footage.problems == ()
    ant, whale = footage.clips
    assert (ant.name, ant.num_objects, ant.size, list(ant.masks)) == ("ant", 1, (12, 18), [0, 1, 2, 3, 4])
    assert list(whale.masks) == [0, 1, 4]
    assert whale.masks[4] == tmp_path / split / "Annotations" / inner / "whale" / "00004.png"
    assert isinstance(whale.frames, tuple)
    assert [path.stem for path in whale.frames] == ["00000", "00001", "00002", "00003", "00004"]


def test_sparse_masks_and_late_objects(tmp_path: Path) -> None:
    """YouTube-VOS has masks of some frames, and objects that enter later."""
    write_sequence(tmp_path, "fox", {1: labels(1), 3: labels(1, 2, 5)})
    (fox,) = find_footage(tmp_path).clips
    assert (fox.num_objects, fox.span) == (3, range(1, 4))
    assert fox.num_bytes(6) == 6 * 9 * (3 * 3 + 2)


def test_what_segment_wrote_beside_the_clips(tmp_path: Path) -> None:
    make_clip(tmp_path / "bee.mp4", num_frames=6)
    write_masks(tmp_path / "bee_masks", {index: labels(1, 2, height=48, width=64) for index in range(6)})
    make_clip(tmp_path / "bee_overlay.mp4", num_frames=6)
    write_loose_clip(tmp_path, THREE_MASKS)
    footage = find_footage(tmp_path)
    assert footage.problems == ()
    ant, bee = footage.clips
    assert isinstance(ant.frames, tuple)
    assert (bee.frames, bee.size, bee.num_objects, bee.span) == (tmp_path / "bee.mp4", (48, 64), 2, range(6))
    assert footage.num_bytes(480) == ant.num_bytes(480) + bee.num_bytes(480) == 12 * 18 * 18 + 48 * 64 * 24


def test_masks_keep_the_names_of_the_frames(tmp_path: Path) -> None:
    for index, name in enumerate(("shot_9", "shot_10", "shot_11")):
        write(tmp_path / "ant" / f"{name}.png", frame(index))
    for name in ("shot_9", "shot_11"):
        write(tmp_path / "ant_masks" / f"{name}.png", labels(1))
    (ant,) = find_footage(tmp_path).clips
    assert list(ant.masks) == [0, 2]


def test_chosen_and_held_out(tmp_path: Path) -> None:
    for name in ("ant", "bee", "cow"):
        write_sequence(tmp_path, name, THREE_MASKS)
    assert [clip.name for clip in find_footage(tmp_path, sequences=["cow", "ant"]).clips] == ["cow", "ant"]
    assert [clip.name for clip in find_footage(tmp_path, held_out=["bee", "none"]).clips] == ["ant", "cow"]
    with pytest.raises(UsageError, match=r"no clip dog in .*; it holds ant, bee, cow"):
        find_footage(tmp_path, sequences=["dog"])


def remove_masks(images: Path, masks: Path) -> None:
    for path in masks.iterdir():
        path.unlink()


def damage_frame(images: Path, masks: Path) -> None:
    (images / "00001.png").write_text("no picture")


def damage_mask(images: Path, masks: Path) -> None:
    (masks / "00001.png").write_text("no picture")


def damage_all_frames(images: Path, masks: Path) -> None:
    for path in images.iterdir():
        path.write_text("no picture")


def resize_frame(images: Path, masks: Path) -> None:
    write(images / "00003.png", frame(3, width=20))


def resize_mask(images: Path, masks: Path) -> None:
    write(masks / "00001.png", labels(1, height=24))


def leave_one_mask(images: Path, masks: Path) -> None:
    for name in ("00001.png", "00004.png"):
        (masks / name).unlink()


def add_masks(images: Path, masks: Path) -> None:
    write_masks(masks, {index: labels(1) for index in range(5, 10)})


def empty_masks(images: Path, masks: Path) -> None:
    write_masks(masks, {index: labels() for index in THREE_MASKS})


def add_twin(images: Path, masks: Path) -> None:
    write(images / "00001.jpg", frame(1))


Damage = Callable[[Path, Path], None]
REFUSED: dict[Damage, str] = {
    remove_masks: r"ant: the folder .*ant_masks has no images",
    damage_all_frames: r"ant: none of its images can be read; clip left out",
    resize_frame: r"ant: 00003\.png is 20x12, but 00000\.png is 18x12; clip left out",
    leave_one_mask: r"ant: only one frame has a mask, two are needed; clip left out",
    empty_masks: r"ant: no mask marks an object; clip left out",
    add_twin: r"ant: .* has two images of one name: .*; clip left out",
}
LEFT_OUT: dict[Damage, tuple[str, list[int]]] = {
    damage_frame: ("ant: 1 image left out (00001.png): cannot be read", [0, 3]),
    damage_mask: ("ant: 1 mask left out (00001.png): 00001.png is not a picture (10 bytes of something else)", [0, 4]),
    resize_mask: ("ant: 1 mask left out (00001.png): 18x24, but the frames are 18x12", [0, 4]),
    add_masks: (
        "ant: 5 masks left out (00005.png, 00006.png, 00007.png and 2 more): no frame of that name",
        [0, 1, 4],
    ),
}


@pytest.mark.parametrize(("damage", "problem"), REFUSED.items())
def test_clips_that_cannot_be_used(tmp_path: Path, damage: Damage, problem: str) -> None:
    damage(*write_loose_clip(tmp_path, THREE_MASKS))
    with pytest.raises(InputError, match=problem) as caught:
        find_footage(tmp_path)
    assert "DAVIS or YouTube-VOS layout" in caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("damage", "outcome"), LEFT_OUT.items())
def test_files_that_cannot_be_used(tmp_path: Path, damage: Damage, outcome: tuple[str, list[int]]) -> None:
    damage(*write_loose_clip(tmp_path, THREE_MASKS))
    footage, problem = find_one_problem(tmp_path)
    assert (problem, list(footage.clips[0].masks)) == outcome


def test_the_other_clips_are_kept(tmp_path: Path) -> None:
    write_loose_clip(tmp_path, THREE_MASKS)
    write_frames(tmp_path / "bee")
    write_masks(tmp_path / "bee_masks", {0: labels(1)})
    footage, problem = find_one_problem(tmp_path)
    assert [clip.name for clip in footage.clips] == ["ant"]
    assert problem == "bee: only one frame has a mask, two are needed; clip left out"


def test_sequence_without_masks(tmp_path: Path) -> None:
    write_sequence(tmp_path, "ant", THREE_MASKS)
    write_frames(tmp_path / "JPEGImages" / "bee")
    _, problem = find_one_problem(tmp_path)
    assert problem == f"bee: no masks, there is no folder {tmp_path / 'Annotations' / 'bee'}; clip left out"


def test_an_empty_mask_among_others_is_kept(tmp_path: Path) -> None:
    """The object is hidden there, which is worth learning."""
    write_loose_clip(tmp_path, THREE_MASKS | {2: labels()})
    (ant,) = find_footage(tmp_path).clips
    assert list(ant.masks) == [0, 1, 2, 4]


def test_a_mask_without_background_is_left_out(tmp_path: Path) -> None:
    write_loose_clip(tmp_path, THREE_MASKS | {2: np.ones((HEIGHT, WIDTH), np.uint8)})
    footage, problem = find_one_problem(tmp_path)
    assert list(footage.clips[0].masks) == [0, 1, 4]
    assert problem == "ant: 1 mask left out (00002.png): it covers the whole picture"


def test_masks_past_the_end_of_a_video(tmp_path: Path) -> None:
    make_clip(tmp_path / "bee.mp4", num_frames=3)
    masks = {index: labels(1, height=48, width=64) for index in range(4)}
    write_masks(tmp_path / "bee_masks", masks)
    write(tmp_path / "bee_masks" / "final.png", masks[0])
    footage, problem = find_one_problem(tmp_path)
    assert problem == "bee: 2 masks left out (00003.png, final.png): no frame of that name"
    assert list(footage.clips[0].masks) == [0, 1, 2]


def test_clips_and_masks_that_do_not_pair(tmp_path: Path) -> None:
    write_loose_clip(tmp_path, THREE_MASKS)
    write_masks(tmp_path / "bee_masks", {0: labels(1)})
    write_masks(tmp_path / "cow_masks", {0: labels(1)})
    for name in ("cow.mp4", "cow.MOV", "dog.webm"):
        (tmp_path / name).touch()
    assert find_footage(tmp_path).problems == (
        "bee_masks: has no clip beside it; left out",
        "cow_masks: cow.MOV, cow.mp4 may be its clip; left out",
        "1 video without masks left out (dog.webm)",
    )


def test_a_video_that_is_none(tmp_path: Path) -> None:
    write_loose_clip(tmp_path, THREE_MASKS)
    (tmp_path / "bee.mp4").write_text("no video")
    write_masks(tmp_path / "bee_masks", {0: labels(1)})
    _, problem = find_one_problem(tmp_path)
    assert problem.startswith("bee: ")
    assert problem.endswith("clip left out")


def test_videos_need_pyav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_loose_clip(tmp_path, THREE_MASKS)
    make_clip(tmp_path / "bee.mp4", num_frames=3)
    write_masks(tmp_path / "bee_masks", {0: labels(1)})
    monkeypatch.setitem(sys.modules, "vostool.video.reading.decoding", None)
    _, problem = find_one_problem(tmp_path)
    assert problem.startswith("bee: bee.mp4 cannot be read without PyAV")


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        find_footage(tmp_path / "none")
    with pytest.raises(InputError, match=r"holds no clips with masks; give a data set in DAVIS .* CLIP_masks/"):
        find_footage(tmp_path)
    (tmp_path / "JPEGImages").mkdir()
    with pytest.raises(InputError, match="no folder Annotations"):
        find_footage(tmp_path)


def test_real_sequences(shared_folder: Path) -> None:
    footage = find_footage(shared_folder / "data" / "davis2016-train", sequences=["bus", "bear"])
    found = [(clip.name, len(clip.masks), clip.num_objects, min(clip.size)) for clip in footage.clips]
    assert found == [("bus", 80, 1, 400), ("bear", 81, 1, 400)]
    assert footage.problems == ("bear: 1 mask left out (00077.png): it covers the whole picture",)
