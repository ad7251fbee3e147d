"""Growth over many frames: the slope against what is known of it, and the run on a tiny network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_network import save_tiny_weights

from vostool.errors import UsageError
from vostool.pipelines.benchmark import BenchOptions
from vostool.pipelines.benchmark_flat import benchmark_flat, flat_size
from vostool.pipelines.benchmark_slope import BlockSeries, fit_slope, student_quantile


@pytest.mark.parametrize(("freedom", "expected"), [(4, 2.776), (10, 2.228), (30, 2.042), (198, 1.972)])
def test_student_quantile(freedom: int, expected: float) -> None:
    """The table that every textbook has."""
    assert student_quantile(freedom) == pytest.approx(expected, rel=3e-3)


def test_slope_of_a_line() -> None:
    points = [(float(frame), 7.0 + 0.002 * frame) for frame in range(0, 1000, 10)]
    slope = fit_slope([(0.0, 1e6), *points], num_warm_up=5)
    assert slope is not None
    assert (slope.per_thousand, slope.low, slope.high) == pytest.approx((2.0, 2.0, 2.0))
    assert slope.level == pytest.approx(8.0, abs=0.02)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    slopes = [
        fit_slope(list(enumerate(0.003 * np.arange(20) + random.normal(size=20))), num_warm_up=0) for _ in range(1000)
    ]
    share = np.mean([slope is not None and slope.low <= 3.0 <= slope.high for slope in slopes])
    assert 0.93 < share < 0.97


def test_too_few_blocks_have_no_slope() -> None:
    assert fit_slope([(float(frame), 1.0) for frame in range(10)], num_warm_up=6) is None


def test_blocks_are_medians_at_their_middle() -> None:
    series = BlockSeries(3)
    for value in (1.0, 100.0, 2.0, 5.0, 5.0, 6.0, 9.0):
        series.add(value)
    assert series.points == [(1.0, 2.0), (4.0, 5.0)]


@pytest.fixture
def options(tmp_path: Path) -> BenchOptions:
    weights = save_tiny_weights(tmp_path / "lite.safetensors")
    return BenchOptions(size=32, num_frames=60, weights=weights, device="cpu", is_isolated=False)


def test_one_memory_grows_and_the_other_does_not(options: BenchOptions, tmp_path: Path) -> None:
    report = benchmark_flat(options, budget=0.012)
    lfu, every = report.runs
    assert (lfu.memory, every.memory) == ("lfu", "every-k")
    assert (lfu.num_frames, lfu.is_stopped) == (60, False)
    assert every.is_stopped
    assert 5 < every.num_frames < 60
    flat, growing = lfu.slopes["bank"], every.slopes["bank"]
    assert flat is not None
    assert growing is not None
    assert flat.high == pytest.approx(0.0, abs=1e-9)
    assert growing.low > 0
    assert set(lfu.slopes) == {"time", "rss", "bank"}
    assert len(lfu.points["time"]) == 60
    record = json.loads(json.dumps(report.to_dict()))
    assert record["runs"][0]["slopes"]["rss"]["low"] <= record["runs"][0]["slopes"]["rss"]["high"]
    assert [row["ended"] for row in report.tables()[0][1]] == ["at the last frame", "at the budget"]
    report.plot(tmp_path / "flat.png")
    with Image.open(tmp_path / "flat.png") as image:
        assert image.width > 100


def test_what_flat_does_not_take(options: BenchOptions) -> None:
    for given in ({"clip": Path("clip.mp4")}, {"num_objects": (1, 3)}):
        with pytest.raises(UsageError, match="--flat"):
            benchmark_flat(BenchOptions(**{**options.__dict__, **given}))  # type: ignore[arg-type]


def test_small_on_a_cpu() -> None:
    assert flat_size("cpu") == 112
