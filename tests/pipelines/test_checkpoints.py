"""The folder beside an unfinished output: what it holds, and what is said when it does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from vostool.errors import InputError, OutputError, UsageError
from vostool.pipelines.checkpoints import JobFolder
from vostool.pipelines.job_state import Fingerprint

FINGERPRINT: Fingerprint = {
    "clip": {"path": "/a/clip.mp4", "size in bytes": "10"},
    "mask": {"of frame 0": "x"},
    "weights": {"lite.safetensors": "y"},
    "option": {"size": "480", "end": "None", "flip": "False", "system": "lite"},
    "program": {"vostool": "1"},
}


def changed(**values: dict[str, str]) -> Fingerprint:
    return {kind: {**each, **values.get(kind, {})} for kind, each in FINGERPRINT.items()}


def test_it_lies_beside_the_output_and_goes_as_a_whole(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path / "alpha.mov", FINGERPRINT)
    assert folder.path == tmp_path / "alpha.mov.job"
    assert not folder.path.exists()
    folder.prepare()
    folder.prepare()
    assert not folder.has_state
    folder.save({"next_frame": 3, "numbers": [1.5, None, "text"]})
    assert folder.has_state
    state = folder.load()
    assert (state["next_frame"], state["numbers"]) == (3, [1.5, None, "text"])
    folder.records_path.write_text("{}\n")
    folder.remove()
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_kill_while_it_goes_leaves_nothing_to_go_on_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = JobFolder(tmp_path / "masks", FINGERPRINT)
    folder.prepare()
    folder.save({"next_frame": 3})
    monkeypatch.setattr("shutil.rmtree", lambda *arguments, **named: None)
    folder.remove()
    assert not folder.has_state


def test_the_newest_state_counts(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path / "masks", FINGERPRINT)
    folder.prepare()
    for frame in (3, 6):
        folder.save({"next_frame": frame})
    assert folder.load()["next_frame"] == 6
    assert [path.name for path in folder.path.iterdir()] == ["state"]


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (changed(mask={"of frame 0": "z"}), "mask of frame 0 has changed"),
        (changed(mask={"of frame 9": "z"}), "mask of frame 9 is new"),
        (changed(weights={"lite.safetensors": "z"}), "weights lite.safetensors has changed"),
        (changed(option={"size": "240"}), "option size was 480 and is now 240"),
        (changed(option={"end": "9"}), "option end was not set and is now 9"),
        (changed(clip={"size in bytes": "11"}), "the clip's size in bytes was 10 and is now 11"),
        (changed(program={"vostool": "2"}), "vostool was 1 and is now 2"),
    ],
)
def test_what_is_another_is_named(tmp_path: Path, now: Fingerprint, words: str) -> None:
    before = JobFolder(tmp_path / "masks", FINGERPRINT)
    before.prepare()
    before.save({"next_frame": 3})
    with pytest.raises(UsageError) as caught:
        JobFolder(tmp_path / "masks", now).load()
    assert caught.value.message == f"cannot resume: {words}"
    assert "--overwrite" in caught.value.hint
    assert before.load()["next_frame"] == 3


def test_many_changes_are_counted(tmp_path: Path) -> None:
    before = JobFolder(tmp_path / "masks", FINGERPRINT)
    before.prepare()
    before.save({})
    now = changed(option={"size": "1", "end": "2", "flip": "3", "system": "4"}, mask={"of frame 0": "5"})
    with pytest.raises(UsageError, match=r"mask of frame 0 has changed, .*, and 2 more;"):
        JobFolder(tmp_path / "masks", now).load()


def test_a_damaged_state_is_told_from_a_changed_job(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path / "masks", FINGERPRINT)
    folder.prepare()
    folder.save({"next_frame": 3})
    data = bytearray(folder.state_path.read_bytes())
    data[len(data) // 2] ^= 1
    folder.state_path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        folder.load()


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "masks.job").write_text("a file")
    folder = JobFolder(tmp_path / "masks", FINGERPRINT)
    with pytest.raises(OutputError, match=r"masks\.job"):
        folder.prepare()
    assert not folder.has_state
