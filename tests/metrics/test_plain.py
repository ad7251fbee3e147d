"""The fast scores equal those that are computed by the definition, step by step."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vostool.metrics.plain import plain_disk, plain_outline, plain_scores
from vostool.metrics.report import score_sequence


def blobs(rng: np.random.Generator, shape: tuple[int, int], num_objects: int) -> np.ndarray:
    """Labels of ellipses and of noise; objects may touch, hide one another, or be missing."""
    labels = np.zeros(shape, np.uint8)
    for object_id in range(1, num_objects + 1):
        centre, axes = rng.integers(0, shape[::-1], 2), rng.integers(1, max(shape) // 3, 2)
        cv2.ellipse(labels, centre.tolist(), axes.tolist(), float(rng.integers(360)), 0, 360, object_id, -1)
    noise = rng.random(shape) < rng.choice([0, 0.002])
    labels[noise] = rng.integers(0, num_objects + 1, shape)[noise]
    return labels


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(40, 60), (121, 87), (240, 427)]), st.integers(1, 3))
def test_fast_scores_equal_the_plain_ones(seed: int, shape: tuple[int, int], num_objects: int) -> None:
    rng = np.random.default_rng(seed)
    truths = np.stack([blobs(rng, shape, num_objects) for _ in range(3)])
    shifted = np.stack([np.roll(truth, rng.integers(-6, 7, 2), axis=(0, 1)) for truth in truths])
    predictions = np.where(rng.random((3, 1, 1)) < 0.7, shifted, truths[::-1])
    regions, boundaries = plain_scores(predictions, truths, num_objects)
    scores = score_sequence("blobs", zip(predictions, truths, strict=True), range(1, num_objects + 1)).objects
    np.testing.assert_array_equal([each.regions for each in scores], regions)
    np.testing.assert_allclose([each.boundaries for each in scores], boundaries, rtol=0, atol=1e-12)


def test_plain_scores_equal_the_golden_numbers() -> None:
    with np.load(Path(__file__).with_name("golden_metrics.npz")) as golden:
        regions, boundaries = plain_scores(golden["prediction"][1:-1], golden["truth"][1:-1], 2)
        np.testing.assert_allclose(regions, golden["regions"], rtol=0, atol=1e-9)
        np.testing.assert_allclose(boundaries, golden["boundaries"], rtol=0, atol=1e-9)
        np.testing.assert_array_equal(plain_outline(golden["truth"][5] == 1), golden["boundary_map"])


@pytest.mark.parametrize(("radius", "area"), [(0, 1), (1, 5), (2, 13), (8, 197)])
def test_disk_holds_the_points_within_the_radius(radius: int, area: int) -> None:
    assert plain_disk(radius).sum() == area
