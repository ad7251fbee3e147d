"""What a job says in words of what it could not keep."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from vostool.pipelines.masks import MaskSource
from vostool.pipelines.report import SegmentReport
from vostool.pipelines.segment_notes import describe_damage, describe_silent_files
from vostool.pipelines.segment_options import SegmentOptions
from vostool.types import VideoInfo
from vostool.video.writing.output_kind import OutputPlan

PIPE = SegmentOptions(Path("-"), MaskSource())
INFO = VideoInfo(Path("-"), 64, 48, Fraction(25), Fraction(1, 25), num_audio_streams=1)
MOVIE = OutputPlan("alpha", Path("cut.mov"))


def test_a_file_from_a_pipe_has_no_sound() -> None:
    assert "cut.mov will have none" in describe_silent_files(PIPE, [MOVIE], INFO)


@pytest.mark.parametrize(
    ("options", "plan", "num_audio_streams"),
    [
        (SegmentOptions(Path("clip.mp4"), MaskSource()), MOVIE, 1),
        (SegmentOptions(Path("-"), MaskSource(), copy_audio=False), MOVIE, 1),
        (PIPE, OutputPlan("masks", Path("masks")), 1),
        (PIPE, OutputPlan("alpha", Path("-")), 1),
        (PIPE, MOVIE, 0),
    ],
)
def test_nothing_is_said_where_nothing_is_lost(
    options: SegmentOptions, plan: OutputPlan, num_audio_streams: int
) -> None:
    info = VideoInfo(Path("-"), 64, 48, Fraction(25), Fraction(1, 25), num_audio_streams=num_audio_streams)
    assert describe_silent_files(options, [plan], info) == ""


def test_a_short_range_counts_from_the_clips_beginning() -> None:
    report = SegmentReport("clip.mp4", first_frame=10, frames_in=5, is_short=True, corrupt_frames=1)
    corrupt, short = describe_damage(report, INFO)
    assert corrupt.startswith("1 frame is corrupt")
    assert "15 frames" in short
