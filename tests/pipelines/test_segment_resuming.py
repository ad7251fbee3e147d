"""Jobs that were stopped or killed, and what goes on from there: the same to the last bit."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from killed_jobs import run_and_stop
from segment_jobs import (
    FIRST_BOXES,
    NUM_FRAMES,
    elsewhere,
    leftovers,
    make_job,
    read_lines,
    read_masks,
    same_masks,
    save_lively_weights,
    save_mask,
    two_shots,
)
from synthetic_clips import make_clip

from vostool.cli.app import run
from vostool.errors import Interrupted, OutputError, UsageError
from vostool.pipelines.continuation import Continuation
from vostool.pipelines.finesse import FinesseOptions
from vostool.pipelines.masks import MaskSource
from vostool.pipelines.report import FrameProgress, Listeners
from vostool.pipelines.result_loop import ResultLoop
from vostool.pipelines.segment import segment_video
from vostool.pipelines.segment_options import SegmentOptions


class Killed(BaseException):
    """Nobody catches it: as near to a kill as a process can come without dying."""


@pytest.fixture
def job(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> SegmentOptions:
    """Masks, and the alpha as 8 bits in pictures and in a video."""
    monkeypatch.setenv("VOSTOOL_STATES", str(tmp_path / "states"))
    folder = tmp_path / "out"
    folder.mkdir()
    outputs = tuple(str(folder / name) for name in ("masks", "alpha", "alpha.mkv"))
    return make_job(
        tmp_path, weights, outputs=outputs, emits=("masks", "alpha", "alpha"), records=folder / "records.jsonl"
    )


def stop_after(num_frames: int) -> Listeners:
    def stop(progress: FrameProgress) -> None:
        if progress.num_done == num_frames:
            raise Killed

    return Listeners(on_frame=stop)


def interrupt_after(num_frames: int) -> Listeners:
    def interrupt(progress: FrameProgress) -> None:
        if progress.num_done == num_frames:
            os.kill(os.getpid(), signal.SIGINT)

    return Listeners(on_frame=interrupt)


def read_video(path: Path) -> list[tuple[int | None, bytes]]:
    with av.open(str(path)) as container:
        return [(frame.pts, frame.to_ndarray(format="bgra").tobytes()) for frame in container.decode(video=0)]


def contents(job: SegmentOptions) -> list[Any]:
    """Everything that a finished job has written, nothing left beside it."""
    masks, alpha, video = map(Path, job.outputs)
    assert leftovers(masks.parent) == []
    stills = [{index: pixels.tobytes() for index, pixels in read_masks(folder).items()} for folder in (masks, alpha)]
    return [*stills, read_video(video), read_lines(job.records)]


def later_mask(job: SegmentOptions, tmp_path: Path) -> SegmentOptions:
    middle = save_mask(tmp_path / "middle.png", FIRST_BOXES)
    return replace(job, masks=MaskSource(masks=(f"5={middle}",)), direction="both")


def in_two_shots(job: SegmentOptions, tmp_path: Path) -> SegmentOptions:
    """The second shot begins with the first frame after a checkpoint."""
    return replace(job, source=make_clip(tmp_path / "shots.mp4", two_shots(6, 6)), scene_cuts="reset")


def between_masks(job: SegmentOptions, tmp_path: Path) -> SegmentOptions:
    """Frames are blended of both ways, but not across the cut between the masks."""
    texts = tuple(f"{frame}={save_mask(tmp_path / f'{frame}.png', FIRST_BOXES)}" for frame in (2, 11))
    return replace(in_two_shots(job, tmp_path), masks=MaskSource(masks=texts), direction="both")


VARIANTS: dict[str, Callable[[SegmentOptions, Path], SegmentOptions]] = {
    "plain": lambda job, folder: job,
    "temporal": lambda job, folder: replace(job, finesse=FinesseOptions(temporal=3, grow=1)),
    "both": later_mask,
    "both, temporal": lambda job, folder: replace(later_mask(job, folder), finesse=FinesseOptions(temporal=5)),
    "part": lambda job, folder: replace(job, start="2", end="11", drops=("2@8",)),
    "reset": in_two_shots,
    "both, reset": between_masks,
    "lfu": lambda job, folder: replace(job, memory="lfu", memory_frames=2, memory_every=1, flip=True),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_goes_on_ends_as_if_never_stopped(job: SegmentOptions, tmp_path: Path, variant: str) -> None:
    job = VARIANTS[variant](job, tmp_path)
    whole = elsewhere(job, tmp_path / "whole")
    expected = segment_video(whole)
    for num_frames in (5, 8):
        with pytest.raises(Killed):
            segment_video(replace(job, resume=num_frames > 5), listeners=stop_after(num_frames))
    report = segment_video(replace(job, resume=True))
    assert report.resumed_frames == 6
    assert report.frames_in == report.frames_out == expected.frames_out
    assert (report.objects, report.spans) == (expected.objects, expected.spans)
    assert report.frames_to_annotate == expected.frames_to_annotate
    assert contents(job) == contents(whole)


def test_the_progress_counts_what_was_done_before(job: SegmentOptions) -> None:
    with pytest.raises(Killed):
        segment_video(job, listeners=stop_after(7))
    seen: list[FrameProgress] = []
    report = segment_video(replace(job, resume=True), on_frame=seen.append)
    assert [progress.num_done for progress in seen] == [7, 8, 9, 10, 11, 12]
    assert {progress.num_resumed for progress in seen} == {6}
    assert seen[0].result.frame.index == 6
    assert any("going on after 6 frames" in note for note in report.notes)


@pytest.mark.parametrize("num_frames", [1, 4, NUM_FRAMES])
def test_after_a_signal_no_frame_is_done_twice(job: SegmentOptions, tmp_path: Path, num_frames: int) -> None:
    whole = elsewhere(job, tmp_path / "whole")
    segment_video(whole)
    with pytest.raises(Interrupted) as caught:
        segment_video(job, listeners=interrupt_after(num_frames))
    assert f"after {num_frames} frames" in str(caught.value)
    assert "--resume" in str(caught.value)
    report = segment_video(replace(job, resume=True))
    assert report.resumed_frames == num_frames
    assert contents(job) == contents(whole)


def test_a_job_without_checkpoints_promises_nothing(job: SegmentOptions) -> None:
    job = replace(job, checkpoint_every=0)
    with pytest.raises(Interrupted) as caught:
        segment_video(job, listeners=interrupt_after(4))
    assert "--resume" not in str(caught.value)
    assert segment_video(replace(job, resume=True)).resumed_frames == 0


@pytest.mark.parametrize("place", [(ResultLoop, "flush"), (Continuation, "finish")], ids=["before", "after"])
def test_a_run_that_died_around_its_last_step_is_only_finished(
    job: SegmentOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[type, str]
) -> None:
    whole = elsewhere(job, tmp_path / "whole")
    segment_video(whole)

    def die(*arguments: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(*place, die)
        with pytest.raises(Killed):
            segment_video(job)
    segment_video(replace(job, resume=True))
    assert contents(job) == contents(whole)


def test_there_is_nothing_to_resume(job: SegmentOptions) -> None:
    report = segment_video(replace(job, resume=True))
    assert report.frames_out == NUM_FRAMES
    assert any("nothing to resume" in note for note in report.notes)


def test_all_is_done_already(job: SegmentOptions) -> None:
    segment_video(job)
    before = [path.stat().st_mtime_ns for path in sorted(Path(job.outputs[0]).iterdir())]
    report = segment_video(replace(job, resume=True))
    assert report.frames_out == 0
    assert any("nothing to do" in note for note in report.notes)
    assert [path.stat().st_mtime_ns for path in sorted(Path(job.outputs[0]).iterdir())] == before
    assert leftovers(Path(job.outputs[0]).parent) == []


def test_an_unfinished_run_is_neither_lost_nor_continued_unasked(job: SegmentOptions, tmp_path: Path) -> None:
    whole = elsewhere(job, tmp_path / "whole")
    segment_video(whole)
    with pytest.raises(Killed):
        segment_video(job, listeners=stop_after(5))
    kept = leftovers(tmp_path / "out")
    with pytest.raises(OutputError, match=r"unfinished run.*--resume.*--overwrite") as caught:
        segment_video(job)
    assert caught.value.exit_code == 6
    assert leftovers(tmp_path / "out") == kept
    report = segment_video(replace(job, overwrite=True))
    assert report.resumed_frames == 0
    assert contents(job) == contents(whole)


def changed_mask(job: SegmentOptions) -> SegmentOptions:
    assert job.masks.mask is not None
    save_mask(job.masks.mask, {1: (20, 20), 2: (0, 40)})
    return job


def changed_clip(job: SegmentOptions) -> SegmentOptions:
    make_clip(job.source, num_frames=NUM_FRAMES + 1)
    return job


def changed_weights(job: SegmentOptions) -> SegmentOptions:
    assert job.weights is not None
    other = job.source.with_name(job.weights.name)
    save_lively_weights(other)
    other.write_bytes(other.read_bytes().replace(b"at random", b"at chance"))
    return replace(job, weights=other)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (changed_mask, "mask of frame 0 has changed"),
        (changed_clip, "the clip's size in bytes"),
        (changed_weights, "weights lite.safetensors has changed"),
        (lambda job: replace(job, size=32), "option size was 480 and is now 32"),
        (lambda job: replace(job, end="9"), "option end was not set and is now 9"),
        (lambda job: replace(job, finesse=FinesseOptions(feather=2)), "finesse"),
        (lambda job: replace(job, outputs=job.outputs[:2], emits=job.emits[:2]), "option outputs"),
    ],
)
def test_what_changed_is_named(
    job: SegmentOptions, tmp_path: Path, change: Callable[[SegmentOptions], SegmentOptions], words: str
) -> None:
    with pytest.raises(Killed):
        segment_video(job, listeners=stop_after(4))
    kept = leftovers(tmp_path / "out")
    with pytest.raises(UsageError, match="cannot resume") as caught:
        segment_video(replace(change(job), resume=True))
    assert words in str(caught.value)
    assert caught.value.exit_code == 2
    assert leftovers(tmp_path / "out") == kept


def test_what_makes_no_difference_may_change(job: SegmentOptions, tmp_path: Path) -> None:
    whole = elsewhere(job, tmp_path / "whole")
    segment_video(whole)
    with pytest.raises(Killed):
        segment_video(job, listeners=stop_after(4))
    segment_video(replace(job, resume=True, checkpoint_every=5, keep_states=False, overwrite=True))
    assert contents(job) == contents(whole)


def test_a_damaged_state_is_one_line(job: SegmentOptions, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [
        "segment", str(job.source), "-m", str(job.masks.mask), "-o", job.outputs[0], "--weights", str(job.weights),
        "-q", "--checkpoint-every", "3", "--device", "cpu",
    ]  # fmt: skip
    state = tmp_path / "out" / "masks.job" / "state"
    state.parent.mkdir()
    state.write_bytes(b"not a state")
    assert run([*command, "--resume"]) == 3
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "state" in error
    assert run(command) == 6
    assert "unfinished run" in capsys.readouterr().err
    assert run([*command, "--overwrite"]) == 0


def commands(job: SegmentOptions) -> list[str]:
    outputs = [text for output in job.outputs for text in ("-o", output)]
    emits = [text for emit in job.emits for text in ("--emit", emit)]
    return [
        "segment", str(job.source), "-m", str(job.masks.mask), *outputs, *emits, "--records", str(job.records),
        "--weights", str(job.weights), "--device", "cpu", "--checkpoint-every", "3", "--temporal", "3",
    ]  # fmt: skip


def test_ten_kills_and_one_end(job: SegmentOptions, tmp_path: Path) -> None:
    """Moments are chosen by the events that were seen, and a little time after them."""
    chance = random.Random(0)
    whole = elsewhere(job, tmp_path / "whole")
    command = [*commands(job), "--resume"]
    # Three events or more come before the first frame; the clip needs several runs, so few frames fit into each.
    kills = [(command, chance.randint(3, 9), chance.uniform(0, 0.03), int(signal.SIGKILL)) for _ in range(10)]
    # The whole is made by the same program: with as many threads, which the last bits depend on.
    *killed, last, _ = run_and_stop(tmp_path, [*kills, (command, None, 0.0, 0), (commands(whole), None, 0.0, 0)])
    assert sum(code == -signal.SIGKILL for code, _, _ in killed) >= 2
    assert all(code in (-signal.SIGKILL, 0) for code, _, _ in killed), killed
    assert last[0] == 0, last[2]
    assert contents(job) == contents(whole)


def test_ctrl_c_and_then_resume(job: SegmentOptions, tmp_path: Path) -> None:
    whole = elsewhere(job, tmp_path / "whole")
    command = commands(job)
    runs = [(command, 7, 0.0, int(signal.SIGINT)), (command, None, 0.0, 0), ([*command, "--resume"], None, 0.0, 0)]
    stopped, refused, resumed, _ = run_and_stop(tmp_path, [*runs, (commands(whole), None, 0.0, 0)])
    assert stopped[0] == 130
    assert "--resume goes on" in stopped[2]
    assert refused[0] == 6
    assert resumed[0] == 0, resumed[2]
    assert resumed[1] < stopped[1] + NUM_FRAMES
    assert contents(job) == contents(whole)


def test_masks_alone_are_compared_as_masks(job: SegmentOptions, tmp_path: Path) -> None:
    """The comparison of these tests sees a single pixel."""
    segment_video(replace(job, outputs=job.outputs[:1], emits=()))
    masks = read_masks(job.outputs[0])
    other = {index: labels.copy() for index, labels in masks.items()}
    assert same_masks(masks, other)
    other[3][0, 0] += np.uint8(1)
    assert not same_masks(masks, other)
