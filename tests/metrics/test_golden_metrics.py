"""Equality with the numbers of the public DAVIS 2017 evaluation (davisvideochallenge/davis2017-evaluation).

``golden_metrics.npz`` holds two clips of labels and what that program makes of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vostool.metrics.boundary import boundary_f, boundary_map, boundary_tolerance
from vostool.metrics.region import jaccard
from vostool.metrics.report import score_sequence, summarise


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).with_name("golden_metrics.npz")) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("object_id", [1, 2])
def test_region_and_boundary_of_each_frame(golden: dict[str, np.ndarray], object_id: int) -> None:
    masks = [(p == object_id, t == object_id) for p, t in zip(golden["prediction"], golden["truth"], strict=True)][1:-1]
    regions = [jaccard(prediction, truth) for prediction, truth in masks]
    boundaries = [boundary_f(prediction, truth) for prediction, truth in masks]
    np.testing.assert_allclose(regions, golden["regions"][object_id - 1], rtol=0, atol=1e-9)
    np.testing.assert_allclose(boundaries, golden["boundaries"][object_id - 1], rtol=0, atol=1e-9)


def test_statistics(golden: dict[str, np.ndarray]) -> None:
    pairs = zip(golden["prediction"][1:-1], golden["truth"][1:-1], strict=True)
    scores = score_sequence("golden", pairs, (1, 2))
    statistics = [[list(each.region.to_dict().values()) for each in scores.objects]]
    statistics += [[list(each.boundary.to_dict().values()) for each in scores.objects]]
    np.testing.assert_allclose(statistics, golden["statistics"], rtol=0, atol=1e-9)


def test_boundary_map(golden: dict[str, np.ndarray]) -> None:
    np.testing.assert_array_equal(boundary_map(golden["truth"][5] == 1), golden["boundary_map"])


def test_boundary_tolerance(golden: dict[str, np.ndarray]) -> None:
    for height, width, tolerance in golden["tolerances"].tolist():
        assert boundary_tolerance(height, width) == tolerance


def test_decay_of_a_long_clip_is_right(golden: dict[str, np.ndarray]) -> None:
    """The public scorer answers NaN for these 300 scores; quarters by hand, their edges inclusive as they are there."""
    scores = golden["long_scores"]
    decay = scores[0:76].mean() - scores[224:300].mean()
    assert summarise(scores.tolist()).decay == pytest.approx(decay, abs=1e-12)
