"""The memory study on a made data set with a tiny network: which memories run, what they hold, what is told of them."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_network import save_tiny_weights, tiny_network

from vostool.errors import InputError, Interrupted, UsageError
from vostool.memory.policy import build_write_policy
from vostool.pipelines import ablation
from vostool.pipelines.ablation import RunProgress, ablate_memory
from vostool.pipelines.ablation_report import RATIO, AblationReport
from vostool.pipelines.ablation_variants import REFERENCE, STUDIES, VARIANTS, Variant
from vostool.pipelines.compare import CompareOptions, compare
from vostool.systems import SYSTEMS, System, make_segmenter, override

# In "two", all LFU memories of up to 4 frames overflow.
NUM_FRAMES = {"one": 6, "two": 28}
NAMES = [variant.name for variant in VARIANTS]
BY_NAME = {variant.name: variant for variant in VARIANTS}


def write_data_set(folder: Path, num_frames: dict[str, int]) -> Path:
    """Two sequences of two objects that move by one pixel a frame; the first one has but the first object."""
    for name, objects in (("one", 1), ("two", 2)):
        for kind in ("JPEGImages", "Annotations"):
            (folder / kind / name).mkdir(parents=True)
        for index in range(num_frames[name]):
            labels = np.zeros((32, 48), np.uint8)
            labels[2:14, 2 + index : 14 + index] = 1
            labels[18:30, 4 + index : 18 + index] = 2 * (objects == 2)
            Image.fromarray(labels).save(folder / "Annotations" / name / f"{index:05d}.png")
            picture = Image.fromarray(np.stack([labels * 100] * 3, axis=-1))
            picture.save(folder / "JPEGImages" / name / f"{index:05d}.png")
    return folder


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> CompareOptions:
    folder = tmp_path_factory.mktemp("ablation")
    weights = save_tiny_weights(folder / "lite.safetensors")
    data = write_data_set(folder / "data", NUM_FRAMES)
    return CompareOptions(data, ("lite",), size=32, device="cpu", weights=weights)


@pytest.fixture(scope="module")
def progress() -> list[RunProgress]:
    return []


@pytest.fixture(scope="module")
def report(options: CompareOptions, progress: list[RunProgress]) -> AblationReport:
    return ablate_memory(options, progress.append)


@pytest.mark.parametrize("system", [system for system in SYSTEMS.values() if system.defaults], ids=lambda s: s.name)
def test_variants_are_different_memories(system: System) -> None:
    memories = [override(system, dict(variant.memory)) for variant in VARIANTS]
    assert len(set(memories)) == len(set(NAMES)) == len(VARIANTS)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_every_variant_builds_and_has_a_table(variant: Variant) -> None:
    make_segmenter(SYSTEMS["lite"], tiny_network(), torch.device("cpu"), **variant.memory)
    assert variant.studies
    assert set(variant.studies) <= set(STUDIES)


def test_the_default_memory_is_among_them() -> None:
    assert override(SYSTEMS["lite"], {**BY_NAME["lfu-4"].memory, "memory_every": None}) == SYSTEMS["lite"].defaults
    assert BY_NAME["lfu-4"].memory["memory_every"] == build_write_policy("lfu").every


def test_each_sequence_is_run_once_by_each_memory(report: AblationReport, progress: list[RunProgress]) -> None:
    assert report.error is None
    assert {name: list(runs) for name, runs in report.runs.items()} == {"one": NAMES, "two": NAMES}
    assert [(each.scores.name, each.name) for each in progress] == [
        (sequence, name) for sequence in ("one", "two") for name in NAMES
    ]
    assert [each.num_done for each in progress] == list(range(1, 2 * len(NAMES) + 1))
    assert {each.num_runs for each in progress} == {2 * len(NAMES)}


def test_every_5_grows(report: AblationReport) -> None:
    """Frames 0, 5, 10, ... are written after they were predicted."""
    expected = [1.0 + (index - 1) // 5 for index in range(1, NUM_FRAMES["two"])]
    assert list(report.runs["two"][REFERENCE].num_stored) == expected


def test_first_and_latest_are_two(report: AblationReport) -> None:
    assert list(report.runs["two"]["first-and-latest"].num_stored) == [1.0] + [2.0] * (NUM_FRAMES["two"] - 2)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("lfu")])
def test_lfu_stays_within_its_capacity_and_the_pinned_frame(report: AblationReport, name: str) -> None:
    memory = BY_NAME[name].memory
    num_written = [1 + (index - 1) // 5 for index in range(1, NUM_FRAMES["two"])]
    num_pinned = int(memory["pin"])
    expected = [num_pinned + min(each - num_pinned, memory["memory_frames"]) for each in num_written]
    assert list(report.runs["two"][name].num_stored) == pytest.approx(expected)
    assert list(report.runs["one"][name].num_stored) == pytest.approx(expected[: NUM_FRAMES["one"] - 1])


def test_scores_are_those_of_a_plain_run(report: AblationReport, options: CompareOptions) -> None:
    """The system's own memory is among the variants; taking turns and clocks change nothing."""
    scores = compare(options)["lite"]
    for sequence in scores.sequences:
        assert report.runs[sequence.name]["lfu-4"].scores == sequence


