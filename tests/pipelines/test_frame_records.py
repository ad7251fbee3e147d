"""Lines of JSON on disk: they grow, are cut back to a checkpoint, and get their final place."""

from __future__ import annotations

from pathlib import Path

import pytest

from vostool.errors import OutputError, UsageError
from vostool.pipelines.frame_records import RecordFile, check_records, deliver_records, read_records
from vostool.pipelines.watch import FrameRecord, ObjectRecord


def record(index: int) -> FrameRecord:
    return FrameRecord(index, index / 3, index == 0, False, False, (ObjectRecord(7, 0.1 * index, 0.9, "seen"),))


def frames_in(path: Path) -> list[int]:
    return [each["frame"] for each in read_records(path)]


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    records = RecordFile(path)
    for index in range(3):
        records.add(record(index))
    records.close()
    records.close()
    found = list(read_records(path))
    assert [{**each, "objects": tuple(each["objects"])} for each in found] == [record(i).to_dict() for i in range(3)]
    assert path.read_bytes().count(b"\n") == 3


def test_a_checkpoint_is_what_stays(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    records = RecordFile(path)
    records.add(record(0))
    records.add(record(1))
    num_bytes = records.checkpoint()
    assert path.stat().st_size == num_bytes
    records.add(record(2))
    records.close()
    again = RecordFile(path, num_bytes)
    assert again.checkpoint() == path.stat().st_size == num_bytes
    again.add(record(2))
    again.add(record(3))
    again.close()
    assert frames_in(path) == [0, 1, 2, 3]


def test_a_half_line_after_the_checkpoint_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    records = RecordFile(path)
    records.add(record(0))
    num_bytes = records.checkpoint()
    records.close()
    with path.open("ab") as file:
        file.write(b'{"frame":1,"ti')
    again = RecordFile(path, num_bytes)
    again.add(record(1))
    again.close()
    assert frames_in(path) == [0, 1]


def test_a_new_file_replaces_an_old_one(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text("of another job\n")
    records = RecordFile(path)
    records.add(record(5))
    records.close()
    assert frames_in(path) == [5]


def test_a_disk_that_refuses_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"nowhere"):
        RecordFile(tmp_path / "nowhere" / "records.jsonl")


def test_what_could_not_be_written_at_the_end_is_refused_at_the_start(tmp_path: Path) -> None:
    check_records(None, False, [])
    check_records(tmp_path / "new.jsonl", False, [])
    taken = tmp_path / "taken.jsonl"
    taken.write_text("precious")
    with pytest.raises(OutputError, match=r"taken\.jsonl exists"):
        check_records(taken, False, [])
    check_records(taken, True, [])
    with pytest.raises(OutputError, match="exists"):
        check_records(tmp_path, True, [])
    with pytest.raises(OutputError, match="missing"):
        check_records(tmp_path / "nowhere" / "new.jsonl", True, [])


def test_records_never_replace_what_the_job_reads_or_writes(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="--records"):
        check_records(tmp_path / "folder" / ".." / "clip.mp4", True, [tmp_path / "mask.png", tmp_path / "clip.mp4"])


def test_delivered_records_are_whole_and_replace_what_was_there(tmp_path: Path) -> None:
    spool, final = tmp_path / "spool", tmp_path / "final.jsonl"
    records = RecordFile(spool)
    records.add(record(0))
    records.close()
    final.write_text("old")
    deliver_records(spool, final)
    assert frames_in(final) == [0]
