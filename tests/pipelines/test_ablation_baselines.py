"""Baselines beside the memory study: scored as elsewhere, above the memories in the first table, without speed."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_network import save_tiny_weights

from vostool.errors import Interrupted, WeightsError
from vostool.pipelines import ablation_report
from vostool.pipelines.ablation import RunProgress, ablate_memory
from vostool.pipelines.ablation_plot import CapacityPoint
from vostool.pipelines.ablation_report import COSTS, AblationReport
from vostool.pipelines.ablation_variants import VARIANTS
from vostool.pipelines.compare import CompareOptions, compare
from vostool.propagation.baselines import BASELINES, FirstMask

GIVEN = ("optical-flow", "lite", "first-mask")
ABOVE = ["optical-flow", "first-mask"]
MEMORIES = VARIANTS[:2]
NUM_FRAMES = 5
NAMES = [*ABOVE, *(variant.name for variant in MEMORIES)]


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> CompareOptions:
    """Two sequences of one object that moves by two pixels a frame, or by one."""
    folder = tmp_path_factory.mktemp("baselines")
    for name, speed in (("fast", 2), ("slow", 1)):
        for kind in ("JPEGImages", "Annotations"):
            (folder / kind / name).mkdir(parents=True)
        for index in range(NUM_FRAMES):
            labels = np.zeros((32, 48), np.uint8)
            labels[6:22, 3 + speed * index : 19 + speed * index] = 1
            for kind, pixels in (("JPEGImages", np.stack([labels * 100] * 3, axis=-1)), ("Annotations", labels)):
                Image.fromarray(pixels).save(folder / kind / name / f"{index:05d}.png")
    weights = save_tiny_weights(folder / "lite.safetensors")
    return CompareOptions(folder, GIVEN, size=32, device="cpu", weights=weights)


@pytest.fixture(scope="module")
def progress() -> list[RunProgress]:
    return []


@pytest.fixture(scope="module")
def report(options: CompareOptions, progress: list[RunProgress]) -> AblationReport:
    return ablate_memory(options, progress.append, MEMORIES)


class Failing(FirstMask):
    """Copies the first mask, but not on the second sequence."""

    num_started = 0

    def start(self, image: np.ndarray, labels: np.ndarray) -> None:
        """Counts."""
        self.num_started += 1
        if self.num_started == 2:
            raise ValueError("no flow")
        super().start(image, labels)


class Signalling(FirstMask):
    """Copies the first mask; a signal comes on the first frame of the second sequence."""

    num_stepped = 0

    def step(self, image: np.ndarray) -> np.ndarray:
        """Counts."""
        self.num_stepped += 1
        if self.num_stepped == NUM_FRAMES:
            signal.raise_signal(signal.SIGINT)
        return super().step(image)


def test_baselines_are_scored_as_in_a_plain_run(report: AblationReport, options: CompareOptions) -> None:
    assert report.error is None
    for name, scores in compare(replace(options, systems=tuple(ABOVE))).items():
        assert tuple(report.baseline_scores[each][name] for each in ("fast", "slow")) == scores.sequences
        assert report.lines[name]["J"] == scores.region.mean
        assert report.lines[name]["J&F"] == scores.region_and_boundary
        assert report.lines[name]["J decay"] == scores.region.decay


def test_each_is_run_once_on_each_sequence(report: AblationReport, progress: list[RunProgress]) -> None:
    assert [(each.scores.name, each.name) for each in progress] == [
        (sequence, name) for sequence in ("fast", "slow") for name in NAMES
    ]
    assert [(each.num_done, each.num_runs) for each in progress] == [(number, 8) for number in range(1, 9)]
    assert [each.frames_per_second is None for each in progress] == [True, True, False, False] * 2


def test_they_stand_above_the_memories_in_the_first_table_only(report: AblationReport) -> None:
    first, *others = [rows for _, rows in report.tables()]
    assert [row["memory"] for row in first] == NAMES
    assert len({tuple(row) for row in first}) == 1
    assert [[row[column] for column in COSTS] for row in first[:2]] == [[""] * len(COSTS)] * 2
    assert others
    assert not {row["memory"] for rows in others for row in rows} & set(ABOVE)


def test_csv_and_json_have_them_in_the_layout_of_the_memories(report: AblationReport) -> None:
    rows, record = report.rows(), json.loads(json.dumps(report.to_dict()))
    assert [(row["memory"], row["sequence"]) for row in rows] == [
        *((name, sequence) for name in NAMES for sequence in ("fast", "slow")),
        *((name, "all") for name in NAMES),
    ]
    assert len({tuple(row) for row in rows}) == 1
    assert (record["baselines"], list(record["all"])) == (ABOVE, NAMES)
    for part in (record["all"], *record["sequences"].values()):
        assert list(part) == NAMES
        assert len({tuple(line) for line in part.values()}) == 1
        assert all(part[name][column] is None for name in ABOVE for column in COSTS)
    slow = record["sequences"]["slow"]["first-mask"]
    assert (slow["J"], slow["seconds"], slow["num_stored"]) == (rows[3]["J"], None, None)
    assert slow["scores"] == report.baseline_scores["slow"]["first-mask"].to_dict()


def test_they_are_not_in_the_plot(report: AblationReport, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[CapacityPoint] = []
    monkeypatch.setattr(ablation_report, "save_capacity_plot", lambda points, *_: drawn.extend(points))
    report.plot(Path("plot.png"))
    assert [point.name for point in drawn] == [variant.name for variant in MEMORIES]


def test_a_baseline_that_fails_costs_only_itself(options: CompareOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BASELINES, "optical-flow", lambda backbone: Failing())
    report = ablate_memory(options, variants=MEMORIES[:1])
    assert report.failures == {"optical-flow": "no flow"}
    assert isinstance(report.error, ValueError)
    assert list(report.lines) == ["first-mask", MEMORIES[0].name]
    assert list(report.to_dict()["sequences"]["fast"]) == [*ABOVE, MEMORIES[0].name]


def test_a_signal_ends_a_baseline_at_once(options: CompareOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    baseline = Signalling()
    monkeypatch.setitem(BASELINES, "first-mask", lambda backbone: baseline)
    report = ablate_memory(replace(options, systems=("lite", "first-mask")), variants=MEMORIES[:1])
    assert isinstance(report.error, Interrupted)
    assert baseline.num_stepped == NUM_FRAMES
    assert report.sequences == ["fast"]
    assert list(report.lines) == ["first-mask", MEMORIES[0].name]


def test_a_missing_backbone_is_told_before_anything_runs(options: CompareOptions) -> None:
    with pytest.raises(WeightsError, match="imagenet-features needs the backbone"):
        ablate_memory(replace(options, systems=("imagenet-features", "lite")), variants=MEMORIES)
