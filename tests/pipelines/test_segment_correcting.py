"""A finished job that gets one more mask: only what follows the mask is done again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from segment_jobs import (
    draw,
    elsewhere,
    leftovers,
    make_job,
    read_lines,
    read_masks,
    same_masks,
    save_mask,
)

from vostool.errors import MaskError, UsageError
from vostool.pipelines.finesse import FinesseOptions
from vostool.pipelines.report import FrameProgress
from vostool.pipelines.segment import segment_video
from vostool.pipelines.segment_options import SegmentOptions

FIX_BOXES = {1: (26, 8), 2: (4, 40)}


@pytest.fixture
def job(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> SegmentOptions:
    monkeypatch.setenv("VOSTOOL_STATES", str(tmp_path / "states"))
    folder = tmp_path / "out"
    folder.mkdir()
    return make_job(tmp_path, weights, outputs=(str(folder / "masks"),), records=folder / "records.jsonl")


def with_fix(job: SegmentOptions, frame: int, tmp_path: Path) -> SegmentOptions:
    fix = save_mask(tmp_path / f"fix{frame}.png", FIX_BOXES)
    return replace(job, masks=replace(job.masks, masks=(*job.masks.masks, f"{frame}={fix}")))


def correct(job: SegmentOptions, frame: int, tmp_path: Path) -> SegmentOptions:
    return replace(with_fix(job, frame, tmp_path), resume_from=str(frame), overwrite=True)


def frames_of(job: SegmentOptions) -> tuple[list[int], list[str]]:
    """Runs it; numbers of the frames that it did, and what it noted."""
    seen: list[FrameProgress] = []
    report = segment_video(job, on_frame=seen.append)
    return [progress.result.frame.index for progress in seen], report.notes


@pytest.mark.parametrize("frame", [3, 7, 11])
def test_only_what_follows_is_done_again(job: SegmentOptions, tmp_path: Path, frame: int) -> None:
    segment_video(job)
    before = read_masks(job.outputs[0])
    files = {path.name: path.read_bytes() for path in Path(job.outputs[0]).iterdir()}
    fixed = with_fix(job, frame, tmp_path)
    whole = elsewhere(fixed, tmp_path / "whole")
    segment_video(whole)
    frames, notes = frames_of(correct(job, frame, tmp_path))
    first = frame - frame % 3
    assert frames == list(range(first, 12))
    assert any(f"frames before {first} stay" in note for note in notes)
    after = read_masks(job.outputs[0])
    assert same_masks(after, read_masks(whole.outputs[0]))
    np.testing.assert_array_equal(after[frame], draw(FIX_BOXES))
    assert not np.array_equal(after[11], before[11])
    for index in range(first):
        assert (Path(job.outputs[0]) / f"{index:05d}.png").read_bytes() == files[f"{index:05d}.png"]
    assert read_lines(job.records) == read_lines(whole.records)
    assert leftovers(tmp_path / "out") == []


def test_one_correction_after_the_other(job: SegmentOptions, tmp_path: Path) -> None:
    """Later ones, earlier ones, and one of the same frame again."""
    segment_video(job)
    for frame, expected in ((7, 6), (10, 9), (4, 3)):
        job = with_fix(job, frame, tmp_path)
        frames, _ = frames_of(replace(job, resume_from=str(frame), overwrite=True))
        assert frames[0] == expected
        whole = elsewhere(job, tmp_path / f"whole{frame}")
        segment_video(whole)
        assert same_masks(read_masks(job.outputs[0]), read_masks(whole.outputs[0]))
    save_mask(tmp_path / "fix10.png", {1: (0, 0), 2: (28, 44)})
    frames, _ = frames_of(replace(job, resume_from="10", overwrite=True))
    assert frames[0] == 9
    np.testing.assert_array_equal(read_masks(job.outputs[0])[10], draw({1: (0, 0), 2: (28, 44)}))


def test_by_time_and_with_results_that_wait(job: SegmentOptions, tmp_path: Path) -> None:
    job = replace(job, finesse=FinesseOptions(temporal=3))
    segment_video(job)
    fixed = with_fix(job, 7, tmp_path)
    whole = elsewhere(fixed, tmp_path / "whole")
    segment_video(whole)
    frames, _ = frames_of(replace(fixed, resume_from="0.28s", overwrite=True))
    assert frames[0] == 6
    assert same_masks(read_masks(job.outputs[0]), read_masks(whole.outputs[0]))


def test_videos_are_corrected_like_folders(job: SegmentOptions, tmp_path: Path) -> None:
    job = replace(job, outputs=(*job.outputs, str(tmp_path / "out" / "alpha.mkv")))
    segment_video(job)
    fixed = with_fix(job, 7, tmp_path)
    whole = elsewhere(fixed, tmp_path / "whole")
    segment_video(whole)
    frames, _ = frames_of(replace(fixed, resume_from="7", overwrite=True))
    assert frames[0] == 6
    one, other = (read_alpha(tmp_path / name / "alpha.mkv") for name in ("out", "whole"))
    assert [time for time, _ in one] == [time for time, _ in other]
    assert all(np.array_equal(left, right) for (_, left), (_, right) in zip(one, other, strict=True))


def read_alpha(path: Path) -> list[tuple[int | None, np.ndarray]]:
    import av

    with av.open(str(path)) as container:
        return [(frame.pts, frame.to_ndarray(format="bgra")) for frame in container.decode(video=0)]


@pytest.mark.parametrize("reason", ["nothing kept", "option changed", "earlier mask changed", "outputs changed"])
def test_where_no_state_fits_all_is_done_again(job: SegmentOptions, tmp_path: Path, reason: str) -> None:
    segment_video(replace(job, keep_states=reason != "nothing kept"))
    fixed = with_fix(job, 7, tmp_path)
    if reason == "option changed":
        fixed = replace(fixed, size=32)
    if reason == "earlier mask changed":
        save_mask(tmp_path / "first.png", FIX_BOXES)
    if reason == "outputs changed":
        (Path(job.outputs[0]) / "00011.png").unlink()
    whole = elsewhere(fixed, tmp_path / "whole")
    segment_video(whole)
    frames, notes = frames_of(replace(fixed, resume_from="7", overwrite=True))
    assert frames == list(range(12))
    assert any("everything is done again" in note for note in notes)
    assert same_masks(read_masks(job.outputs[0]), read_masks(whole.outputs[0]))


def test_states_of_one_output_are_not_taken_for_another(job: SegmentOptions, tmp_path: Path) -> None:
    segment_video(job)
    other = elsewhere(with_fix(job, 7, tmp_path), tmp_path / "other", resume_from="7")
    frames, _ = frames_of(other)
    assert frames == list(range(12))


def test_a_correction_that_fails_loses_nothing(job: SegmentOptions, tmp_path: Path) -> None:
    """Mistakes in the new mask are found before anything is touched."""
    segment_video(job)
    files = {path.name: path.read_bytes() for path in Path(job.outputs[0]).iterdir()}
    (tmp_path / "bad.png").write_bytes(b"no picture")
    bad = replace(job.masks, masks=(f"7={tmp_path / 'bad.png'}",))
    with pytest.raises(MaskError):
        segment_video(replace(job, masks=bad, resume_from="7"))
    assert {path.name: path.read_bytes() for path in Path(job.outputs[0]).iterdir()} == files
    frames, _ = frames_of(correct(job, 7, tmp_path))
    assert frames[0] == 6


def test_a_correction_that_dies_can_be_resumed(job: SegmentOptions, tmp_path: Path) -> None:
    segment_video(job)
    fixed = with_fix(job, 7, tmp_path)
    whole = elsewhere(fixed, tmp_path / "whole")
    segment_video(whole)

    def die(progress: FrameProgress) -> None:
        if progress.result.frame.index == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segment_video(correct(job, 7, tmp_path), on_frame=die)
    frames, _ = frames_of(replace(fixed, resume=True, overwrite=True))
    assert frames == [9, 10, 11]
    assert same_masks(read_masks(job.outputs[0]), read_masks(whole.outputs[0]))
    assert leftovers(tmp_path / "out") == []


def test_a_correction_changes_what_is_before_it_when_both_ways_are_followed(
    job: SegmentOptions, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="--resume-from works forward"):
        segment_video(replace(correct(job, 7, tmp_path), direction="both"))


def test_a_moment_outside_of_the_clip(job: SegmentOptions, tmp_path: Path) -> None:
    segment_video(job)
    with pytest.raises(Exception, match="99"):
        segment_video(replace(with_fix(job, 7, tmp_path), resume_from="99", overwrite=True))
    assert len(read_masks(job.outputs[0])) == 12
