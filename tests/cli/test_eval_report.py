"""``vostool eval --report``: the page from the command line, and as a browser shows it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from report_pages import Page, write_data_set

from vostool.cli.app import run

DISK = ["eval", "predictions", "data", "--jobs", "1", "-q"]
SYSTEM = ["eval", "--data", "data", "--system", "first-mask", "-q"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_data_set(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_masks_on_disk(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*DISK, "--report", "a page.html"]) == 0
    shown = re.search(r"│ all +│ all +│ +\d+ │ (0\.\d+)", capsys.readouterr().out)
    text = Page((folder / "a page.html").read_text(encoding="utf-8")).text
    assert shown
    assert shown[1] in text
    assert "vostool eval predictions data --jobs 1 --report 'a page.html' --quiet" in text


def test_systems(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder / "scratch"))
    assert run([*SYSTEM[:-2], "first-mask,optical-flow", "-q", "--report", "page.html"]) == 0
    text = Page((folder / "page.html").read_text(encoding="utf-8")).text
    assert "Scores of first-mask, optical-flow" in text
    assert "nothing is predicted" not in text
    assert not list((folder / "scratch").iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        ([*DISK, "--report", "data"], 6, "data exists"),
        ([*DISK, "--report", "old.html"], 6, "--overwrite"),
        ([*DISK, "--report", "nowhere/page.html"], 6, "nowhere"),
        ([*DISK, "--report", "page.html", "--protocol", "jumpcut"], 2, "jumpcut does not have"),
    ],
)
def test_refused_before_anything_is_scored(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, word: str
) -> None:
    (folder / "old.html").write_text("old")
    assert run(arguments) == code
    captured = capsys.readouterr()
    assert word in captured.err
    assert len(captured.err.splitlines()) == 1
    assert not captured.out
    assert (folder / "old.html").read_text() == "old"


def test_overwrite(folder: Path) -> None:
    (folder / "old.html").write_text("old")
    assert run([*DISK, "--report", "old.html", "--overwrite"]) == 0
    assert "Worst frames" in (folder / "old.html").read_text(encoding="utf-8")


def test_a_browser_shows_it_without_complaint(folder: Path) -> None:
    """The second page asks for a picture from outside, to see that a complaint would be heard."""
    assert run([*DISK, "--report", "page.html"]) == 0
    text = (folder / "page.html").read_text(encoding="utf-8")
    (folder / "outside.html").write_text(text.replace("</h1>", '</h1><img src="http://localhost:9/x.png">'), "utf-8")
    content, complaints = browse(folder / "page.html", folder)
    assert not complaints
    assert "Worst frames" in Page(content.partition("<html")[2].join(("<html", ""))).text
    assert browse(folder / "outside.html", folder)[1]


def browse(page: Path, folder: Path) -> tuple[str, list[str]]:
    """What the page is once it is shown, and what the browser's console says about it."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("there is no Chromium to show the page")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr"]
    command = [browser, *flags, f"--user-data-dir={folder / 'profile'}", "--dump-dom", page.as_uri()]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return outcome.stdout, [line for line in outcome.stderr.splitlines() if "CONSOLE" in line]
