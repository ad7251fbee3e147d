"""``vostool eval``: masks on disk and systems, tables, JSON and CSV, and mistakes in one line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from error_lines import check_error_line
from PIL import Image

from vostool.cli.app import run
from vostool.cli.evaluate import PROTOCOLS as SHOWN
from vostool.pipelines.ground_truth import PROTOCOLS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Annotations and predictions of two sequences of ten frames, and a data set of the same annotations."""
    for name in ("a", "b"):
        for kind in ("predictions", "data/Annotations", "data/JPEGImages"):
            (tmp_path / kind / name).mkdir(parents=True)
            for index in range(10):
                labels = np.zeros((20, 30), np.uint8)
                labels[4:12, 3:13], labels[14:18, 5 : 15 + 5 * (kind == "predictions")] = 1, 2
                Image.fromarray(labels).save(tmp_path / kind / name / f"{index:05d}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


DISK = ["eval", "predictions", "data"]


def test_table_json_and_csv_agree(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*DISK, "--jobs", "1", "--csv", "scores.csv"]) == 0
    captured = capsys.readouterr()
    assert "0.833" in captured.out
    assert captured.err == "note: a: J 0.833\nnote: b: J 0.833\n"
    assert run([*DISK, "--jobs", "1", "--json", "-q"]) == 0
    record = json.loads(capsys.readouterr().out)["predictions"]
    rows = list(csv.DictReader((folder / "scores.csv").read_text().splitlines()))
    assert [(row["sequence"], row["object"]) for row in rows[:3]] == [("a", "1"), ("a", "2"), ("a", "all")]
    assert float(rows[1]["J"]) == record["sequences"]["a"]["objects"]["2"]["J"]["mean"] == 10 / 15
    assert float(rows[-1]["F decay"]) == record["F"]["decay"]
    assert float(rows[-1]["J&F"]) == record["J&F"]


def test_missing_frames_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "predictions/a/00004.png").unlink()
    assert run([*DISK, "--jobs", "1"]) == 3
    assert "--allow-missing" in capsys.readouterr().err
    assert run([*DISK, "--jobs", "1", "-q", "--allow-missing"]) == 0
    assert capsys.readouterr().err == "warning: a: frames without a prediction, which count as wrong: 1\n"


def test_other_protocols_have_their_own_columns(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*DISK, "--jobs", "1", "--protocol", "segtrack"]) == 0
    assert "IoU" in capsys.readouterr().out
    assert run(["eval", "--data", "data", "--system", "first-mask,optical-flow", "--protocol", "jumpcut"]) == 0
    captured = capsys.readouterr()
    assert "d=32" in captured.out
    assert "note: first-mask on a: error 0.000 at 8\n" in captured.err
    assert run([*DISK, "--jobs", "1", "--protocol", "jumpcut", "--allow-missing", "--json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["predictions"]["d=8"] == 1.0


def test_youtube_prints_seen_unseen_and_overall(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    objects = {"1": {"category": "dog"}, "2": {"category": "sloth"}}
    (folder / "data/meta.json").write_text(json.dumps({"videos": {key: {"objects": objects} for key in "ab"}}))
    (folder / "seen.json").write_text('["dog"]')
    assert run([*DISK, "--jobs", "1", "--protocol", "youtube", "--seen", "seen.json", "-q"]) == 0
    printed = capsys.readouterr().out
    for word in ("seen", "unseen", "overall"):
        assert word in printed


def test_systems_side_by_side_over_a_split(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "data/ImageSets/2017").mkdir(parents=True)
    (folder / "data/ImageSets/2017/val.txt").write_text("b\n")
    assert (
        run(["eval", "--data", "data", "--system", "first-mask,optical-flow", "--split", "val", "--csv", "x.csv"]) == 0
    )
    captured = capsys.readouterr()
    assert "J on each sequence, and over all" in captured.out
    assert "first-mask on b: J 1.000" in captured.err
    rows = list(csv.DictReader((folder / "x.csv").read_text().splitlines()))
    assert [(row["system"], row["object"]) for row in rows[:2]] == [("first-mask", "1"), ("first-mask", "2")]
    assert {row["system"] for row in rows} == {"first-mask", "optical-flow"}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["eval"], 2, ["nothing to score", "--data"]),
        (["eval", "predictions"], 2, ["PREDICTIONS ANNOTATIONS"]),
        ([*DISK, "--data", "data"], 2, ["--data"]),
        ([*DISK, "--system", "lite"], 2, ["--system"]),
        (["eval", "--data", "data", "--allow-missing"], 2, ["--allow-missing"]),
        (["eval", "--data", "data", "--jobs", "2"], 2, ["--jobs"]),
        (
            ["eval", "--data", "data", "--system", "first-mask", "--protocol", "youtube"],
            2,
            ["appear later", "choose among lite"],
        ),
        ([*DISK, "--protocol", "coco"], 2, ["coco", "segtrack"]),
        ([*DISK, "--protocol", "jumpcut", "--year", "2017"], 2, ["--year"]),
        ([*DISK, "--seen", "x.json"], 2, ["--protocol youtube"]),
        ([*DISK, "--year", "2018"], 2, ["2018"]),
        ([*DISK, "--split", "val", "--sequences", "a"], 2, ["give one of them"]),
        ([*DISK, "--sequences", "c"], 2, ["no sequence c", "a, b"]),
        ([*DISK, "--split", "val"], 3, ["ImageSets"]),
        (["eval", "predictions", "nowhere"], 3, ["nowhere"]),
        (["eval", "nowhere", "data"], 3, ["sequence a has no predictions"]),
        ([*DISK, "--csv", "nowhere/x.csv"], 6, ["nowhere"]),
        ([*DISK, "--csv", "data"], 6, ["data"]),
    ],
)
def test_mistakes_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: list[str]
) -> None:
    assert run([*arguments, "-q"]) == code
    check_error_line(capsys.readouterr().err, words)


def test_protocols_are_those_of_the_library() -> None:
    assert set(SHOWN) == {*PROTOCOLS, "jumpcut"}
