from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from video_results import (
    OBJECT_IDS,
    UNEVEN_PTS,
    are_near,
    make_info,
    make_results,
    read_alpha,
    read_frames,
    read_luma,
    read_rgb,
    read_tags,
    read_times,
    soft_alpha,
    write_all,
)

from vostool.errors import OutputError, VostoolError
from vostool.types import ColourTags, Frame, FrameResult
from vostool.video.writing.encoding import ENCODINGS
from vostool.video.writing.overlay import draw_overlay
from vostool.video.writing.sinks import open_sink

VIDEOS = [(kind, extension) for kind, encodings in ENCODINGS.items() for extension in encodings]
WITH_ALPHA = [(kind, extension) for kind, extension in VIDEOS if kind in ("alpha", "cutout")]
MATTES = [(kind, extension) for kind, extension in VIDEOS if kind == "matte"]
SIZES = [(48, 64), (49, 65)]
TRUE_ALPHA = [np.clip(soft_alpha(index, (48, 64)).sum(axis=0), 0, 1) for index in range(len(UNEVEN_PTS))]
# Largest error of alpha, in units of 1: half a step of 10 or 8 bits where it is exact, the codec's loss elsewhere.
ALPHA_ERRORS = {".mov": 0.5 / 1023 + 1 / 4095, ".mkv": 0.5 / 255, ".webm": 0.12}
MATTE_ERRORS = {".mov": 0.012, ".mkv": 0.5 / 255, ".webm": 0.12, ".mp4": 0.06}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("kind", "extension"), VIDEOS)
class TestEveryVideo:
    def test_frames_times_and_size(self, kind: str, extension: str, size: tuple[int, int], tmp_path: Path) -> None:
        path = tmp_path / f"out{extension}"
        write_all(kind, path, make_info(path, size), make_results(size=size))
        assert are_near(read_times(path), UNEVEN_PTS, extension)
        frames = read_frames(path)
        assert len(frames) == len(UNEVEN_PTS)
        is_padded = frames[0].format.name == "yuv420p" and extension != ".webm"
        expected = tuple(side + side % 2 for side in size) if is_padded else size
        assert {(frame.height, frame.width) for frame in frames} == {expected}
        assert [path.name for path in tmp_path.iterdir()] == [path.name], "no part may stay behind"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("kind", "extension"), WITH_ALPHA)
