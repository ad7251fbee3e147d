"""Alpha that is steadied over time."""

from __future__ import annotations

import numpy as np
import pytest

from vostool.propagation.temporal import is_same, steady

SIZE = (20, 30)


def still(num_frames: int) -> list[np.ndarray]:
    picture = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    return [picture.copy() for _ in range(num_frames)]


@pytest.mark.parametrize("num_frames", [1, 3, 5])
def test_a_median_where_the_picture_stands_still(num_frames: int) -> None:
    alphas = list(np.random.default_rng(1).random((num_frames, 2, *SIZE), np.float32))
    np.testing.assert_array_equal(steady(alphas, still(num_frames)), np.median(alphas, axis=0))


def test_thin_things_that_move_stay() -> None:
    """A bar two columns wide steps by four: a plain median would take it out."""
    images, alphas = still(3), [np.zeros((1, *SIZE), np.float32) for _ in range(3)]
    for step, (image, alpha) in enumerate(zip(images, alphas, strict=True)):
        image[:, 10 + 4 * step : 12 + 4 * step] = 255 * (image[:, 10 + 4 * step : 12 + 4 * step] < 128)
        alpha[0, :, 10 + 4 * step : 12 + 4 * step] = 1
    np.testing.assert_array_equal(steady(alphas, images), alphas[1])
    assert np.median(alphas, axis=0).max() == 0


def test_grain_is_no_change() -> None:
    image = still(1)[0] // 2 + 60
    grain = np.random.default_rng(2).integers(-6, 7, image.shape)
    assert is_same(image, (image + grain).astype(np.uint8)).all()
    assert not is_same(image, image + np.uint8(30)).any()
