"""Frames asked for by number and by time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from synthetic_clips import make_clip

from vostool.errors import UsageError, VideoError
from vostool.video.reading.position import FrameIndex, Position, Seconds, Timecode, parse_position
from vostool.video.reading.reader import open_video, read_frame_at


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("0", FrameIndex(0)),
        (" 120 ", FrameIndex(120)),
        ("4s", Seconds(Fraction(4))),
        ("4.0s", Seconds(Fraction(4))),
        (".5s", Seconds(Fraction(1, 2))),
        ("00:00:04.000", Seconds(Fraction(4))),
        ("1:02.5", Seconds(Fraction(125, 2))),
        ("01:01:01.001", Seconds(Fraction(3661001, 1000))),
        ("01:01:01:07", Timecode(3661, 7)),
        ("00:01:00;02", Timecode(60, 2, is_drop_frame=True)),
    ],
)
def test_positions_are_understood(text: str, position: Position) -> None:
    assert parse_position(text) == position


@pytest.mark.parametrize("text", ["", "-1", "4.5", "first", "1:2:3:4", "4 s", "1:60s", "s", "0x10"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="neither a frame number nor a time"):
        parse_position(text)


@pytest.fixture
def uneven_clip(tmp_path: Path) -> Path:
    """Frames on screen from 0, 0.04, 0.125 and 0.5 s, the first one at 1 s of the file's own clock."""
    pts = [1000, 1040, 1125, 1500]
    return make_clip(tmp_path / "clip.mp4", num_frames=4, pts=pts, time_base=Fraction(1, 1000), options={"bf": "2"})


@pytest.mark.parametrize("index", range(4))
def test_a_number_gives_the_frame_that_iteration_gives(uneven_clip: Path, index: int) -> None:
    with open_video(uneven_clip) as reader:
        expected = list(reader)[index]
    for position in (index, str(index), FrameIndex(index)):
        found = read_frame_at(uneven_clip, position)
        assert (found.index, found.pts) == (expected.index, expected.pts)
        np.testing.assert_array_equal(found.image, expected.image)


@pytest.mark.parametrize(
    ("text", "index"),
    [("0s", 0), ("0.03s", 0), ("0.04s", 1), ("0.124s", 2), ("0.12s", 1), ("0.4s", 2), ("0.5s", 3), ("00:00:00.510", 3)],
)
def test_a_time_gives_the_frame_on_screen(uneven_clip: Path, text: str, index: int) -> None:
    assert read_frame_at(uneven_clip, text).index == index


def test_times_typed_to_the_millisecond_hit_their_frame(tmp_path: Path) -> None:
    rate = Fraction(30000, 1001)
    clip = make_clip(tmp_path / "clip.mp4", num_frames=12, frame_rate=rate, time_base=1 / rate / 1001)
    for index in range(12):
        for text in (f"{float(index / rate):.3f}s", f"00:00:{float(index / rate):06.3f}"):
            assert read_frame_at(clip, text).index == index


@pytest.mark.parametrize("position", [4, "4", "10s", "00:01:00"])
def test_out_of_range_says_how_much_there_is(uneven_clip: Path, position: int | str) -> None:
    with pytest.raises(VideoError, match=r"it has 4 frames \(0 to 3\)") as caught:
        read_frame_at(uneven_clip, position)
    assert caught.value.code == "video.no_such_frame"
