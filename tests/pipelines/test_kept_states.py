"""States that outlive their job: which are found, how many are kept, and how much room they take."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vostool.pipelines import kept_states
from vostool.pipelines.job_state import Fingerprint, save_state
from vostool.pipelines.kept_states import MOST_STATES, KeptStates, masks_until, name_mask, states_folder

FINGERPRINT: Fingerprint = {"clip": {"path": "a"}, "mask": {"of frame 0": "x"}, "option": {"size": "480"}}


@pytest.fixture(autouse=True)
def states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOSTOOL_STATES", str(tmp_path / "states"))
    return tmp_path / "states"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "masks"
    folder.mkdir()
    (folder / "00000.png").write_bytes(b"first")
    return folder


def keep(kept: KeptStates, folder: Path, *frames: int, num_bytes: int = 10) -> None:
    for frame in frames:
        path = folder / "state"
        save_state(path, {"next_frame": frame, "fingerprint": FINGERPRINT, "filling": "x" * num_bytes})
        kept.keep(frame, path)


def frames_kept(states: Path) -> list[int]:
    return sorted(int(path.stem) for path in states.rglob("*.state"))


def found(kept: KeptStates, frame: int, output: Path, fingerprint: Fingerprint = FINGERPRINT) -> int | None:
    state = kept.find(frame, [output], fingerprint)
    return None if state is None else state["next_frame"]


def test_the_folder_is_that_of_the_variable(states: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert states_folder() == states
    monkeypatch.delenv("VOSTOOL_STATES")
    monkeypatch.setenv("VOSTOOL_CACHE", str(tmp_path / "cache"))
    assert states_folder().name == "states"
    assert states_folder() != states


@pytest.mark.parametrize(("frame", "expected"), [(2, None), (3, 3), (5, 3), (6, 6), (99, 9)])
def test_the_newest_state_that_is_early_enough(tmp_path: Path, output: Path, frame: int, expected: int | None) -> None:
    kept = KeptStates(output)
    keep(kept, tmp_path, 3, 6, 9)
    kept.finish([output], FINGERPRINT)
    assert found(kept, frame, output) == expected


def test_nothing_is_found_before_the_job_is_finished_nor_after_the_outputs_changed(
    tmp_path: Path, output: Path
) -> None:
    kept = KeptStates(output)
    keep(kept, tmp_path, 3)
    assert found(kept, 5, output) is None
    kept.finish([output], FINGERPRINT)
    assert found(kept, 5, output) == 3
    (output / "00001.png").write_bytes(b"another")
    assert found(kept, 5, output) is None


def test_a_picture_that_was_painted_over_is_noticed(tmp_path: Path, output: Path) -> None:
    kept = KeptStates(output)
    keep(kept, tmp_path, 3)
    kept.finish([output], FINGERPRINT)
    before = (output / "00000.png").stat()
    (output / "00000.png").write_bytes(b"other")
    os.utime(output / "00000.png", ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert found(kept, 5, output) is None


def test_only_later_masks_may_be_others(tmp_path: Path, output: Path) -> None:
    kept = KeptStates(output)
    keep(kept, tmp_path, 3)
    kept.finish([output], FINGERPRINT)
    later = {**FINGERPRINT, "mask": {"of frame 0": "x", "of frame 3": "new"}}
    earlier = {**FINGERPRINT, "mask": {"of frame 0": "x", "of frame 2": "new"}}
    assert found(kept, 5, output, later) == 3
    assert found(kept, 5, output, earlier) is None
    assert found(kept, 5, output, {**FINGERPRINT, "option": {"size": "240"}}) is None


def test_masks_are_told_apart_by_number_not_by_text() -> None:
    many = {name_mask(frame): "x" for frame in (9, 10, 100)}
    assert masks_until({"mask": many}, 10) == {"mask": {name_mask(9): "x"}}


def test_states_thin_out_evenly(tmp_path: Path, output: Path, states: Path) -> None:
    kept = KeptStates(output)
    for number in range(1, 101):
        keep(kept, tmp_path, 3 * number)
        assert len(frames_kept(states)) <= MOST_STATES
    frames = frames_kept(states)
    assert max(later - earlier for earlier, later in zip([0, *frames], [*frames, 300], strict=True)) <= 75


def test_what_was_stopped_at_an_odd_frame_thins_out_too(tmp_path: Path, output: Path, states: Path) -> None:
    """An interruption saves a state at any frame."""
    kept = KeptStates(output)
    for frame in (100, 137, 200, 300, 400, 500, 600, 700, 800, 900, 1000):
        keep(kept, tmp_path, frame)
    frames = frames_kept(states)
    assert 1 <= len(frames) <= MOST_STATES
    assert max(later - earlier for earlier, later in zip([0, *frames], [*frames, 1000], strict=True)) <= 300


def test_states_of_a_part_thin_out_too(tmp_path: Path, output: Path, states: Path) -> None:
    """With ``--start 7`` no frame number is a multiple of anything."""
    kept = KeptStates(output)
    for frame in range(107, 2107, 100):
        keep(kept, tmp_path, frame)
        frames = frames_kept(states)
        assert 1 <= len(frames) <= MOST_STATES
        gaps = [later - earlier for earlier, later in zip([7, *frames], [*frames, frame], strict=True)]
        assert max(gaps) <= max(100, (frame - 7) / 2)


def test_later_states_are_forgotten(tmp_path: Path, output: Path, states: Path) -> None:
    kept = KeptStates(output)
    keep(kept, tmp_path, 3, 6, 9)
    kept.forget_from(6)
    assert frames_kept(states) == [3]
    kept.clear()
    assert frames_kept(states) == []


def test_the_oldest_job_makes_room(tmp_path: Path, states: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_states, "MOST_BYTES", 30_000)
    jobs = []
    for number in range(4):
        output = tmp_path / f"masks{number}"
        output.mkdir()
        kept = KeptStates(output)
        keep(kept, tmp_path, 3, num_bytes=10_000)
        kept.finish([output], FINGERPRINT)
        for folder in states.iterdir():
            # A second older with each job.
            stat = folder.stat()
            os.utime(folder, ns=(stat.st_atime_ns, stat.st_mtime_ns - 10**9))
        jobs.append((kept, output))
    assert [found(kept, 5, output) for kept, output in jobs] == [None, None, 3, 3]
    assert sum(kept.num_bytes for kept, _ in jobs) <= 30_000


def test_the_newest_job_stays_however_large(tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_states, "MOST_BYTES", 100)
    kept = KeptStates(output)
    keep(kept, tmp_path, 3, num_bytes=10_000)
    kept.finish([output], FINGERPRINT)
    assert found(kept, 5, output) == 3


def test_one_job_keeps_to_the_bound_while_it_runs(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is thinned out gives its room back: states are files, not names of one."""
    kept = KeptStates(output)
    for number in range(1, 40):
        keep(kept, tmp_path, number, num_bytes=10_000)
        assert kept.num_bytes < (MOST_STATES + 1) * 13_000


def test_kept_states_do_not_change_with_the_newest_one(tmp_path: Path, output: Path) -> None:
    """They may share a file with the state of the job, which is replaced at the next checkpoint."""
    kept = KeptStates(output)
    keep(kept, tmp_path, 3, 6)
    kept.finish([output], FINGERPRINT)
    assert found(kept, 4, output) == 3


def test_a_cache_that_cannot_be_written_to_is_no_error(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("VOSTOOL_STATES", str(tmp_path / "file" / "states"))
    kept = KeptStates(output)
    keep(kept, tmp_path, 3)
    kept.finish([output], FINGERPRINT)
    assert found(kept, 5, output) is None


def test_a_damaged_state_is_not_found(tmp_path: Path, output: Path, states: Path) -> None:
    kept = KeptStates(output)
    keep(kept, tmp_path, 3)
    kept.finish([output], FINGERPRINT)
    (path,) = states.rglob("*.state")
    path.write_bytes(path.read_bytes()[:-5])
    assert found(kept, 5, output) is None
