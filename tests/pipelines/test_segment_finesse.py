"""What is done to the alpha, through the whole job: frame by frame the same as by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from segment_jobs import draw, make_job, read_lines, read_masks, save_mask, two_shots
from synthetic_clips import make_clip

from vostool.pipelines.finesse import FinesseOptions, finish
from vostool.pipelines.report import FrameProgress
from vostool.pipelines.segment import segment_video
from vostool.pipelines.segment_options import SegmentOptions
from vostool.types import FrameResult


@pytest.fixture
def job(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> SegmentOptions:
    """Masks, and the alpha of both objects in a matte."""
    monkeypatch.setenv("VOSTOOL_STATES", str(tmp_path / "states"))
    outputs = (str(tmp_path / "masks"), str(tmp_path / "mattes"))
    return make_job(tmp_path, weights, outputs=outputs, emits=("masks", "matte"))


def results_of(job: SegmentOptions) -> list[FrameResult]:
    results: list[FrameResult] = []
    segment_video(job, on_frame=lambda progress: results.append(progress.result))
    return results


OPTIONS = [
    FinesseOptions(grow=2),
    FinesseOptions(grow=-1.5, feather=2),
    FinesseOptions(fill_holes=30, drop_islands=30),
    FinesseOptions(clean_black=0.2, clean_white=0.2, refine="guided"),
]


@pytest.mark.parametrize("options", OPTIONS, ids=["grow", "shrink", "specks", "refine"])
def test_every_frame_is_finished_as_by_hand(job: SegmentOptions, options: FinesseOptions) -> None:
    plain = results_of(job)
    finished = [finish(result, options) for result in plain]
    records = read_lines(job.records)
    segment_video(replace(job, finesse=options, overwrite=True))
    masks, mattes = read_masks(job.outputs[0]), read_masks(job.outputs[1])
    assert any(not np.array_equal(masks[index], result.labels) for index, result in enumerate(plain))
    for index, result in enumerate(finished):
        np.testing.assert_array_equal(masks[index], result.labels)
        matte = np.clip(result.alpha.sum(axis=0), 0, 1) * 255
        assert np.abs(mattes[index].astype(float) - matte).max() <= 1
    # What is measured is what the network said.
    assert read_lines(job.records) == records


def test_over_time_every_frame_comes_out_once_and_in_order(job: SegmentOptions, tmp_path: Path) -> None:
    plain = {result.frame.index: result.labels for result in results_of(job)}
    report = segment_video(replace(job, finesse=FinesseOptions(temporal=3), overwrite=True))
    steady = read_masks(job.outputs[0])
    assert report.frames_out == 12
    assert list(steady) == list(range(12))
    # The drawn frame and both ends have no frames on either side.
    for index in (0, 11):
        np.testing.assert_array_equal(steady[index], plain[index])
    assert any(not np.array_equal(steady[index], plain[index]) for index in range(1, 11))


def test_over_time_drawn_frames_and_cuts_are_borders(job: SegmentOptions, tmp_path: Path) -> None:
    boxes = {1: (26, 8), 2: (4, 40)}
    fix = save_mask(tmp_path / "fix.png", boxes)
    job = replace(
        job, source=make_clip(tmp_path / "shots.mp4", two_shots(5, 7)),
        masks=replace(job.masks, masks=(f"8={fix}",)), finesse=FinesseOptions(temporal=3),
    )  # fmt: skip
    plain = {result.frame.index: result.labels for result in results_of(job)}
    steady = read_masks(job.outputs[0])
    np.testing.assert_array_equal(steady[8], draw(boxes))
    for border in (0, 4, 5, 7, 8, 11):
        np.testing.assert_array_equal(steady[border], plain[border])


def test_progress_is_told_of_what_the_network_said(job: SegmentOptions) -> None:
    seen: list[FrameProgress] = []
    segment_video(replace(job, finesse=FinesseOptions(temporal=5)), on_frame=seen.append)
    assert [progress.num_done for progress in seen] == list(range(1, 13))
    assert [progress.result.frame.index for progress in seen] == list(range(12))
