"""The file that an interrupted job goes on from, and what must not have changed meanwhile."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from vostool.errors import InputError, OutputError
from vostool.pipelines.job_state import differences, load_state, save_state, take_fingerprint


def make_state() -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    half = torch.randn(5, 7, generator=generator).half()
    return {"tensor": torch.randn(40, 3, generator=generator).T, "parts": [half, None, "text", 1.5, {0.75: 3}]}


def test_comes_back_with_types_and_layout(tmp_path: Path) -> None:
    save_state(tmp_path / "job.state", make_state())
    found, expected = load_state(tmp_path / "job.state"), make_state()
    assert torch.equal(found["tensor"], expected["tensor"])
    assert found["tensor"].stride() == expected["tensor"].stride()
    assert found["parts"][0].dtype == torch.float16
    assert torch.equal(found["parts"][0], expected["parts"][0])
    assert found["parts"][1:] == expected["parts"][1:]
    assert os.listdir(tmp_path) == ["job.state"]


def test_the_latest_counts(tmp_path: Path) -> None:
    for number in range(3):
        save_state(tmp_path / "job.state", {"number": number})
    assert load_state(tmp_path / "job.state") == {"number": 2}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_one_bit_is_noticed(tmp_path: Path, share: float) -> None:
    path = tmp_path / "job.state"
    save_state(path, {"tensor": torch.randn(200, 30)})
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] ^= 4
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"job\.state holds no state \(it is .*\); start anew"):
        load_state(path)


@pytest.mark.parametrize("num_bytes", [0, 10, 1000, -1])
def test_a_file_that_is_cut_off(tmp_path: Path, num_bytes: int) -> None:
    path = tmp_path / "job.state"
    save_state(path, make_state())
    path.write_bytes(path.read_bytes()[:num_bytes])
    with pytest.raises(InputError, match=r"job\.state holds no state \(it is cut off"):
        load_state(path)


def test_other_files_are_no_state(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "other.pt")
    with pytest.raises(InputError, match="of another version"):
        load_state(tmp_path / "other.pt")
    with pytest.raises(InputError, match=r"none\.pt cannot be read \(No such file"):
        load_state(tmp_path / "none.pt")


def test_what_cannot_be_loaded_safely_is_refused(tmp_path: Path) -> None:
    save_state(tmp_path / "job.state", {"path": tmp_path})
    with pytest.raises(InputError, match="holds no state"):
        load_state(tmp_path / "job.state")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("unexpected pos 64\nmore")])
def test_a_full_disk_leaves_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    path = tmp_path / "job.state"
    save_state(path, {"number": 1})

    def fail(state: object, file: Any) -> None:
        file.write(b"half")
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", fail)
        with pytest.raises(OutputError, match=r"job\.state cannot be written \((No space left|unexpected pos 64\))"):
            save_state(path, {"number": 2})
    assert load_state(path) == {"number": 1}
    assert os.listdir(tmp_path) == ["job.state"]


def test_no_folder_to_write_to(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file or directory"):
        save_state(tmp_path / "none" / "job.state", {})


class Job:
    """What a fingerprint is taken of, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.clip, self.mask, self.masks = folder / "clip.mp4", folder / "first.png", folder / "masks"
        self.clip.write_bytes(b"clip" * 1000)
        self.mask.write_bytes(b"mask")
        self.masks.mkdir()
        for number in range(2):
            (self.masks / f"{number}.png").write_bytes(bytes([number]))
        self.weights = {"lite": "abc"}
        self.options: dict[str, object] = {"size": 480, "top_k": None}

    def fingerprint(self) -> dict[str, dict[str, str]]:
        return take_fingerprint(self.clip, [self.mask, self.masks], self.weights, self.options)


def test_nothing_has_changed(tmp_path: Path) -> None:
    job = Job(tmp_path)
    before = json.loads(json.dumps(job.fingerprint()))
    assert before == job.fingerprint()
    assert differences(before, job.fingerprint()) == []


def test_every_change_is_named(tmp_path: Path) -> None:
    job = Job(tmp_path)
    before = job.fingerprint()
    job.mask.write_bytes(b"other")
    (job.masks / "0.png").unlink()
    (job.masks / "2.png").write_bytes(b"2")
    job.weights = {"lite": "abd"}
    job.options = {"size": 360, "top_k": 20}
    before["program"] = {"vostool": "0.0.1"}
    *lines, program = differences(before, job.fingerprint())
    assert lines == [
        "mask first.png has changed",
        "mask 2.png is new",
        "mask 0.png is gone",
        "weights lite has changed",
        "option size was 480 and is now 360",
        "option top_k was not set and is now 20",
    ]
    assert program.startswith("vostool was 0.0.1 and is now ")


def test_changes_of_the_clip(tmp_path: Path) -> None:
    job = Job(tmp_path)
    before = job.fingerprint()
    job.clip.write_bytes(b"Clip" + b"clip" * 1000)
    size, date, beginning = differences(before, job.fingerprint())
    assert size == "the clip's size in bytes was 4000 and is now 4004"
    assert date.startswith("the clip's date in ns was ")
    assert beginning.startswith("the clip's beginning (sha256) was ")
    os.utime(job.clip, ns=(0, int(before["clip"]["date in ns"])))
    assert len(differences(before, job.fingerprint())) == 2


def test_a_folder_of_images_is_a_clip(tmp_path: Path) -> None:
    job = Job(tmp_path)
    job.clip = job.masks
    before = job.fingerprint()
    assert before["clip"]["number of files"] == "2"
    (job.masks / "1.png").unlink()
    assert "the clip's number of files was 2 and is now 1" in differences(before, job.fingerprint())


def test_a_pipe_has_but_a_name() -> None:
    assert take_fingerprint(Path("-"), [], {}, {})["clip"] == {"path": "-"}
