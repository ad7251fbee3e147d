"""Cuts between shots: found where the picture is another, not where the camera moves or the light changes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vostool.video.reading.images import ImageFolderReader
from vostool.video.reading.scene_cuts import SceneCuts

SHARED = Path(__file__).parents[3] / "shared" / "data" / "davis2016-train"


def _shot(seed: int, num_frames: int = 4) -> list[np.ndarray]:
    """A camera moving over a smooth coloured scene."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (6, 10, 3), np.uint8)
    scene = np.kron(coarse, np.ones((24, 24, 1), np.uint8))
    return [scene[:, 2 * index : 2 * index + 192] for index in range(num_frames)]


def _find(frames: list[np.ndarray]) -> list[int]:
    cuts = SceneCuts()
    return [index for index, frame in enumerate(frames) if cuts.is_cut(frame)]


@pytest.mark.parametrize("seed", range(5))
def test_each_new_shot_is_found_and_nothing_else(seed: int) -> None:
    assert _find(_shot(seed) + _shot(seed + 100) + _shot(seed + 200)) == [4, 8]


def test_a_change_of_light_is_no_cut() -> None:
    frames = _shot(1)
    dark = [(frame * 0.5).astype(np.uint8) for frame in frames]
    assert _find(frames + dark) == []


def test_a_cut_to_black_and_back_is_two_cuts() -> None:
    frames = _shot(3)
    assert _find([*frames, np.zeros_like(frames[0]), np.zeros_like(frames[0]), *frames]) == [4, 6]


def test_state_survives_json() -> None:
    before, after = SceneCuts(), SceneCuts()
    assert not before.is_cut(_shot(1)[0])
    after.restore(json.loads(json.dumps(before.state())))
    assert after.is_cut(_shot(101)[0])
    fresh = SceneCuts()
    fresh.restore(SceneCuts().state())
    assert not fresh.is_cut(_shot(1)[0])


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs real clips, which are not part of the project")
def test_real_shots_have_no_cuts_and_two_of_them_have_one() -> None:
    shots = sorted({picture.parent for picture in SHARED.rglob("00000.webp")})[:3]
    frames = [[frame.image for frame, _ in zip(ImageFolderReader(shot), range(12), strict=False)] for shot in shots]
    assert _find([*frames[0], *frames[1], *frames[2]]) == [12, 24]
