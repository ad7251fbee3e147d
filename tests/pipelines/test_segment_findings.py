"""What a job says about itself: areas, records, spans that deserve a look, and what happens when memory ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from segment_jobs import FIRST_BOXES, make_job, read_lines, read_masks, save_mask

from vostool.cli.app import run
from vostool.errors import MemoryExhausted, OutputError
from vostool.pipelines.report import FrameProgress, Listeners
from vostool.pipelines.segment import segment_video
from vostool.pipelines.segment_options import SegmentOptions
from vostool.propagation.propagator import Propagator
from vostool.types import Annotation, Frame, FrameResult


@pytest.fixture
def job(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> SegmentOptions:
    monkeypatch.setenv("VOSTOOL_STATES", str(tmp_path / "states"))
    return make_job(tmp_path, weights)


def areas_of(masks: Mapping[int, np.ndarray], object_id: int) -> list[float]:
    return [np.count_nonzero(labels == object_id) / labels.size for labels in masks.values()]


def test_areas_are_those_of_the_masks(job: SegmentOptions) -> None:
    seen: list[FrameProgress] = []
    report = segment_video(job, on_frame=seen.append)
    masks, records = read_masks(job.outputs[0]), read_lines(job.records)
    for row, object_id in enumerate(FIRST_BOXES):
        areas = areas_of(masks, object_id)
        assert [record["objects"][row]["area"] for record in records] == areas
        assert report.objects[row].mean_area == pytest.approx(np.mean([area for area in areas if area]))
        assert report.objects[row].num_frames == np.count_nonzero(areas)
    assert [progress.record.to_dict() for progress in seen if progress.record] == [
        {**record, "objects": tuple(record["objects"])} for record in records
    ]
    assert [record["is_annotated"] for record in records] == [True] + [False] * 11
    assert all(0 < each["confidence"] <= 1 for record in records for each in record["objects"] if each["area"])


def test_json_lists_the_records(job: SegmentOptions, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["segment", str(job.source), "-m", str(job.masks.mask), "--weights", str(job.weights), "--device", "cpu"]
    assert run([*command, "-o", str(tmp_path / "a"), "--json", "-q", "--records", str(tmp_path / "lines")]) == 0
    both = json.loads(capsys.readouterr().out)
    assert both["frames"] == read_lines(tmp_path / "lines")
    assert len(both["frames"]) == 12
    assert run([*command, "-o", str(tmp_path / "b"), "--json", "-q"]) == 0
    alone = json.loads(capsys.readouterr().out)
    assert alone["frames"] == both["frames"]
    assert alone["spans"] == both["spans"]
    assert alone["frames_to_annotate"] == both["frames_to_annotate"]


def test_records_are_not_overwritten_unasked(job: SegmentOptions, tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_text("precious")
    with pytest.raises(OutputError, match=r"records\.jsonl exists"):
        segment_video(job)
    assert (tmp_path / "records.jsonl").read_text() == "precious"
    assert not (tmp_path / "masks").exists()
    segment_video(replace(job, overwrite=True))
    assert len(read_lines(job.records)) == 12


def test_records_into_a_folder_that_is_missing(job: SegmentOptions, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere"):
        segment_video(replace(job, records=tmp_path / "nowhere" / "records.jsonl"))


@pytest.fixture
def losing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Object 1 is lost on frames 4 to 6, and little is sure of object 2 on frames 8 and 9."""
    step = Propagator.step

    def lose(self: Propagator, frame: Frame, annotation: Annotation | None = None) -> FrameResult:
        result = step(self, frame, annotation)
        labels = np.zeros_like(result.labels)
        labels[24:, 32:] = 2
        if frame.index not in (4, 5, 6):
            labels[:20, :20] = 1
        alpha = np.stack([(labels == 1), (labels == 2)]).astype(np.float32)
        sure = 0.3 if frame.index in (8, 9) else 0.9
        return replace(result, labels=labels, alpha=alpha, confidence=np.array([0.9, sure], np.float32))

    monkeypatch.setattr(Propagator, "step", lose)


