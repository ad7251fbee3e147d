"""The benchmark on tiny networks: what it reports, and that its clocks change nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from synthetic_clips import make_clip
from tiny_network import save_tiny_weights

from vostool.errors import OutputError, UsageError, WeightsError
from vostool.pipelines import benchmark_machine, benchmark_systems
from vostool.pipelines.benchmark import BenchOptions, benchmark, find_subjects
from vostool.pipelines.benchmark_clip import painted_annotation, painted_frame
from vostool.pipelines.benchmark_clock import STAGES, StageClock, Tally, timed_segmenter
from vostool.pipelines.benchmark_report import BenchReport
from vostool.pipelines.benchmark_systems import Subject, find_subject
from vostool.propagation.propagator import propagate
from vostool.systems import SYSTEMS, make_segmenter

SIZE = (32, 48)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_weights(tmp_path_factory.mktemp("weights") / "lite.safetensors")


@pytest.fixture(scope="module")
def quick_rates() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark_machine, "RATE_SECONDS", 0.0)
        patch.setattr(benchmark_machine, "SIDES", {"cpu": (16,)})
        patch.setattr(benchmark_machine, "COPIED_BYTES", {"cpu": 2**10})
        yield


@pytest.fixture(scope="module")
def options(weights: Path) -> BenchOptions:
    return BenchOptions(
        num_objects=(1, 3), size=32, num_frames=6, num_warm_up=2, weights=weights, device="cpu", is_isolated=False
    )


@pytest.fixture(scope="module")
def report(options: BenchOptions, quick_rates: None) -> BenchReport:
    return benchmark(options)


def test_each_number_of_objects_is_measured(report: BenchReport) -> None:
    assert [(each.system, each.num_objects) for each in report.results] == [("lite", 1), ("lite", 3)]
    for result in report.results:
        assert tuple(result.stages) == STAGES
        assert result.network_size[0] == 32
        series = result.series
        assert {len(each) for each in (series.network, series.end_to_end, series.rss, series.bank)} == {8}
        assert result.memory.peak_rss >= max(series.rss) > 0
        assert result.memory.bank == series.bank[-1]
        assert result.memory.peak_gpu is None
        assert not series.gpu
    one, three = report.results
    assert three.memory.bank > one.memory.bank
    assert three.limit.gmac > one.limit.gmac
    assert three.limit.gbytes > one.limit.gbytes


def test_warm_up_does_not_count(report: BenchReport) -> None:
    for result in report.results:
        counted = result.series.network[2:]
        assert result.network.milliseconds.mean == pytest.approx(np.mean(counted))
        assert result.network.milliseconds.p90 == pytest.approx(np.quantile(counted, 0.9))
        assert result.network.frames_per_second == pytest.approx(1e3 / np.mean(counted))


def test_the_limit_is_the_slower_of_two(report: BenchReport) -> None:
    for result in report.results:
        limit = result.limit
        assert limit.compute_milliseconds == pytest.approx(limit.gmac / limit.matmul_rate * 1e3)
        slower = max(limit.compute_milliseconds, limit.copy_milliseconds)
        assert limit.ratio == pytest.approx(result.network.milliseconds.mean / slower)


def test_the_report_as_json_tables_and_plot(report: BenchReport, tmp_path: Path) -> None:
    record = json.loads(json.dumps(report.to_dict()))
    assert record["machine"]["torch"] == torch.__version__
    assert record["results"][1]["stages"]["decode mask"]["median"] > 0
    assert [len(rows) for _, rows in report.tables()] == [2, 2, 2]
    report.plot(tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as image:
        assert len(set(image.convert("RGB").resize((96, 96)).get_flattened_data())) > 2
    with pytest.raises(OutputError):
        report.plot(tmp_path / "nowhere" / "plot.png")


def test_a_clip_of_the_users(options: BenchOptions, quick_rates: None, tmp_path: Path) -> None:
    labels = np.zeros((48, 64), np.uint8)
    labels[8:20, 4:18], labels[24:40, 30:50] = 1, 2
    Image.fromarray(labels).save(tmp_path / "first.png")
    # Shorter than what is asked for: it goes round.
    clip = make_clip(tmp_path / "clip.mp4", num_frames=3)
    mine = replace(options, clip=clip, mask=tmp_path / "first.png", num_objects=(), num_frames=4, num_warm_up=1)
    result = benchmark(mine)
    assert (result.clip, result.source_size, result.results[0].num_objects) == (str(clip), (48, 64), 2)
    with pytest.raises(UsageError, match="the mask shows 2"):
        benchmark(replace(mine, num_objects=(3,)))
    with pytest.raises(UsageError, match="go together"):
        benchmark(replace(mine, mask=None))


@pytest.mark.parametrize("name", SYSTEMS)
def test_clocks_change_no_result(name: str) -> None:
    subject = Subject(name, None, "cpu", "float32")
    network, device = subject.load(), torch.device("cpu")
    clock = StageClock(device)
    timed = timed_segmenter(subject.system, network, clock, device, torch.float32)
    plain = make_segmenter(subject.system, network, device, torch.float32)
    frames, drawn = [painted_frame(index, SIZE, 2) for index in range(2)], {0: painted_annotation(SIZE, 2)}
    pairs = zip(*(propagate(each, frames, drawn, short_side=None) for each in (timed, plain)), strict=True)
    for on_clock, without in pairs:
        np.testing.assert_array_equal(on_clock.alpha, without.alpha)
    expected = {"encode", "decode mask", "aggregate", "write memory"} | ({"read"} if subject.system.defaults else set())
    assert expected <= clock.take().keys()
    memory = subject.system.defaults
    # The drawn frame is encoded, the other one only where the frame before is always read; one frame is read.
    encoded = 0 if memory is None else 4 if memory.temporary_previous else 2
    assert timed.tally == Tally(num_frames=1, num_encoded=encoded, num_read=1.0 if memory else 0.0)
    assert timed.num_memory_bytes == plain.num_memory_bytes > 0


def test_random_weights_where_there_are_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def find_nothing(*arguments: object) -> Path:
        raise WeightsError("none here", code="weights.missing")

    monkeypatch.setattr(benchmark_systems, "find_weights", find_nothing)
    subject, note = find_subject("stm", None, "cpu", "auto", {})
    assert subject.weights is None
    assert note is not None
    assert "no weights for stm" in note
    with pytest.raises(WeightsError):
        find_subject("stm", tmp_path / "missing.pth", "cpu", "auto", {})


@pytest.mark.gpu
def test_gpu_memory_and_both_passes(options: BenchOptions) -> None:
    report = benchmark(replace(options, device="cuda", num_objects=(2,), is_isolated=True))
    result = report.results[0]
    assert report.machine.gpu
    assert result.memory.peak_gpu is not None
    assert result.memory.reserved_gpu is not None
    assert result.memory.reserved_gpu >= result.memory.peak_gpu >= max(result.series.gpu) > 0
    assert len(result.series.network) == 8
    assert set(result.stages) == set(STAGES)


@pytest.mark.parametrize("systems", [(), ("lite", "lite"), ("lite", "stm"), ("nothing",)])
def test_systems_that_make_no_sense(options: BenchOptions, systems: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        find_subjects(replace(options, systems=systems), [])
