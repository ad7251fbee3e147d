"""The speed of scoring: what is compared has equal numbers, and the figures are of all rounds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vostool.cli.app import run
from vostool.errors import VostoolError
from vostool.pipelines import benchmark_scoring as module
from vostool.pipelines.benchmark_scoring import (
    DEFAULT,
    ONE_PROCESS,
    PLAIN,
    ScoringReport,
    benchmark_scoring,
    check_equal,
    plain_evaluate,
)
from vostool.pipelines.evaluate import evaluate


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two sequences of five frames: two objects with void, and one of the values 0 and 255."""
    for kind, shift in (("predictions", 3), ("truth", 0)):
        for name, ids in (("ids", (1, 2)), ("more", (1, 2))):
            (tmp_path / kind / name).mkdir(parents=True)
            for index in range(5):
                labels = np.zeros((60, 80), np.uint8)
                labels[10:30, 10 + index + shift : 40 + index], labels[35:50, 20 : 50 + shift] = ids
                if kind == "truth":
                    labels[0] = 255
                Image.fromarray(labels).save(tmp_path / kind / name / f"{index:05d}.png")
    return tmp_path / "predictions", tmp_path / "truth"


def test_every_way_takes_its_turn(folders: tuple[Path, Path]) -> None:
    notes: list[str] = []
    report = benchmark_scoring(*folders, notes.append, num_rounds=2)
    assert (report.num_frames, report.num_objects, notes) == (6, 4, ["round 1 of 2", "round 2 of 2"])
    assert {name: len(each) for name, each in report.seconds.items()} == {PLAIN: 2, ONE_PROCESS: 2, DEFAULT: 2}


def test_ratios_are_those_of_the_rounds() -> None:
    report = ScoringReport(10, 1, {PLAIN: (6.0, 8.0, 9.0), ONE_PROCESS: (1.0, 1.0, 3.0), DEFAULT: (1.0, 2.0, 1.0)})
    assert report.ratios(ONE_PROCESS) == [3.0, 6.0, 8.0]
    assert report.rows()[1] == {
        "scored by": ONE_PROCESS, "ms/frame": 100.0, "times faster": 6.0, "lowest": 3.0, "highest": 8.0
    }  # fmt: skip


def test_numbers_that_differ_are_refused(folders: tuple[Path, Path]) -> None:
    scores, plain = evaluate(*folders), plain_evaluate(*folders)
    check_equal(scores, plain)
    first = scores.sequences[0]
    worse = replace(first.objects[0], boundaries=(0.5, *first.objects[0].boundaries[1:]))
    changed = replace(scores, sequences=(replace(first, objects=(worse, *first.objects[1:])), *scores.sequences[1:]))
    with pytest.raises(VostoolError, match="sequence ids are not those of the definition"):
        check_equal(changed, plain)


def test_year_2016_is_recognised(tmp_path: Path) -> None:
    for index in range(4):
        mask = np.zeros((30, 40), np.uint8)
        mask[5:20, 5 + index : 20] = 255
        (tmp_path / "truth/white").mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(tmp_path / f"truth/white/{index}.png")
    check_equal(
        evaluate(tmp_path / "truth", tmp_path / "truth"), plain_evaluate(tmp_path / "truth", tmp_path / "truth")
    )


def test_command(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.benchmark_scoring, "__defaults__", (lambda text: None, 1))
    assert run(["bench", "--scoring", *map(str, folders), "-q"]) == 0
    assert "scoring 6 frames, 4 objects" in capsys.readouterr().out
    assert run(["bench", "--scoring", *map(str, folders), "-q", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["ratios"]) == {PLAIN, ONE_PROCESS, DEFAULT}