@pytest.mark.usefixtures("losing")
def test_spans_and_the_frames_worth_a_mask(job: SegmentOptions) -> None:
    notes: list[str] = []
    report = segment_video(job, listeners=Listeners(on_note=notes.append))
    spans = [(span.kind, span.object_id, span.first, span.last, span.worst) for span in report.spans]
    assert spans == [("lost", 1, 4, 6, 7), ("unsure", 2, 8, 9, 8)]
    # Frame 8 is too near to frame 7 to be asked for as well.
    assert report.frames_to_annotate == [7]
    assert "object 1 lost on frames 4 to 6 (00:00:00.160 to 00:00:00.240)" in notes
    assert "object 2 unsure on frames 8 to 9 (00:00:00.320 to 00:00:00.360), confidence 0.30 on frame 8" in notes
    assert "worth a mask: frame 7, as in --mask 7=FILE --resume-from 7" in notes
    statuses = [record["objects"][0]["status"] for record in read_lines(job.records)]
    assert statuses == ["seen"] * 4 + ["lost"] * 3 + ["reappeared"] + ["seen"] * 4
    assert report.to_dict()["spans"][0]["kind"] == "lost"


@pytest.mark.usefixtures("losing")
def test_objects_that_are_drawn_again_are_no_suspects(job: SegmentOptions, tmp_path: Path) -> None:
    fix = save_mask(tmp_path / "fix.png", FIRST_BOXES)
    report = segment_video(replace(job, masks=replace(job.masks, masks=(f"8={fix}", f"9={fix}"))))
    assert [span.kind for span in report.spans] == ["lost"]


def exhaust_once(monkeypatch: pytest.MonkeyPatch, at: int, error: BaseException) -> None:
    step, has_failed = Propagator.step, []

    def fail(self: Propagator, frame: Frame, annotation: Annotation | None = None) -> FrameResult:
        if frame.index == at and not has_failed:
            has_failed.append(frame.index)
            raise error
        return step(self, frame, annotation)

    monkeypatch.setattr(Propagator, "step", fail)


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory"),
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: 9 bytes"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["gpu", "python", "cpu"])
def test_out_of_memory_is_one_warning_and_goes_on(
    job: SegmentOptions, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    segment_video(job)
    before = read_masks(job.outputs[0])
    exhaust_once(monkeypatch, 6, error)
    warnings: list[str] = []
    report = segment_video(
        replace(job, overwrite=True, memory_frames=4), listeners=Listeners(on_warning=warnings.append)
    )
    assert len(warnings) == 1
    assert report.warnings == warnings
    assert "at frame 6" in warnings[0]
    assert "memory of 4 frames" in warnings[0]
    assert "memory of 2 frames" in warnings[0]
    assert report.frames_out == 12
    after = read_masks(job.outputs[0])
    assert list(after) == list(before)
    assert all(after[index].any() for index in after)


def test_out_of_memory_ends_the_job_where_that_is_asked_for(
    job: SegmentOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    exhaust_once(monkeypatch, 6, MemoryError())
    with pytest.raises(MemoryExhausted) as caught:
        segment_video(replace(job, fallback=False))
    assert caught.value.exit_code == 5


def test_out_of_memory_again_and_again_ends_the_job(job: SegmentOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Propagator, "step", fail)
    warnings: list[str] = []
    with pytest.raises(MemoryExhausted, match="at frame 0, even with"):
        segment_video(replace(job, memory_frames=4), listeners=Listeners(on_warning=warnings.append))
    assert len(warnings) == 2


def test_a_smaller_setting_is_kept_by_a_resumed_run(
    job: SegmentOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it has gone on with less, the rest is the same whether it was stopped or not."""
    job = replace(job, memory_frames=4)
    with monkeypatch.context() as patch:
        exhaust_once(patch, 2, MemoryError())
        segment_video(job)
    expected = read_masks(job.outputs[0])

    def stop(progress: FrameProgress) -> None:
        if progress.num_done == 8:
            raise KeyboardInterrupt

    again = replace(job, outputs=(str(tmp_path / "again"),), records=None)
    with monkeypatch.context() as patch:
        exhaust_once(patch, 2, MemoryError())
        with pytest.raises(KeyboardInterrupt):
            segment_video(again, on_frame=stop)
    report = segment_video(replace(again, resume=True))
    assert report.resumed_frames == 6
    for index, labels in read_masks(tmp_path / "again").items():
        np.testing.assert_array_equal(labels, expected[index])


def test_limits_are_said_and_kept(job: SegmentOptions) -> None:
    report = segment_video(replace(job, max_ram=2**33))
    assert any("of memory" in note and "size 48" in note for note in report.notes)
    with pytest.raises(MemoryExhausted, match="--max-ram") as caught:
        segment_video(replace(job, max_ram=2**20, overwrite=True))
    assert caught.value.exit_code == 5
