"""Orientation against the definition of the display matrix, point by point."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from synthetic_clips import make_clip, pattern_image

from vostool.video.reading.reader import open_video
from vostool.video.reading.rotation import Orientation, orientation_from_matrix

ONE = 65536
FLIPS_AND_TURNS = [(a, b, c, d) for a, b, c, d in itertools.product((-1, 0, 1), repeat=4) if abs(a * d - b * c) == 1]
ALL_EIGHT = [matrix for matrix in FLIPS_AND_TURNS if abs(matrix[0]) + abs(matrix[1]) == 1 == sum(map(abs, matrix)) / 2]


def shown(image: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """Put every stored pixel (p, q) at (ap + cq, bp + dq), moved so that the least of both is 0."""
    a, b, c, d = matrix
    rows, columns = np.indices(image.shape[:2])
    horizontal, vertical = a * columns + c * rows, b * columns + d * rows
    horizontal, vertical = horizontal - horizontal.min(), vertical - vertical.min()
    result = np.zeros((vertical.max() + 1, horizontal.max() + 1, image.shape[2]), image.dtype)
    result[vertical, horizontal] = image
    return result


def test_there_are_eight_orientations() -> None:
    assert len(ALL_EIGHT) == 8


@pytest.mark.parametrize("matrix", ALL_EIGHT)
def test_pixels_go_where_the_matrix_says(matrix: tuple[int, int, int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    a, b, c, d = (ONE * value for value in matrix)
    orientation = orientation_from_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
    upright = orientation.apply(image)
    np.testing.assert_array_equal(upright, shown(image, matrix))
    assert upright.flags.c_contiguous
    assert orientation.swaps_sides == (upright.shape != image.shape)


def test_a_slanted_matrix_is_taken_for_the_nearest_turn() -> None:
    cosine, sine = round(ONE * 0.996), round(ONE * 0.087)  # 5 degrees
    assert orientation_from_matrix([cosine, -sine, 0, sine, cosine, 0, 0, 0, 1 << 30]) == Orientation()


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_clip_is_read_upright(tmp_path: Path, rotation: int, suffix: str) -> None:
    clip = make_clip(tmp_path / f"clip.{suffix}", num_frames=2, rotation=rotation, pixel_format="yuv444p")
    with open_video(clip) as reader:
        frames = list(reader)
    expected = np.rot90(pattern_image(0), rotation // 90)
    assert reader.info.rotation == rotation
    assert reader.info.size == expected.shape[:2]
    assert np.abs(frames[0].image.astype(int) - expected).mean() < 2


def test_mirrored_clip_is_read_unmirrored(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", num_frames=2, has_hflip=True, pixel_format="yuv444p")
    with open_video(clip) as reader:
        frame = next(iter(reader))
    assert np.abs(frame.image.astype(int) - pattern_image(0)[:, ::-1]).mean() < 2
