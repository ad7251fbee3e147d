"""Parts of a clip, directions and scene cuts through the whole job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from segment_jobs import (
    FIRST_BOXES,
    draw,
    make_job,
    read_lines,
    read_masks,
    same_masks,
    save_mask,
    two_shots,
)
from synthetic_clips import make_clip, pattern_images

from vostool.errors import UsageError, VostoolError
from vostool.pipelines.masks import MaskSource
from vostool.pipelines.segment import segment_video
from vostool.pipelines.segment_options import SegmentOptions

CUT = 5


@pytest.fixture
def job(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> SegmentOptions:
    monkeypatch.setenv("VOSTOOL_STATES", str(tmp_path / "states"))
    return make_job(tmp_path, weights)


@pytest.fixture
def shots(job: SegmentOptions, tmp_path: Path) -> SegmentOptions:
    """The same with a clip of two shots, the second of which begins with frame ``CUT``."""
    return replace(job, source=make_clip(tmp_path / "shots.mp4", two_shots(CUT, 5)))


def run(job: SegmentOptions, **values: object) -> dict[int, np.ndarray]:
    segment_video(replace(job, overwrite=True, **values))  # type: ignore[arg-type]
    return read_masks(job.outputs[0])


def empty(masks: dict[int, np.ndarray]) -> list[int]:
    return [index for index, labels in masks.items() if not labels.any()]


def test_a_part_of_the_clip_in_every_notation(job: SegmentOptions) -> None:
    masks = run(job, start="3", end="9")
    assert list(masks) == [3, 4, 5, 6, 7, 8]
    # A mask without a moment is that of the first frame that is taken.
    np.testing.assert_array_equal(masks[3], draw(FIRST_BOXES))
    for start, end in (("0.12s", "0.36s"), ("00:00:00.12", "00:00:00.36"), ("00:00:00:03", "00:00:00:09")):
        assert same_masks(run(job, start=start, end=end), masks)


def test_a_part_is_followed_as_a_clip_of_its_own(job: SegmentOptions, tmp_path: Path) -> None:
    part = run(job, start="4")
    alone = run(job, source=make_clip(tmp_path / "alone.mp4", pattern_images(12)[4:]))
    assert same_masks({index - 4: labels for index, labels in part.items()}, alone)


def test_the_report_and_the_records_are_of_the_part(job: SegmentOptions) -> None:
    report = segment_video(replace(job, start="3", end="9"))
    assert (report.frames_in, report.frames_out, report.first_frame, report.is_short) == (6, 6, 3, False)
    assert report.objects[0].first_frame == 3
    records = read_lines(job.records)
    assert [each["frame"] for each in records] == [3, 4, 5, 6, 7, 8]
    assert [each["time"] for each in records] == [index / 25 for index in range(3, 9)]


def test_an_end_beyond_the_last_frame_by_time_is_the_end(job: SegmentOptions) -> None:
    assert list(run(job, start="10", end="5s")) == [10, 11]


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [("5", "5", "nothing lies between"), ("7", "3", "nothing lies between"), ("99", None, "99"), (None, "99", "99")],
)
def test_ranges_without_frames_are_refused(
    job: SegmentOptions, tmp_path: Path, start: str | None, end: str | None, words: str
) -> None:
    with pytest.raises(VostoolError, match=words) as caught:
        segment_video(replace(job, start=start, end=end))
    assert caught.value.exit_code in (2, 3)
    assert not (tmp_path / "masks").exists()


def test_masks_outside_of_the_range_are_said_or_refused(job: SegmentOptions, tmp_path: Path) -> None:
    fix = save_mask(tmp_path / "fix.png", FIRST_BOXES)
    masks = MaskSource(masks=(f"2={fix}", f"6={fix}"))
    report = segment_video(replace(job, masks=masks, start="4"))
    assert any("1 of 2 masks lie outside" in note for note in report.notes)
    assert 2 not in read_masks(job.outputs[0])
    with pytest.raises(UsageError, match="no mask lies between"):
        segment_video(replace(job, masks=masks, start="8", overwrite=True))


def test_what_every_direction_follows(job: SegmentOptions, tmp_path: Path) -> None:
    middle = save_mask(tmp_path / "middle.png", FIRST_BOXES)
    job = replace(job, masks=MaskSource(masks=(f"5={middle}",)))
    forward, backward, both = (run(job, direction=name) for name in ("forward", "backward", "both"))
    assert empty(forward) == [0, 1, 2, 3, 4]
    assert empty(backward) == [6, 7, 8, 9, 10, 11]
    assert empty(both) == []
    for masks in (forward, backward, both):
        np.testing.assert_array_equal(masks[5], draw(FIRST_BOXES))
    assert same_masks(both, {**{index: backward[index] for index in range(6)}, **dict(list(forward.items())[6:])})


def test_the_direction_that_is_taken_when_none_is_asked_for(job: SegmentOptions, tmp_path: Path) -> None:
    assert segment_video(job).direction == "forward"
    middle = save_mask(tmp_path / "middle.png", FIRST_BOXES)
    later = replace(job, masks=MaskSource(masks=(f"5={middle}",)), overwrite=True)
    report = segment_video(later)
    assert report.direction == "both"
    assert any("frame 5" in note and "backward" in note for note in report.notes)
    assert same_masks(read_masks(job.outputs[0]), run(later, direction="both"))


def test_backward_is_forward_in_the_reversed_clip(job: SegmentOptions, tmp_path: Path) -> None:
    pictures = pattern_images(6)
    last = save_mask(tmp_path / "last.png", FIRST_BOXES)
    plain = make_clip(tmp_path / "plain.mp4", pictures)
    turned = make_clip(tmp_path / "turned.mp4", pictures[::-1])
    backward = run(job, source=plain, masks=MaskSource(masks=(f"5={last}",)), direction="backward")
    forward = run(job, source=turned)
    assert same_masks(backward, {5 - index: labels for index, labels in forward.items()})


def test_backward_passes_are_told_of(job: SegmentOptions, tmp_path: Path) -> None:
    from vostool.pipelines.report import Listeners

    middle = save_mask(tmp_path / "middle.png", FIRST_BOXES)
    told: list[tuple[int, int]] = []
    job = replace(job, masks=MaskSource(masks=(f"5={middle}",)), start="2")
    segment_video(job, listeners=Listeners(on_backward=lambda *values: told.append(values)))
    assert told == [(number, 4) for number in range(1, 5)]


@pytest.mark.parametrize(("option", "value"), [("direction", "sideways"), ("scene_cuts", "weep")])
def test_unknown_names_are_listed_with_the_known_ones(job: SegmentOptions, option: str, value: str) -> None:
    with pytest.raises(UsageError, match=rf"{value}.*(both|reset)"):
        segment_video(replace(job, **{option: value}))


def test_a_cut_is_found_and_told_but_changes_nothing_with_warn(shots: SegmentOptions) -> None:
    report = segment_video(shots)
    (cut,) = [span for span in report.spans if span.kind == "cut"]
    assert (cut.first, cut.last, cut.object_id) == (CUT, CUT, None)
    assert [each["frame"] for each in read_lines(shots.records) if each["is_cut"]] == [CUT]
    warned = read_masks(shots.outputs[0])
    ignored = replace(shots, scene_cuts="off", overwrite=True)
    assert not [span for span in segment_video(ignored).spans if span.kind == "cut"]
    assert same_masks(read_masks(shots.outputs[0]), warned)
    assert not any(each["is_cut"] for each in read_lines(shots.records))


def test_a_person_is_told_of_a_cut_too(shots: SegmentOptions) -> None:
    report = segment_video(shots)
    told = [text for text in [*report.notes, *report.warnings] if "shot" in text and "frame 5" in text]
    assert len(told) == 1
    quiet = segment_video(replace(shots, scene_cuts="off", overwrite=True))
    assert not [text for text in [*quiet.notes, *quiet.warnings] if "new shot" in text]


def test_stop_follows_nothing_from_the_cut_to_the_next_mask(shots: SegmentOptions, tmp_path: Path) -> None:
    before = run(shots)
    assert empty(run(shots, scene_cuts="stop")) == [5, 6, 7, 8, 9]
    again = save_mask(tmp_path / "again.png", {1: (20, 20)})
    masks = run(shots, scene_cuts="stop", masks=replace(shots.masks, masks=(f"7={again}",)))
    assert empty(masks) == [5, 6]
    np.testing.assert_array_equal(masks[7] == 1, draw({1: (20, 20)}) == 1)
    for index in range(CUT):
        np.testing.assert_array_equal(masks[index], before[index])


def test_reset_forgets_what_was_not_drawn(shots: SegmentOptions) -> None:
    before, after = run(shots), run(shots, scene_cuts="reset")
    for index in range(CUT):
        np.testing.assert_array_equal(after[index], before[index])
    assert not np.array_equal(after[CUT], before[CUT])
    assert after[CUT].any()


def test_after_a_reset_only_the_drawn_frame_counts(shots: SegmentOptions, tmp_path: Path) -> None:
    """Other frames between the mask and the cut make no difference to what comes after it."""
    pictures = two_shots(CUT, 5)
    other = [pictures[0], *(picture[:, ::-1].copy() for picture in pictures[1:CUT]), *pictures[CUT:]]
    mirrored = make_clip(tmp_path / "mirrored.mp4", other)
    one, two = run(shots, scene_cuts="reset"), run(shots, scene_cuts="reset", source=mirrored)
    assert not np.array_equal(one[CUT - 1], two[CUT - 1])
    for index in range(CUT, 10):
        np.testing.assert_array_equal(one[index], two[index])


def test_backward_passes_heed_cuts_too(shots: SegmentOptions, tmp_path: Path) -> None:
    last = save_mask(tmp_path / "last.png", FIRST_BOXES)
    job = replace(shots, masks=MaskSource(masks=(f"8={last}",)), direction="both")
    assert empty(run(job, scene_cuts="stop")) == [0, 1, 2, 3, 4]
    assert empty(run(job)) == []