def test_alpha_round_trip(kind: str, extension: str, size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / f"out{extension}"
    write_all(kind, path, make_info(path, size), make_results(size=size))
    for result, frame in zip(make_results(size=size), read_frames(path), strict=True):
        true = np.clip(result.alpha.sum(axis=0), 0, 1)
        # A cutout clears what is 0 of 255.
        slack = 0.5 / 255 if kind == "cutout" else 0
        assert np.abs(read_alpha(frame) - true).max() <= ALPHA_ERRORS[extension] + slack


@pytest.mark.parametrize(("kind", "extension"), MATTES)
def test_matte_round_trip(kind: str, extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{extension}"
    write_all(kind, path)
    for true, frame in zip(TRUE_ALPHA, read_frames(path), strict=True):
        assert np.abs(read_luma(frame) - true).max() <= MATTE_ERRORS[extension]
        assert np.ptp(read_rgb(frame), axis=2).max() <= 6, "a matte is grey"


@pytest.mark.parametrize("extension", [".mov", ".mkv"])
def test_alpha_keeps_the_whole_frame_and_cutout_only_the_objects(extension: str, tmp_path: Path) -> None:
    tolerance = 0 if extension == ".mkv" else 6
    tags = ColourTags(1, 1, 1, 1)
    for kind in ("alpha", "cutout"):
        path = tmp_path / f"{kind}{extension}"
        write_all(kind, path, replace(make_info(path), colour=tags))
        for result, frame in zip(make_results(), read_frames(path), strict=True):
            is_object = result.alpha.sum(axis=0) > (0.5 / 255)
            true = result.frame.image * (is_object[:, :, None] if kind == "cutout" else 1)
            inside = np.ones_like(is_object) if extension == ".mkv" else interior(is_object)
            assert np.abs(read_rgb(frame) - true)[inside].max() <= tolerance


def interior(mask: np.ndarray, radius: int = 8) -> np.ndarray:
    """Pixels whose surroundings are all alike: a lossy codec rings at edges."""
    padded = np.pad(mask, radius, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1, 2 * radius + 1))
    return windows.all(axis=(2, 3)) | ~windows.any(axis=(2, 3))


@pytest.mark.parametrize("extension", [".mp4", ".mov", ".mkv", ".webm"])
def test_overlay_shows_the_frame_and_the_objects(extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{extension}"
    write_all("overlay", path, replace(make_info(path), colour=ColourTags(1, 1, 1, 1)))
    for result, frame in zip(make_results(), read_frames(path), strict=True):
        error = np.abs(read_rgb(frame) - draw_overlay(result.frame.image, result.labels))
        assert error.mean() < 6
        is_background = interior(result.labels > 0, 3) & (result.labels == 0)
        assert is_background.any()
        assert error[is_background].mean() < 2.5, "where there is no object the picture stays the source's"


@pytest.mark.parametrize(("kind", "extension"), VIDEOS)
def test_tags_are_kept(kind: str, extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{extension}"
    write_all(kind, path, replace(make_info(path), colour=ColourTags(9, 16, 9, 1)))
    is_full_range = extension == ".mkv" and kind != "overlay"
    if kind == "matte":
        expected = (1, 1, 1, 2 if is_full_range else 1)  # data, that must not be tone-mapped
    elif kind == "overlay":
        expected = (1, 1, 1, 1)  # drawn over a picture that was tone-mapped
    else:
        expected = (9, 16, 0, 2) if is_full_range else (9, 16, 9, 1)
    assert read_tags(path) == expected


@pytest.mark.parametrize(("height", "matrix"), [(48, 6), (720, 1)])
def test_untagged_overlay_is_tagged_with_the_matrix_that_was_used(height: int, matrix: int, tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    write_all("overlay", path, make_info(path, (height, 64)), make_results(2, (height, 64)))
    assert read_frames(path)[0].colorspace == matrix


@pytest.mark.parametrize(("kind", "extension"), VIDEOS)
def test_pixel_aspect_is_kept_or_told(kind: str, extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{extension}"
    warnings = write_all(kind, path, replace(make_info(path), sample_aspect_ratio=Fraction(4, 3)))
    with av.open(str(path)) as container:
        is_kept = container.streams.video[0].sample_aspect_ratio == Fraction(4, 3)
    assert is_kept or "4:3" in warnings[0]
    assert is_kept or extension in (".mkv", ".webm")


@pytest.mark.parametrize("first_pts", [1, 17920, 128001])
@pytest.mark.parametrize(("kind", "extension"), [("overlay", ".mp4"), ("alpha", ".mov"), ("alpha", ".webm")])
def test_a_clip_that_starts_late(kind: str, extension: str, first_pts: int, tmp_path: Path) -> None:
    path, pts = tmp_path / f"out{extension}", tuple(value + first_pts for value in UNEVEN_PTS)
    write_all(kind, path, results=make_results(pts=pts))
    assert are_near(read_times(path), pts, extension)


@pytest.mark.parametrize("time_base", [Fraction(1001, 30000), Fraction(1, 90000), Fraction(1, 10_000_000)])
def test_other_time_bases(time_base: Fraction, tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    step = round(Fraction(1001, 30000) / time_base)
    pts = tuple(index * step + (index % 3 if step > 9 else 0) for index in range(8))
    write_all("overlay", path, make_info(path, time_base=time_base), make_results(pts=pts, time_base=time_base))
    assert read_times(path) == [value * time_base for value in pts]


@pytest.mark.parametrize("name", ["out.mp4", "masks"])
class TestOverwrite:
    def kind(self, name: str) -> str:
        return "masks" if name == "masks" else "overlay"

    def test_an_output_that_appears_meanwhile_is_spared(self, name: str, tmp_path: Path) -> None:
        path = tmp_path / name
        with open_sink(self.kind(name), path, make_info(path), OBJECT_IDS) as sink:  # type: ignore[arg-type]
            for result in make_results():
                sink.write(result)
            if name == "masks":
                path.mkdir()
            mine = path / "mine" if name == "masks" else path
            mine.write_bytes(b"mine")
            with pytest.raises(OutputError, match="exists"):
                sink.finish()
        assert mine.read_bytes() == b"mine"

    def test_nothing_written_is_an_error(self, name: str, tmp_path: Path) -> None:
        path = tmp_path / name
        with open_sink(self.kind(name), path, make_info(path), OBJECT_IDS) as sink, pytest.raises(VostoolError):  # type: ignore[arg-type]
            sink.finish()
        assert not list(tmp_path.iterdir())


def test_overwrite_replaces_a_video_only_when_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    with pytest.raises(OutputError):
        open_sink("overlay", path, make_info(path), OBJECT_IDS)
    with open_sink("overlay", path, make_info(path), OBJECT_IDS, overwrite=True) as sink:
        for result in make_results():
            sink.write(result)
            assert path.read_bytes() == b"old"
        sink.finish()
    assert len(read_frames(path)) == 8


@pytest.mark.parametrize(("kind", "extension"), VIDEOS)
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 16)])
def test_tiny_pictures(kind: str, extension: str, size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / f"out{extension}"
    image, labels = np.full((*size, 3), 90, np.uint8), np.ones(size, np.uint8)
    results = [
        FrameResult(Frame(i, i * 512, Fraction(1, 12800), image), labels, np.ones((1, *size), np.float32), (1,))
        for i in range(3)
    ]
    write_all(kind, path, make_info(path, size), results)
    assert len(read_frames(path)) == 3