def test_what_is_shared_stands_in_each_table(report: AblationReport) -> None:
    tables = dict(report.tables())
    assert list(tables) == list(STUDIES.values())
    lines = [row for rows in tables.values() for row in rows if row["memory"] == "lfu-4"]
    assert len(lines) == len(BY_NAME["lfu-4"].studies) == 4
    assert all(line == lines[0] for line in lines)
    for study, title in STUDIES.items():
        assert [row["memory"] for row in tables[title]] == [each.name for each in VARIANTS if study in each.studies]


def test_figures_follow_from_the_runs(report: AblationReport) -> None:
    runs = [report.runs[name][REFERENCE] for name in ("one", "two")]
    line = report.lines[REFERENCE]
    assert line["J"] == pytest.approx(np.mean([np.mean(each.regions) for run in runs for each in run.scores.objects]))
    assert line["fps"] == pytest.approx((sum(NUM_FRAMES.values()) - 2 * 3) / sum(sum(run.seconds) for run in runs))
    assert line["frames"] == pytest.approx(np.mean([each for run in runs for each in run.num_stored]))
    assert line["most frames"] == 6.0
    assert line[RATIO] == 1.0
    others = [report.runs[name]["lfu-1"].frames_per_second for name in ("one", "two")]
    ratios = [other / run.frames_per_second for other, run in zip(others, runs, strict=True)]
    assert report.lines["lfu-1"][RATIO] == pytest.approx(np.median(ratios))
    assert line["MiB at end"] == pytest.approx(np.mean([run.num_bytes for run in runs]) / 2**20)


def test_json_comes_back_whole(report: AblationReport) -> None:
    record = json.loads(json.dumps(report.to_dict()))
    assert record == report.to_dict()
    assert record["sequences"]["two"]["lfu-8"]["J&F"] == report.runs["two"]["lfu-8"].scores.region_and_boundary
    assert record["variants"]["lfu-4-softmax"]["memory"]["counting"] == "softmax"
    assert list(record["all"]) == NAMES


def test_csv_rows_are_equal_and_end_with_all(report: AblationReport) -> None:
    rows = report.rows()
    assert len(rows) == 3 * len(VARIANTS)
    assert len({tuple(row) for row in rows}) == 1
    assert [row["sequence"] for row in rows].count("all") == len(VARIANTS)


def test_plot_has_two_panels_of_ink(report: AblationReport, tmp_path: Path) -> None:
    report.plot(tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as image:
        colours = {colour for _, colour in image.convert("RGB").getcolors(2**16) or []}
        assert image.height > 600
    assert {(0x1F, 0x6F, 0xB2), (0xC0, 0x39, 0x2B), (0x2E, 0x8B, 0x57)} <= colours


def test_a_memory_that_fails_costs_only_itself(options: CompareOptions) -> None:
    impossible = Variant("impossible", ("policy",), {"memory": "lfu", "memory_frames": 2.0, "top_k": 5, "floor": "x"})
    report = ablate_memory(options, variants=(VARIANTS[0], impossible, VARIANTS[3]))
    assert list(report.failures) == ["impossible"]
    assert isinstance(report.error, TypeError | ValueError)
    assert list(report.runs["two"]) == list(report.lines) == [REFERENCE, "lfu-1"]


def test_a_signal_keeps_the_sequences_that_were_done(options: CompareOptions) -> None:
    def stop_after_the_first(progress: RunProgress) -> None:
        signal.raise_signal(signal.SIGINT)

    report = ablate_memory(options, stop_after_the_first, VARIANTS[:1])
    assert list(report.runs) == ["one"]
    assert isinstance(report.error, Interrupted)
    assert report.error.exit_code == 130


def test_a_broken_sequence_keeps_those_before(tmp_path: Path, options: CompareOptions) -> None:
    data = write_data_set(tmp_path, {"one": 5, "two": 5})
    (data / "JPEGImages/two/00002.png").unlink()
    given = CompareOptions(data, ("lite",), size=32, device="cpu", weights=options.weights)
    report = ablate_memory(given, variants=VARIANTS[:2])
    assert list(report.runs) == ["one"]
    assert isinstance(report.error, InputError)
    assert [row["memory"] for row in report.tables()[0][1]] == [REFERENCE, "first-and-latest"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("rgmp",), "'rgmp' is no system with a memory"),
        (("nothing",), "'nothing' is no system with a memory"),
        (("first-mask", "lite", "rgmp"), "'rgmp' is no system with a memory"),
        (("first-mask", "optical-flow"), "no system with a memory to study among first-mask, optical-flow"),
        (("lite", "first-mask", "stcn"), "one system, not lite, stcn"),
    ],
)
def test_other_than_one_system_with_a_memory_is_refused(
    options: CompareOptions, names: tuple[str, ...], words: str
) -> None:
    with pytest.raises(UsageError, match="lite, stcn, stm, scm, stm-refine50") as found:
        ablate_memory(CompareOptions(options.data, names))
    assert words in found.value.message
    assert "rgmp" not in found.value.hint


def test_warm_up_does_not_count(report: AblationReport) -> None:
    for name, runs in report.runs.items():
        assert {len(run.seconds) for run in runs.values()} == {NUM_FRAMES[name] - 1 - ablation.NUM_WARM_UP}
