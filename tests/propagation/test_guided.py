"""The guided filter, against its definition, and edges that it puts back into place."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vostool.propagation.guided import CONTRAST, EPSILON, guided_filter, refine


def definition(guide: np.ndarray, plane: np.ndarray, radius: int, epsilon: float) -> np.ndarray:
    """Equations 19 to 21 of the paper, window by window; only right farther than two radii from the border."""
    colours = guide.astype(np.float64) / 255
    functions = np.zeros((*plane.shape, 4))
    for row in range(radius, plane.shape[0] - radius):
        for column in range(radius, plane.shape[1] - radius):
            window = np.s_[row - radius : row + radius + 1, column - radius : column + radius + 1]
            inside, wanted = colours[window].reshape(-1, 3), plane[window].ravel().astype(np.float64)
            variance = np.cov(inside.T, bias=True) + epsilon * np.eye(3)
            slopes = np.linalg.solve(
                variance, (inside - inside.mean(axis=0)).T @ (wanted - wanted.mean()) / len(inside)
            )
            functions[row, column] = *slopes, wanted.mean() - slopes @ inside.mean(axis=0)
    means = cv2.blur(functions, (2 * radius + 1, 2 * radius + 1))
    return np.asarray((means[:, :, :3] * colours).sum(axis=2) + means[:, :, 3])


def test_the_filter_is_that_of_the_paper() -> None:
    chance = np.random.default_rng(0)
    guide = chance.integers(0, 256, (20, 24, 3), np.uint8)
    plane = chance.random((20, 24), np.float32)
    inner = np.s_[6:-6, 6:-6]
    found = guided_filter(guide, plane, 3, 1e-2)
    np.testing.assert_allclose(found[inner], definition(guide, plane, 3, 1e-2)[inner], atol=1e-4)


def scene() -> tuple[np.ndarray, np.ndarray]:
    """A square on a background that differs in hue only, and the mask."""
    mask = np.zeros((150, 200), bool)
    mask[50:100, 60:140] = True
    image = np.where(mask[:, :, None], np.uint8([180, 60, 90]), np.uint8([70, 120, 90]))
    noise = np.random.default_rng(1).integers(-4, 5, image.shape)
    return np.asarray(image + noise, np.uint8), mask


@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_edges_go_to_where_the_picture_has_them(shift: int) -> None:
    image, mask = scene()
    blurred = cv2.GaussianBlur(np.roll(mask, shift, axis=1).astype(np.float32), (0, 0), 2)
    refined = refine(blurred[None], image)[0]
    assert np.abs(refined - mask).mean() < 0.3 * np.abs(blurred - mask).mean()
    assert ((refined > 0.5) != mask).sum() <= 4


def test_what_lies_away_from_the_objects_is_empty() -> None:
    image, mask = scene()
    alpha = np.maximum(mask.astype(np.float32), 0.02)[None]
    refined = refine(alpha, image)
    assert refined[0, :40].max() == refined[0, :, -30:].max() == 0
    assert refine(np.zeros((2, 150, 200), np.float32), image).max() == 0
    assert refine(np.zeros((0, 150, 200), np.float32), image).shape == (0, 150, 200)


def test_objects_that_touch_share_all_of_their_seam() -> None:
    """Neither falls below what makes it an object where both are as likely."""
    image, mask = scene()
    left = np.where(np.arange(200) < 100, 1.0, 0.0)
    soft = np.asarray(cv2.blur(np.tile(left, (150, 1)), (9, 9)), np.float32)
    alpha = np.stack([soft * mask, (1 - soft) * mask]).astype(np.float32)
    refined = refine(alpha, image)
    assert refined.sum(axis=0).max() <= 1 + 1e-6
    assert refined.sum(axis=0)[55:95, 65:135].min() > 0.99


def test_one_object_is_steepened_about_one_half() -> None:
    image, mask = scene()
    alpha = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 2)
    filtered = np.clip(guided_filter(image, alpha, 3, EPSILON), 0, 1)
    expected = np.clip(0.5 + CONTRAST * (filtered - 0.5), 0, 1)
    np.testing.assert_allclose(refine(alpha[None], image)[0], expected, atol=1e-4)
