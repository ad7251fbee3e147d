"""The report's page: whole, alone, true to the scores, safe with any name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from report_pages import GONE, LOST, NEAR_POOR, POOR, Page, write_data_set

from vostool.errors import OutputError
from vostool.metrics.report import Scores
from vostool.metrics.tables import region_rows, score_rows
from vostool.pipelines.evaluate import evaluate
from vostool.pipelines.report_page import Scoring, build_page, write_page

HOSTILE = '<script>alert(1)</script> & "x"=\''
NAMES = ("a", HOSTILE.replace("/", "-"))


def scoring(root: Path, protocol: str = "davis", systems: Sequence[str] = ("predictions",)) -> Scoring:
    folders = dict.fromkeys(systems, root / "predictions")
    return Scoring(protocol, root / "data", folders, str(root / "predictions"), "vostool eval 'x y'")


def score(root: Path, protocol: str = "davis", **options: bool) -> Scores:
    return evaluate(root / "predictions", root / "data", protocol=protocol, **options)


def page_of(root: Path, protocol: str = "davis", **options: bool) -> Page:
    scores = score(root, protocol, **options)
    rows = region_rows(scores) if protocol == "segtrack" else score_rows(scores)
    return Page(build_page(scoring(root, protocol), {"predictions": scores}, {"predictions": rows}))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scored")
    write_data_set(folder, NAMES)
    return folder


@pytest.fixture(scope="module")
def page(root: Path) -> Page:
    return page_of(root)


def test_it_is_alone_and_runs_nothing(page: Page) -> None:
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}
    addresses = [value for _, attributes in page.tags for key, value in attributes.items() if key in ("src", "href")]
    assert all(address and address.startswith(("data:image/", "#")) for address in addresses)
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
    assert "default-src 'none'" in str(page.values("meta", "content"))


def test_names_are_escaped(root: Path) -> None:
    scores = score(root)
    text = build_page(
        replace(scoring(root, systems=[HOSTILE]), source=HOSTILE, command=HOSTILE), {HOSTILE: scores},
        {HOSTILE: score_rows(scores)},
    )  # fmt: skip
    assert "<script" not in text
    assert HOSTILE in Page(text).text
    assert NAMES[1] in Page(text).text


def test_anchors_lead_somewhere(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {str(href)[1:] for href in page.values("a", "href")} <= set(ids)
    assert {"scores", "distribution", "worst", "time", "objects", "sequence-1", "sequence-2"} <= set(ids)


def test_it_says_what_was_scored(page: Page, root: Path) -> None:
    for words in (
        "davis, year 2017",
        str(root / "predictions"),
        str(root / "data"),
        "vostool eval 'x y'",
        "by vostool",
    ):
        assert words in page.text


def test_every_figure_of_the_table_is_there(page: Page, root: Path) -> None:
    for row in score_rows(score(root)):
        figures = " ".join(f"{value:.3f}" for value in row.values() if isinstance(value, float))
        assert figures in page.text


def test_pictures_charts_and_tables_speak(page: Page) -> None:
    assert all(page.values("img", "alt"))
    assert all(page.values("svg", "aria-label"))
    assert set(page.values("th", "scope")) == {"col", "row"}
    tags = [tag for tag, _ in page.tags]
    assert tags.count("title") >= tags.count("svg") == 5
    assert tags.count("caption") == tags.count("table")


def test_the_worst_frame_comes_first(page: Page) -> None:
    captions = re.findall(r"object \d+, frame \d+: J [\d.]+", page.text)
    assert captions[0] == f"object 1, frame {LOST:05d}: J 0.000"
    assert f"object 1, frame {POOR:05d}: J 0.100" in captions
    assert not any(f"frame {NEAR_POOR:05d}" in caption for caption in captions)


def test_what_is_special_is_told(page: Page) -> None:
    assert f"1 frame on which the object is to be seen and nothing is predicted: {LOST:05d}" in page.text
    assert f"1 frame on which the object is not to be seen: {GONE:05d}" in page.text
    assert "which scores 0" not in page.text


def test_missing_frames_break_the_line(tmp_path: Path) -> None:
    write_data_set(tmp_path, ("a",))
    (tmp_path / "predictions/a/00011.png").unlink()
    page = page_of(tmp_path, allow_missing=True)
    assert "1 frame without a prediction, which scores 0: 00011" in page.text
    assert "no prediction: scored 0" in page.text
    lines = [points for points in page.values("polyline", "points") if points]
    # Two objects in two charts, each line in two pieces; the first frame, the last and the missing one are left out.
    assert sorted(len(points.split()) for points in lines) == [7] * 4 + [10] * 4 + [101]


def test_without_frames_masks_stand_on_black(tmp_path: Path) -> None:
    write_data_set(tmp_path, ("a",), has_frames=False)
    page = page_of(tmp_path)
    assert "masks stand alone on black" in page.text
    assert all(str(address).startswith("data:image/png") for address in page.values("img", "src"))


@pytest.mark.parametrize("protocol", ["youtube", "segtrack"])
def test_other_protocols(root: Path, protocol: str) -> None:
    text = page_of(root, protocol).text
    assert f"{protocol}, year 2017" in text
    assert ("IoU" in text) == (protocol == "segtrack")
    assert ("J&F" in text) == (protocol == "youtube")


def test_systems_share_charts_and_tables(root: Path) -> None:
    scores = score(root)
    results = {"one": scores, "two": scores}
    text = build_page(
        scoring(root, systems=["one", "two"]), results, {name: score_rows(each) for name, each in results.items()}
    )
    page = Page(text)
    assert [tag for tag, _ in page.tags].count("svg") == 1 + 2 * 2 * 2
    assert sum("s0" in str(style) or "s1" in str(style) for style in page.values("g", "class")) == 2
    assert "; others: two 0.000" in page.text


def test_it_is_written_whole_or_not_at_all(root: Path, tmp_path: Path) -> None:
    scores = score(root)
    arguments = (scoring(root), {"predictions": scores}, {"predictions": score_rows(scores)})
    write_page(tmp_path / "page.html", *arguments)
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="cannot write"):
        write_page(tmp_path / "folder", *arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "page.html"]


def test_frames_of_another_size_are_fitted(tmp_path: Path) -> None:
    write_data_set(tmp_path, ("a",))
    for file in (tmp_path / "data/JPEGImages/a").iterdir():
        Image.fromarray(np.zeros((80, 120, 3), np.uint8)).save(file)
    assert {"60"} == set(page_of(tmp_path).values("img", "width"))
