from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from video_results import (
    OBJECT_IDS,
    make_info,
    make_results,
    read_times,
    write_all,
)

from vostool.errors import OutputError, VostoolError
from vostool.video.colour.palette import davis_palette
from vostool.video.writing.overlay import draw_overlay
from vostool.video.writing.sinks import open_sink


def test_masks_are_indexed(tmp_path: Path) -> None:
    path = tmp_path / "masks"
    write_all("masks", path)
    assert [still.name for still in sorted(path.iterdir())] == [f"{index:05d}.png" for index in range(8)]
    for result, still in zip(make_results(), sorted(path.iterdir()), strict=True):
        with Image.open(still) as image:
            assert image.mode == "P"
            assert np.array_equal(np.asarray(image), result.labels)
            assert image.getpalette() == davis_palette().ravel().tolist()


def test_other_kinds_are_stills(tmp_path: Path) -> None:
    for kind, mode in (("overlay", "RGB"), ("alpha", "RGBA"), ("cutout", "RGBA"), ("matte", "L")):
        write_all(kind, tmp_path / kind)
        for result, still in zip(make_results(), sorted((tmp_path / kind).iterdir()), strict=True):
            with Image.open(still) as image:
                assert image.mode == mode
                pixels = np.asarray(image)
            alpha = np.rint(np.clip(result.alpha.sum(axis=0), 0, 1) * 255)
            if kind == "matte":
                assert np.array_equal(pixels, alpha)
            if kind == "alpha":
                assert np.array_equal(pixels, np.dstack([result.frame.image, alpha]))
            if kind == "cutout":
                assert np.array_equal(pixels[:, :, 3], alpha)
                assert not pixels[alpha == 0].any()
                assert np.array_equal(pixels[alpha > 0][:, :3], result.frame.image[alpha > 0])
            if kind == "overlay":
                assert np.array_equal(pixels, draw_overlay(result.frame.image, result.labels))


def test_a_folder_of_images_gives_its_names(tmp_path: Path) -> None:
    info = make_info(tmp_path, time_base=Fraction(1, 24), is_image_folder=True, frame_names=("a", "b10", "b9.x"))
    pts = (0, 1, 2)
    results = list(make_results(3, pts=pts, time_base=info.time_base))
    write_all("masks", tmp_path / "masks", info, results)
    assert {still.name for still in (tmp_path / "masks").iterdir()} == {"a.png", "b10.png", "b9.x.png"}
    video = tmp_path / "out.mp4"
    write_all("overlay", video, replace(info, frame_rate=Fraction(24)), results, source=tmp_path)
    assert read_times(video) == [Fraction(index, 24) for index in range(3)]


def test_stills_grow_under_another_name(tmp_path: Path) -> None:
    path = tmp_path / "masks"
    with open_sink("masks", path, make_info(path), OBJECT_IDS) as sink:
        for index, result in enumerate(make_results()):
            sink.write(result)
            assert not path.exists()
            assert len(list((tmp_path / "masks.part").glob("*.png"))) == index + 1
    assert len(list((tmp_path / "masks.part").iterdir())) == 8, "kept without finish()"


def test_overwrite_replaces_removes_stale_masks_and_spares_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "masks"
    write_all("masks", path)
    # A mask of ours that the user put aside is the user's.
    own = {"fix.png": (path / "00006.png").read_bytes()}
    own |= {"notes.txt": b"mine", "00006.jpg": b"mine", "extra.png": b"no picture"}
    for name, content in own.items():
        (path / name).write_bytes(content)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path / "00099.png")
    with pytest.raises(OutputError, match="exists"):
        write_all("masks", path)
    results = [replace(result, labels=np.full((48, 64), 7, np.uint8)) for result in make_results(3)]
    write_all("masks", path, results=results, overwrite=True)
    names = {"00000.png", "00001.png", "00002.png", "00099.png", *own}
    assert {still.name for still in path.iterdir()} == names
    assert {name: (path / name).read_bytes() for name in own} == own
    with Image.open(path / "00002.png") as image:
        assert (np.asarray(image) == 7).all()
    assert not (tmp_path / "masks.part").exists()


def test_an_earlier_part_is_cleared_of_our_stills_only(tmp_path: Path) -> None:
    path, part = tmp_path / "masks", tmp_path / "masks.part"
    with open_sink("masks", path, make_info(path), OBJECT_IDS) as sink:
        for result in make_results():
            sink.write(result)
    with open_sink("masks", path, make_info(path), OBJECT_IDS):
        assert len(list(part.iterdir())) == 8, "an earlier part stays until the first frame"
    write_all("masks", path, results=make_results(2))
    assert len(list(path.iterdir())) == 2
    assert not part.exists()


def test_a_still_that_vanished_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "masks"
    with open_sink("masks", path, make_info(path), OBJECT_IDS) as sink:
        for result in make_results():
            sink.write(result)
        (tmp_path / "masks.part" / "00003.png").unlink()
        with pytest.raises(VostoolError, match="lacks 1 of 8 files"):
            sink.finish()


def test_images_that_differ_only_by_extension_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VostoolError, match="same name"):
        open_sink("masks", tmp_path / "m", make_info(tmp_path, frame_names=("a", "a")), OBJECT_IDS)
