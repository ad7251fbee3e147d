"""Batches of clips over a job that only pretends, and one over the real thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from vostool.errors import DeviceError, Interrupted, MaskError, UsageError, VideoError, VostoolError
from vostool.pipelines.batch import BatchReport, ClipOutcome, plan_batch, segment_batch
from vostool.pipelines.masks import MaskSource
from vostool.pipelines.report import SegmentReport
from vostool.pipelines.segment_options import SegmentOptions

OPTIONS = SegmentOptions(Path("ignored"), MaskSource(mask=Path("ignored"), mode="binary", is_exact=True))
STEMS = ("a", "b", "c")


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Clips of no content, and their masks in ``masks``: two pictures and a folder."""
    monkeypatch.chdir(tmp_path)
    for folder in ("masks", "masks/c", "out"):
        Path(folder).mkdir()
    for path in ("masks/a.png", "masks/b.TIFF", "masks/c/000.png", "masks/a.txt", "masks/ab.png"):
        Path(path).touch()
    return [Path(f"{stem}.mp4") for stem in STEMS]


class Pretender:
    """Writes empty outputs; raises what it is told to for a clip."""

    def __init__(self, **errors: BaseException) -> None:
        self.jobs: list[SegmentOptions] = []
        self.errors = errors

    def __call__(self, options: SegmentOptions) -> SegmentReport:
        self.jobs.append(options)
        if error := self.errors.get(options.source.stem):
            raise error
        for output in options.outputs:
            Path(output.replace("{object}", "1")).touch()
        report = SegmentReport(str(options.source), frames_out=7, frames_per_second=2.5)
        report.outputs = [{"kind": "alpha", "path": output} for output in options.outputs]
        return report

    @property
    def stems(self) -> list[str]:
        return [job.source.stem for job in self.jobs]


def run(clips: list[Path], pretender: Callable[[SegmentOptions], SegmentReport], **choices: bool) -> BatchReport:
    return segment_batch(clips, Path("masks"), ["out/{stem}.mov"], OPTIONS, pretender, **choices)


def test_every_clip_has_its_own(clips: list[Path]) -> None:
    options = replace(OPTIONS, exports=("coco=out/{stem}.json",), records=Path("out/{stem}.jsonl"), size=320)
    jobs = plan_batch(clips, Path("masks"), ["out/{stem}.mov", "out/{stem}_{object}.mkv"], options)
    assert [job.source for job in jobs] == clips
    assert jobs[0].masks == MaskSource(mask=Path("masks/a.png"), mode="binary", is_exact=True)
    assert jobs[1].masks.mask == Path("masks/b.TIFF")
    assert jobs[2].masks == MaskSource(mask_folder=Path("masks/c"), mode="binary", is_exact=True)
    assert jobs[1].outputs == ("out/b.mov", "out/b_{object}.mkv")
    assert jobs[1].exports == ("coco=out/b.json",)
    assert jobs[1].records == Path("out/b.jsonl")
    assert {job.size for job in jobs} == {320}


def test_all_are_done(clips: list[Path]) -> None:
    pretender = Pretender()
    report = run(clips, pretender)
    assert pretender.stems == list(STEMS)
    assert report.exit_code == 0
    assert report.summary == "3 clips: 3 done"
    assert report.to_rows()[0] == {
        "clip": "a.mp4", "state": "done", "frames": "7", "fps": "2.5", "result": "out/a.mov"
    }  # fmt: skip
    record = report.to_dict()
    assert record["num_clips"] == 3
    assert record["clips"][2]["report"]["source"] == "c.mp4"


def test_a_failure_does_not_stop_the_others(clips: list[Path]) -> None:
    broken = VideoError("a.mp4 is no video", "give one", code="video.format")
    pretender = Pretender(a=broken, b=ValueError("oh\nno"))
    told: list[tuple[int, str]] = []
    report = segment_batch(
        clips, Path("masks"), ["out/{stem}.mov"], OPTIONS, pretender,
        on_begin=lambda index, options: told.append((index, str(options.source))),
        on_end=lambda index, outcome: told.append((index, outcome.state)),
    )  # fmt: skip
    assert told == [(0, "a.mp4"), (0, "failed"), (1, "b.mp4"), (1, "failed"), (2, "c.mp4"), (2, "done")]
    assert report.exit_code == 1
    assert report.summary == "3 clips: 1 done, 2 failed"
    first, second, _ = report.outcomes
    assert (first.error, first.code) == ("a.mp4 is no video; give one", "video.format")
    assert second.error == "unexpected ValueError: oh no"
    assert second.to_row()["result"] == "unexpected ValueError: oh no"
    assert report.to_dict()["clips"][0]["report"] is None


