"""The library: clips, stills, cut-outs and backgrounds in memory, scaled down, without what cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from footage_cases import frame, labels, write, write_loose_clip, write_masks, write_sequence
from PIL import Image
from synthetic_clips import make_clip, pattern_image

from vostool.datasets.footage import ClipFiles, Footage, find_footage
from vostool.datasets.library import Library, Still, VideoClip, load_library
from vostool.errors import InputError
from vostool.types import Frame, VideoInfo
from vostool.video.reading.interface import VideoReader

STILL = Still("pot", torch.zeros(3, 4, 6, dtype=torch.uint8), torch.ones(4, 6, dtype=torch.uint8))


def load_one(root: Path, *, short_side: int = 480, year: int | None = None) -> tuple[VideoClip, list[str]]:
    notes: list[str] = []
    library = load_library(find_footage(root), short_side=short_side, year=year, on_note=notes.append)
    (clip,) = library.videos
    return clip, notes


def truncate(path: Path, num_bytes: int) -> None:
    path.write_bytes(path.read_bytes()[:num_bytes])


def test_frames_and_sparse_masks(tmp_path: Path) -> None:
    write_loose_clip(tmp_path, {1: labels(4), 3: labels(4, 9)})
    clip, notes = load_one(tmp_path)
    assert notes == []
    assert (clip.name, clip.annotated) == ("ant", (0, 2))
    assert [int(image.max()) for image in clip.images] == [10, 20, 30]
    assert all(image.shape == (3, 12, 18) and image.dtype == torch.uint8 for image in clip.images)
    last = clip.labels[2]
    assert last is not None
    assert last.dtype == torch.uint8
    np.testing.assert_array_equal(last.numpy(), labels(1, 2))


def test_colours_are_red_green_blue(tmp_path: Path) -> None:
    images, _ = write_loose_clip(tmp_path, {0: labels(1), 1: labels(1)})
    pixels = np.random.default_rng(0).integers(0, 256, (12, 18, 3), dtype=np.uint8)
    write(images / "00000.png", pixels)
    clip, _ = load_one(tmp_path)
    np.testing.assert_array_equal(clip.images[0].permute(1, 2, 0).numpy(), pixels)


def test_a_video_gives_the_frames_that_its_masks_name(tmp_path: Path) -> None:
    make_clip(tmp_path / "bee.mp4", num_frames=8)
    write_masks(tmp_path / "bee_masks", {index: labels(1, height=48, width=64) for index in (2, 5)})
    clip, notes = load_one(tmp_path)
    assert (notes, len(clip.images), clip.annotated) == ([], 4, (0, 3))
    for place, image in enumerate(clip.images):
        difference = image.permute(1, 2, 0).numpy().astype(int) - pattern_image(place + 2).astype(int)
        assert np.abs(difference).mean() < 3


def test_masks_past_the_estimated_end_of_a_video(tmp_path: Path) -> None:
    make_clip(tmp_path / "bee.webm", num_frames=4, codec="libvpx-vp9")
    write_masks(tmp_path / "bee_masks", {index: labels(1, height=48, width=64) for index in (0, 1, 6)})
    clip, notes = load_one(tmp_path)
    assert (len(clip.images), clip.annotated) == (4, (0, 1))
    assert notes == ["bee: 3 frames left out, damaged or past the end of its 4 frames"]


class DamagedReader(VideoReader):
    """Six frames, the third one damaged, and nothing to be read behind the fifth."""

    is_short = False

    def _read(self) -> Iterator[Frame]:
        for index in range(5):
            yield Frame(index, index, Fraction(1), frame(index), is_corrupt=index == 2)
        raise AssertionError("read on behind the last mask")

    def close(self) -> None:
        """Nothing is open."""


def test_damaged_frames_of_a_video_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    info = VideoInfo(Path("bee.mp4"), 18, 12, Fraction(1), Fraction(1), 6)
    monkeypatch.setattr("vostool.datasets.library.open_video", lambda path: DamagedReader(info))
    monkeypatch.setattr("vostool.datasets.library.read_values", lambda path: labels(1))
    files = ClipFiles("bee", info.path, {index: Path() for index in (1, 2, 4)}, (12, 18), 1)
    notes: list[str] = []
    (clip,) = load_library(Footage((files,)), on_note=notes.append).videos
    assert ([int(image.max()) for image in clip.images], clip.annotated) == ([10, 30, 40], (0, 2))
    assert notes == ["bee: 1 frame left out, damaged or past the end of its 5 frames"]


def test_scaled_down_and_never_up(tmp_path: Path) -> None:
    write_loose_clip(tmp_path, {0: labels(1), 1: labels(1)})
    small, _ = load_one(tmp_path, short_side=6)
    mask = small.labels[0]
    assert mask is not None
    assert (small.images[0].shape, mask.shape) == ((3, 6, 9), (6, 9))
    assert set(mask.unique().tolist()) == {0, 1}


def test_years(tmp_path: Path) -> None:
    write_sequence(tmp_path, "ant", {0: labels(1, 2, 255), 1: labels(1)})
    for year, expected in ((None, labels(1, 2, 0)), (2017, labels(1, 2, 0)), (2016, labels(1, 1, 1))):
        clip, _ = load_one(tmp_path, year=year)
        mask = clip.labels[0]
        assert mask is not None
        np.testing.assert_array_equal(mask.numpy(), expected)


def test_white_masks_are_one_object(tmp_path: Path) -> None:
    write_loose_clip(tmp_path, {0: labels(255), 1: labels()})
    clip, _ = load_one(tmp_path)
    assert [int(mask.max()) for mask in clip.labels if mask is not None] == [1, 0]


def test_truncated_frames_are_left_out(tmp_path: Path) -> None:
    """A header that can be read promises more than there is."""
    images, _ = write_loose_clip(tmp_path, {0: labels(1), 1: labels(1), 2: labels(1)})
    noise = np.random.default_rng(0).integers(0, 256, (12, 18, 3), dtype=np.uint8)
    truncate(write(images / "00001.png", noise), 200)
    clip, notes = load_one(tmp_path)
    assert (len(clip.images), clip.annotated) == (2, (0, 1))
    assert notes == [f"picture left out: {images / '00001.png'} is damaged or not an image"]


def test_a_clip_without_enough_good_frames_is_left_out(tmp_path: Path) -> None:
    images, _ = write_loose_clip(tmp_path, {0: labels(1), 1: labels(1)})
    noise = np.random.default_rng(0).integers(0, 256, (12, 18, 3), dtype=np.uint8)
    truncate(write(images / "00001.png", noise), 200)
    notes: list[str] = []
    with pytest.raises(InputError, match="no clip and no still"):
        load_library(find_footage(tmp_path), on_note=notes.append)
    assert notes[-1] == "ant: fewer than two of its frames with a mask can be read; clip left out"


def test_frames_that_turn_out_to_have_another_size(tmp_path: Path) -> None:
    write_loose_clip(tmp_path, {0: labels(1), 1: labels(1)})
    (files,) = find_footage(tmp_path).clips
    notes: list[str] = []
    with pytest.raises(InputError, match="no clip and no still"):
        load_library(Footage((replace(files, size=(18, 12)),)), on_note=notes.append)
    assert notes == ["ant: frame 0 has another size than the others; clip left out"]


def write_picture_folders(root: Path) -> None:
    write(root / "stills" / "pots" / "images" / "a.jpg", frame(5))
    write(root / "stills" / "pots" / "masks" / "a.png", labels(3, 7))
    write(root / "stills" / "pots" / "images" / "bare.jpg", frame(5))
    cutout = np.dstack([frame(9), labels(127, 128, 255)])
    (root / "cutouts" / "deep").mkdir(parents=True)
    Image.fromarray(cutout).save(root / "cutouts" / "deep" / "b.webp", lossless=True, exact=True)
    write(root / "backgrounds" / "c.png", frame(2))


def test_stills_cutouts_and_backgrounds(tmp_path: Path) -> None:
    write_picture_folders(tmp_path)
    folders = {name: tmp_path / name for name in ("stills", "cutouts", "backgrounds")}
    library = load_library(Footage(), stills=folders["stills"], cutouts=folders["cutouts"],
                           backgrounds=folders["backgrounds"], short_side=12)  # fmt: skip
    (still,), (cutout,), (background,) = library.stills, library.cutouts, library.backgrounds
    assert (still.name, cutout.name) == ("pots/a", "deep/b")
    np.testing.assert_array_equal(still.labels.numpy(), labels(1, 2))
    np.testing.assert_array_equal(cutout.labels.numpy(), labels(0, 1, 1))
    assert int(cutout.image.min()) == int(cutout.image.max()) == 90
    assert background.shape == still.image.shape == (3, 12, 18)
    assert library.num_bytes == 12 * 18 * (4 + 4 + 3)


def test_stills_with_more_objects_than_a_clip_may_have(tmp_path: Path) -> None:
    ids = np.repeat(np.arange(1, 121, dtype=np.uint8)[None], 9, axis=0)
    write(tmp_path / "set" / "images" / "a.png", np.repeat(ids[:, :, None], 3, axis=2))
    (tmp_path / "set" / "masks").mkdir()
    Image.fromarray(ids).save(tmp_path / "set" / "masks" / "a.png")
    (still,) = load_library(Footage(), stills=tmp_path).stills
    np.testing.assert_array_equal(still.labels.numpy(), ids)


def test_stills_that_cannot_be_used_are_noted(tmp_path: Path) -> None:
    write_picture_folders(tmp_path)
    folder = tmp_path / "stills" / "pots"
    for name, mask in {"empty": labels(), "large": labels(1, height=20), "damaged": labels(1)}.items():
        write(folder / "images" / f"{name}.png", frame(1))
        write(folder / "masks" / f"{name}.png", mask)
    (folder / "images" / "damaged.png").write_text("no picture")
    notes: list[str] = []
    library = load_library(Footage(), stills=tmp_path / "stills", on_note=notes.append)
    assert len(library.stills) == 1
    assert sorted(note.partition(str(folder))[2] for note in notes) == [
        "/images/damaged.png is damaged or not an image",
        "/masks/empty.png is empty, no pixel marks an object",
        "/masks/large.png is 18x20, its picture 18x12",
    ]


@pytest.mark.parametrize("kind", ["stills", "cutouts", "backgrounds"])
def test_folders_without_pictures_are_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError, match="no pictures in"):
        load_library(Footage(), **{kind: tmp_path})  # type: ignore[arg-type]
    if kind == "stills":
        write(tmp_path / "a.png", frame(0))
        with pytest.raises(InputError, match="no pictures with masks in"):
            load_library(Footage(), stills=tmp_path)


def test_bytes_are_those_of_the_estimate(tmp_path: Path) -> None:
    write_sequence(tmp_path, "ant", {1: labels(1), 4: labels(1)})
    footage = find_footage(tmp_path)
    assert load_library(footage, short_side=8).num_bytes == footage.num_bytes(8) == 8 * 12 * (3 * 4 + 2)


def test_moving_takes_every_tensor_along() -> None:
    clip = VideoClip("ant", (STILL.image, STILL.image), (None, STILL.labels))
    moved = Library((clip,), (STILL,), (STILL,), (STILL.image,)).to(torch.device("meta"))
    tensors = [*moved.videos[0].images, moved.videos[0].labels[1], moved.stills[0].image, moved.stills[0].labels]
    tensors += [moved.cutouts[0].image, moved.cutouts[0].labels, *moved.backgrounds]
    assert all(tensor is not None and tensor.is_meta for tensor in tensors)
    assert (moved.videos[0].annotated, moved.videos[0].name) == ((1,), "ant")


def test_backgrounds_alone_are_nothing_to_learn_from() -> None:
    assert Library(backgrounds=(STILL.image,)).is_empty
    assert not Library(cutouts=(STILL,)).is_empty


def test_linked_folders_are_followed(tmp_path: Path) -> None:
    write_picture_folders(tmp_path / "elsewhere")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "pots").symlink_to(tmp_path / "elsewhere" / "stills" / "pots")
    (still,) = load_library(Footage(), stills=tmp_path / "linked").stills
    assert still.name == "pots/a"
