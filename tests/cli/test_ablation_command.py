"""``vostool eval --ablate memory``: tables, JSON, CSV and plot of one run, and mistakes in one line."""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path

import numpy as np
import pytest
from error_lines import check_error_line
from PIL import Image
from tiny_network import save_tiny_weights

from vostool.cli.app import run
from vostool.pipelines import ablation, ablation_variants
from vostool.pipelines.ablation_report import AblationReport
from vostool.pipelines.ablation_variants import STUDIES, VARIANTS

STUDY = ["eval", "--data", "data", "--ablate", "memory", "--size", "32", "--device", "cpu"]
RUN = [*STUDY, "--weights", "lite.safetensors"]
WHOLE_STUDY = ablation.ablate_memory


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set of one sequence of six frames, and weights; the study has the first three memories only."""
    for kind in ("Annotations", "JPEGImages"):
        (tmp_path / "data" / kind / "a").mkdir(parents=True)
        for index in range(6):
            labels = np.zeros((32, 48), np.uint8)
            labels[4:20, 3 + index : 23 + index] = 1
            Image.fromarray(labels).save(tmp_path / "data" / kind / "a" / f"{index:05d}.png")
    (tmp_path / "predictions").mkdir()
    save_tiny_weights(tmp_path / "lite.safetensors")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ablation, "ablate_memory", lambda *given: WHOLE_STUDY(*given, variants=VARIANTS[:3]))
    return tmp_path


def test_tables_name_the_thesis(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(RUN) == 0
    captured = capsys.readouterr()
    assert STUDIES["policy"] in captured.out
    assert STUDIES["capacity"] in captured.out
    assert captured.out.count("every-5 ") >= 2
    assert ablation_variants.LEGEND in captured.out
    assert captured.err.startswith("note: 1/3 every-5 on a: J&F ")


def test_a_baseline_stands_above_the_memories(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*RUN, "--system", "first-mask,lite", "--csv", "study.csv"]) == 0
    captured = capsys.readouterr()
    assert captured.out.index("│ first-mask ") < captured.out.index("│ every-5 ")
    assert captured.out.count("│ first-mask ") == 1
    assert captured.out.endswith("baselines, which have no memory and are not timed: first-mask\n")
    note, *_ = captured.err.splitlines()
    assert note.startswith("note: 1/4 first-mask on a: J&F ")
    assert "fps" not in note
    row, *_ = csv.DictReader((folder / "study.csv").read_text().splitlines())
    assert (row["memory"], row["fps"], row["frames"]) == ("first-mask", "", "")


def test_json_csv_and_plot(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*RUN, "--json", "--csv", "study.csv", "--plot", "study.png", "-q"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    record = json.loads(captured.out)
    rows = list(csv.DictReader((folder / "study.csv").read_text().splitlines()))
    assert [(row["memory"], row["sequence"]) for row in rows[:4]] == [
        *((variant.name, "a") for variant in VARIANTS[:3]),
        (VARIANTS[0].name, "all"),
    ]
    assert float(rows[1]["F"]) == record["sequences"]["a"]["first-and-latest"]["F"]
    with Image.open(folder / "study.png") as image:
        assert image.format == "PNG"
    assert run([*RUN, "-q", "--plot", "study.png"]) == 6
    assert "study.png exists" in capsys.readouterr().err
    assert run([*RUN, "-q", "--plot", "study.png", "--overwrite"]) == 0


def test_what_was_done_is_told_before_the_failure(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*given: object) -> AblationReport:
        report = WHOLE_STUDY(*given, variants=VARIANTS[:2])  # type: ignore[arg-type]
        report.fail("first-and-latest", ValueError("no room"))
        report.error = ablation.Interrupted("stopped", signal_number=signal.SIGINT)
        return report

    monkeypatch.setattr(ablation, "ablate_memory", interrupted)
    assert run([*RUN, "--csv", "study.csv", "-q"]) == 130
    captured = capsys.readouterr()
    assert "every-5" in captured.out
    assert "first-and-latest" not in captured.out
    assert captured.err.splitlines() == [
        "warning: first-and-latest failed and is in no table: no room",
        "vostool: error: stopped",
    ]
    assert (folder / "study.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["eval", "--data", "data", "--ablate", "size"], 2, ["'size'", "--ablate memory"]),
        (["eval", "--ablate", "memory"], 2, ["--data"]),
        (["eval", "predictions", "data", "--ablate", "memory"], 2, ["--ablate", "leave PREDICTIONS out"]),
        ([*STUDY, "--system", "rgmp"], 2, ["rgmp", "lite, stcn, stm, scm, stm-refine50"]),
        ([*STUDY, "--system", "first-mask"], 2, ["no system with a memory", "among first-mask", "add one of lite"]),
        ([*STUDY, "--system", "lite,first-mask,stcn"], 2, ["one system, not lite, stcn"]),
        ([*STUDY, "--protocol", "jumpcut"], 2, ["--protocol"]),
        ([*STUDY, "--backbone", "x.pth"], 2, ["--backbone", "imagenet-features"]),
        ([*STUDY, "--backbone", "x.pth", "--system", "lite,imagenet-features"], 4, ["x.pth"]),
        ([*STUDY, "--jobs", "2"], 2, ["--jobs"]),
        ([*STUDY, "--plot", "study.xyz"], 2, ["study.xyz", ".png"]),
        ([*STUDY, "--plot", "nowhere/study.png"], 6, ["nowhere"]),
        (["eval", "--data", "data", "--system", "first-mask", "--plot", "x.png"], 2, ["--plot", "--ablate memory"]),
        ([*STUDY, "--weights", "nowhere.safetensors"], 4, ["nowhere.safetensors"]),
        ([*RUN, "--sequences", "b"], 2, ["no sequence b"]),
    ],
)
def test_mistakes_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: list[str]
) -> None:
    assert run([*arguments, "-q"]) == code
    check_error_line(capsys.readouterr().err, words)