def test_faults_can_be_seen_whole(clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOSTOOL_DEBUG", "1")
    with pytest.raises(ValueError, match="oh no"):
        run(clips, Pretender(b=ValueError("oh no")))


def test_the_first_failure_may_end_it(clips: list[Path]) -> None:
    pretender = Pretender(b=VideoError("bad"))
    report = run(clips, pretender, fails_fast=True)
    assert pretender.stems == ["a", "b"]
    assert report.summary == "3 clips: 1 done, 1 failed, 1 not begun"
    assert report.exit_code == 1


@pytest.mark.parametrize("error", [Interrupted("stopped"), DeviceError("no such device"), BrokenPipeError()])
def test_what_concerns_all_clips_ends_it(clips: list[Path], error: Exception) -> None:
    ended: list[ClipOutcome] = []
    with pytest.raises(type(error)):
        segment_batch(
            clips, Path("masks"), ["out/{stem}.mov"], OPTIONS, Pretender(b=error),
            on_end=lambda index, outcome: ended.append(outcome),
        )  # fmt: skip
    states = [outcome.state for outcome in ended]
    assert states == (["done", "failed"] if isinstance(error, VostoolError) else ["done"])


def test_what_is_there_may_be_skipped(clips: list[Path]) -> None:
    run(clips[:1], Pretender())
    pretender = Pretender()
    report = run(clips, pretender, skips_existing=True)
    assert pretender.stems == ["b", "c"]
    assert report.summary == "3 clips: 2 done, 1 skipped"
    assert report.outcomes[0].to_row()["frames"] == "-"


def test_part_of_it_is_not_all_of_it(clips: list[Path]) -> None:
    patterns = ["out/{stem}_{object}.mov", "out/{stem}"]
    Path("out/a_3.mov").touch()
    Path("out/a").mkdir()
    Path("out/a/00000.png").touch()
    Path("out/b_1.mov").touch()
    Path("out/c_1.mov").touch()
    Path("out/c").mkdir()
    report = segment_batch(
        clips, Path("masks"), patterns, OPTIONS, lambda job: SegmentReport(str(job.source)), skips_existing=True
    )
    assert [outcome.state for outcome in report.outcomes] == ["skipped", "done", "done"]


def test_folders_that_are_named_by_a_clip_are_made(clips: list[Path]) -> None:
    patterns = ["out/{stem}/x/alpha.mov", "nothing/{stem}/alpha.mov", "{stem}_{object}/alpha.mkv"]
    options = replace(OPTIONS, exports=("coco={stem}_data/coco.json",), records=Path("out/{stem}/log/r.jsonl"))
    segment_batch(clips[:1], Path("masks"), patterns, options, lambda job: SegmentReport(str(job.source)))
    for folder in ("out/a/x", "out/a/log", "a_data", "a_{object}"):
        assert Path(folder).is_dir() == ("{" not in folder), folder
    assert not Path("nothing").exists()


def test_masks_that_are_missing_or_two(clips: list[Path]) -> None:
    with pytest.raises(MaskError, match=r"has no mask for 4 of 5 clips: d, e, f, \.\.\."):
        plan_batch([*clips[:1], *map(Path, "defg")], Path("masks"), [], OPTIONS)
    Path("masks/b.png").touch()
    with pytest.raises(MaskError, match=r"more than one mask for 'b': b\.TIFF, b\.png"):
        plan_batch(clips, Path("masks"), [], OPTIONS)
    Path("masks/a").mkdir()
    with pytest.raises(MaskError, match=r"more than one mask for 'a': a\.png, a;"):
        plan_batch(clips[:1], Path("masks"), [], OPTIONS)
    with pytest.raises(MaskError, match="--mask-dir nowhere does not exist"):
        plan_batch(clips, Path("nowhere"), [], OPTIONS)


@pytest.mark.parametrize("pattern", ["out/all.mov", "out/../out/all.mov", "all"])
def test_outputs_are_not_shared(clips: list[Path], pattern: str) -> None:
    with pytest.raises(UsageError, match=r"a\.mp4 and b\.mp4 would both be written to .*put \{stem\} into the path"):
        plan_batch(clips, Path("masks"), [pattern], OPTIONS)
    plan_batch(clips[:1], Path("masks"), [pattern], OPTIONS)
    with pytest.raises(UsageError, match=r"would both be written to r\.jsonl"):
        plan_batch(clips, Path("masks"), ["{stem}"], replace(OPTIONS, records=Path("r.jsonl")))


def test_names_must_differ(clips: list[Path]) -> None:
    with pytest.raises(UsageError, match=r"2 clips are named 'a': a\.mp4, other/a\.mkv"):
        plan_batch([*clips, Path("other/a.mkv")], Path("masks"), [], OPTIONS)
    with pytest.raises(UsageError, match="there are no clips"):
        plan_batch([], Path("masks"), [], OPTIONS)
    with pytest.raises(UsageError, match="standard input and output"):
        plan_batch(clips, Path("masks"), ["-"], OPTIONS)
