"""The parts of the benchmark that can be checked by hand: the clock, the byte counter, the painted clip."""

from __future__ import annotations

from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from vostool.pipelines import benchmark_clock
from vostool.pipelines.benchmark_clip import (
    NUM_PAINTED,
    painted_annotation,
    painted_footage,
    painted_frame,
    painted_size,
    repeated,
)
from vostool.pipelines.benchmark_clock import StageClock, Tally, network_seconds
from vostool.pipelines.benchmark_limit import ByteCounter, compare_with_limit, frame_gmac
from vostool.pipelines.benchmark_machine import Rates, describe_machine, resident_bytes
from vostool.pipelines.costs import Cost
from vostool.pipelines.report import peak_rss_bytes


@pytest.mark.parametrize(
    ("is_fine", "expected"),
    [(True, {"decode": 1.0, "encode": 2.0, "read": 1.0, "output": 1.0}), (False, {"decode": 1.0, "network": 1.0})],
)
def test_stages_add_up(monkeypatch: pytest.MonkeyPatch, is_fine: bool, expected: dict[str, float]) -> None:
    ticks = count()
    monkeypatch.setattr(benchmark_clock.time, "perf_counter", lambda: float(next(ticks)))
    clock = StageClock(torch.device("cpu"), is_fine=is_fine)
    # One tick for each hand-over; going on with a stage is none.
    for stage in ("decode", "encode", "encode", "read", "encode", "output"):
        clock.switch(stage)
    frame = clock.take()
    assert frame == expected | {"output": 1.0}
    assert network_seconds([frame]) == [3.0 if is_fine else 1.0]
    assert clock.take() == {}


def test_bytes_of_what_is_touched() -> None:
    values, matrix = torch.ones(4, 8), torch.ones(2, 8)
    with torch.inference_mode(), ByteCounter() as counter:
        result = functional.linear(values, matrix).reshape(8).view(2, 4)
    assert result.shape == (2, 4)
    assert counter.num_bytes == 4 * (4 * 8 + 2 * 8 + 4 * 2)


def test_operations_of_a_frame() -> None:
    cost = Cost(0, frame=10, object=5, further_object=3, memory_object=2, read=1, read_object=4)
    tally = Tally(num_frames=10, num_encoded=4, num_read=30.0)
    # Two objects; encoded in 4 of 20 cases; 3 frames read, all of their values or a quarter of one frame's.
    assert frame_gmac(cost, tally, 2, 0, (32, 32)) == pytest.approx(10 + 8 + 0.8 + 3 + 24)
    assert frame_gmac(cost, tally, 2, 1, (32, 32)) == pytest.approx(10 + 8 + 0.8 + 3 + 2)


@pytest.mark.parametrize(("num_bytes", "ratio"), [(1e6, 3.0), (1e9, 0.03)])
def test_ratio_to_the_limit(num_bytes: float, ratio: float) -> None:
    limit = compare_with_limit(1.0, num_bytes, Rates(matmul=1e11, copy=1e9), 30.0)
    assert limit.ratio == pytest.approx(ratio)


@pytest.mark.parametrize("num_objects", [1, 3, 8, 64])
def test_painted_objects_are_apart(num_objects: int) -> None:
    size = painted_size(112)
    annotation = painted_annotation(size, num_objects)
    assert set(np.unique(annotation.labels)) == {0, *annotation.object_ids}
    assert len(annotation.object_ids) == num_objects
    image = painted_frame(0, size, num_objects).image
    for object_id in annotation.object_ids:
        assert len(np.unique(image[annotation.labels == object_id], axis=0)) == 1


def test_a_painted_clip_goes_round(tmp_path: Path) -> None:
    assert painted_size(480) == (480, 854)
    first, next_round = (painted_frame(index, (32, 48), 2).image for index in (0, NUM_PAINTED))
    np.testing.assert_array_equal(first, next_round)
    assert (painted_frame(1, (32, 48), 2).image != first).any()
    footage = painted_footage(tmp_path, 32, 2)
    frames = list(islice(repeated(footage.path), NUM_PAINTED + 3))
    assert [frame.index for frame in frames] == list(range(NUM_PAINTED + 3))
    steps = np.diff([frame.pts for frame in frames])
    assert (steps == steps[0]).all()
    np.testing.assert_array_equal(frames[0].image, frames[NUM_PAINTED].image)
    assert footage.with_objects(1).object_ids == (1,)
    assert set(np.unique(footage.with_objects(1).labels)) == {0, 1}


def test_the_machine() -> None:
    machine = describe_machine(torch.device("cpu"))
    assert machine.cpu
    assert machine.num_cores > 0
    assert machine.gpu is machine.driver is machine.cuda is None
    assert 0 < resident_bytes() <= peak_rss_bytes()
