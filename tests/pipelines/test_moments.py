"""Positions in a clip: exact on every kind of file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from synthetic_clips import make_clip

from vostool.errors import UsageError
from vostool.pipelines.moments import locate, locate_span, parse_drop, parse_moment
from vostool.types import VideoInfo
from vostool.video.reading.frame_times import NoSuchFrame
from vostool.video.reading.position import FrameIndex, Seconds, Timecode
from vostool.video.reading.reader import open_video, read_frame_at

UNEVEN = [1000, 1040, 1125, 1500, 1502, 1900]
KINDS = {
    "clip.mp4": {"options": {"bf": "2"}},
    "clip.mkv": {"options": {"bf": "2"}},
    "clip.webm": {"codec": "libvpx-vp9", "options": {"auto-alt-ref": "1", "lag-in-frames": "4"}},
    "clip.ts": {"options": {"bf": "2"}},
    "clip.mov": {"codec": "mpeg4", "options": {"bf": "2"}},
    "clip.mpg": {"codec": "mpeg1video", "options": {}, "pts": None, "time_base": Fraction(1, 25)},
}


def info_of(path: Path) -> VideoInfo:
    with open_video(path) as reader:
        return reader.info


@pytest.fixture(scope="module", params=KINDS)
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = {"pts": UNEVEN, "time_base": Fraction(1, 1000), "num_frames": 6} | KINDS[request.param]  # type: ignore[operator]
    return make_clip(tmp_path_factory.mktemp("clip") / request.param, **settings)


def test_times_give_the_frame_that_decoding_gives(clip: Path) -> None:
    positions = [Seconds(Fraction(number, 100)) for number in range(0, 20, 3)]
    positions += [Seconds(Fraction(1, 5)), FrameIndex(0), FrameIndex(5), Timecode(0, 2)]  # type: ignore[list-item]
    found = locate(positions, clip, info_of(clip))
    assert found == {position: read_frame_at(clip, position).index for position in positions}


@pytest.mark.parametrize("position", [FrameIndex(6), Seconds(Fraction(60))])
def test_positions_outside_say_how_much_there_is(clip: Path, position: FrameIndex | Seconds) -> None:
    with pytest.raises(NoSuchFrame, match=r"it has 6 frames \(0 to 5\)") as caught:
        locate([FrameIndex(2), position], clip, info_of(clip))
    assert (caught.value.position, caught.value.num_frames) == (position, 6)


def test_packets_are_not_decoded_where_they_tell_the_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = make_clip(tmp_path / "clip.mp4", num_frames=8)
    info = info_of(clip)
    monkeypatch.setattr("vostool.video.reading.frame_times.open_video", None)
    assert locate([Seconds(Fraction(1, 5))], clip, info) == {Seconds(Fraction(1, 5)): 5}


def test_a_damaged_file_is_decoded(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", num_frames=30, options={"g": "5"})
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size * 2 // 3])
    with open_video(clip) as reader:
        num_frames, info = len(list(reader)), reader.info
    with pytest.raises(NoSuchFrame) as caught:
        locate([Seconds(Fraction(60))], clip, info)
    assert caught.value.num_frames == num_frames


def test_folders_of_images_go_by_their_rate(tmp_path: Path) -> None:
    for index in range(5):
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / f"{index}.png")
    with open_video(tmp_path, Fraction(10)) as reader:
        info = reader.info
    positions = [Seconds(Fraction(31, 100)), FrameIndex(4)]
    assert list(locate(positions, tmp_path, info).values()) == [3, 4]
    with pytest.raises(NoSuchFrame):
        locate([FrameIndex(5)], tmp_path, info)


def test_timecodes_count_frames_as_editors_do() -> None:
    rate = Fraction(30000, 1001)
    assert Timecode(60, 0).number(rate) == 1800
    assert Timecode(60, 2, is_drop_frame=True).number(rate) == 1800
    assert Timecode(600, 0, is_drop_frame=True).number(rate) == 17982
    assert Timecode(3600, 0, is_drop_frame=True).number(2 * rate) == 215784
    assert parse_moment("01:00:00;00") == Timecode(3600, 0, is_drop_frame=True)


@pytest.mark.parametrize(
    ("timecode", "rate", "message"),
    [
        (Timecode(1, 25), Fraction(25), "frame 25 of a second"),
        (Timecode(60, 1, is_drop_frame=True), Fraction(30000, 1001), "there is no timecode 00:01:00;01"),
        (Timecode(61, 1, is_drop_frame=True), Fraction(30), "only 29.97 and 59.94"),
    ],
)
def test_timecodes_that_do_not_exist_are_refused(timecode: Timecode, rate: Fraction, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        timecode.number(rate)


def test_a_timecode_is_its_frame_though_the_rate_is_rounded(tmp_path: Path) -> None:
    rate = Fraction(24000, 1001)
    clip = make_clip(tmp_path / "clip.mkv", num_frames=40, frame_rate=rate, time_base=Fraction(1, 1000))
    assert locate([Timecode(1, 9)], clip, info_of(clip)) == {Timecode(1, 9): 33}
    assert read_frame_at(clip, "00:00:01:09").index == 33


def test_a_span_ends_before_its_end(clip: Path) -> None:
    info = info_of(clip)
    assert locate_span(FrameIndex(1), FrameIndex(4), clip, info) == (1, 4)
    assert locate_span(None, FrameIndex(6), clip, info) == (0, None)
    assert locate_span(None, Seconds(Fraction(60)), clip, info) == (0, None)
    assert locate_span(Seconds(Fraction(4, 100)), None, clip, info) == (1, None)
    with pytest.raises(NoSuchFrame):
        locate_span(None, FrameIndex(7), clip, info)
    with pytest.raises(UsageError, match="nothing lies between frame 4 and frame 4"):
        locate_span(FrameIndex(4), FrameIndex(4), clip, info)


def test_a_pipe_goes_by_its_rate_and_says_so() -> None:
    info = VideoInfo(Path("-"), 8, 8, Fraction(30000, 1001), Fraction(1, 90000))
    notes: list[str] = []
    found = locate([FrameIndex(9), Seconds(Fraction(2))], Path("-"), info, notes.append)
    assert (list(found.values()), len(notes)) == ([9, 59], 1)
    assert locate([FrameIndex(9)], Path("-"), info, None) == {FrameIndex(9): 9}


def test_drops_name_objects_and_a_moment() -> None:
    assert parse_drop("2@300") == ((2,), FrameIndex(300))
    assert parse_drop("1, 2@4.5s") == ((1, 2), Seconds(Fraction(9, 2)))
    for text in ("2", "x@3", "0@3", "2@x", "@3"):
        with pytest.raises(UsageError):
            parse_drop(text)


def test_the_clips_have_pictures_out_of_order(clip: Path) -> None:
    """Else the sorting of packets would not be tested."""
    with av.open(str(clip)) as container:
        times = [packet.pts for packet in container.demux(video=0) if packet.pts is not None]
    assert times != sorted(times) or clip.suffix in {".webm", ".mpg"}
