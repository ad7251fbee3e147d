"""The demo clip: two fish that are there, cross, and part again, and sound at the beats of their tails."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

from koi_pond import scene, sound


@pytest.fixture(scope="module")
def pond() -> scene.Pond:
    return scene.Pond()


def areas(labels: np.ndarray) -> tuple[int, int]:
    return int((labels == 1).sum()), int((labels == 2).sum())


def test_frames_are_repeatable_and_labels_are_the_fish(pond: scene.Pond) -> None:
    image, labels = pond.frame(0)
    again, labels_again = pond.frame(0)
    assert image.shape == (480, 854, 3)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, again)
    np.testing.assert_array_equal(labels, labels_again)
    assert np.unique(labels).tolist() == [0, 1, 2]
    # The upper fish is red and white, the lower golden: red over blue in both, and green between them.
    upper, lower = (image[labels == label].astype(float).mean(0) for label in (1, 2))
    assert upper[0] > upper[1] * 1.1
    assert lower[0] > lower[1] > lower[2] * 1.5


def test_the_lower_fish_is_covered_and_comes_out_again(pond: scene.Pond) -> None:
    before, crossing, after = (areas(pond.frame(index)[1]) for index in (0, 90, 149))
    assert min(*before, *after) > 8000
    assert crossing[1] < 0.6 * min(before[1], after[1])
    assert crossing[0] > before[0]


def test_sound_is_stereo_and_plucked_at_the_strokes() -> None:
    samples = sound.compose((scene.UPPER, scene.LOWER), 2.0)
    assert samples.shape == (2, 2 * sound.RATE)
    assert 0.5 < np.abs(samples).max() <= 0.81
    rises = []
    for time in sound.strokes(scene.UPPER, 1.9):
        start, length = int(time * sound.RATE), int(0.03 * sound.RATE)
        rises.append((samples[:, start : start + length] ** 2).sum() / (samples[:, start - length : start] ** 2).sum())
    assert np.median(rises) > 1.5
