from __future__ import annotations

import io
import os
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from pipe_ends import piped, piped_file
from synthetic_clips import make_clip
from video_results import UNEVEN_PTS, read_audio

from vostool.errors import UsageError, VideoError
from vostool.types import Frame
from vostool.video.pipes.ends import Inlet
from vostool.video.pipes.reader import open_pipe
from vostool.video.pipes.sound import PacketQueue
from vostool.video.reading.reader import open_video

FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
# Name, and how to make the clip.
CLIPS: dict[str, dict[str, object]] = {
    "uneven.nut": {"codec": "rawvideo", "pixel_format": "bgra", "pts": UNEVEN_PTS, "num_frames": 8},
    "h264.nut": {"has_audio": True, "options": {"bf": "2"}},
    "clip.mkv": {"has_audio": True},
    "clip.ts": {"has_audio": True, "container_format": "mpegts"},
    "clip.avi": {"codec": "mpeg4", "time_base": Fraction(1, 25)},
    "faststart.mp4": {"container_options": {"movflags": "faststart"}, "has_audio": True},
    "fragmented.mp4": {"container_options": FRAGMENTED},
    "clip.y4m": {"codec": "rawvideo", "container_format": "yuv4mpegpipe", "time_base": Fraction(1, 25)},
}


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    return {name: make_clip(folder / name, **options) for name, options in CLIPS.items()}  # type: ignore[arg-type]


def same(one: Frame, two: Frame) -> bool:
    times = [(frame.index, frame.pts, frame.time_base) for frame in (one, two)]
    return times[0] == times[1] and np.array_equal(one.image, two.image) and not one.is_corrupt


@pytest.mark.parametrize("name", CLIPS)
def test_a_pipe_gives_the_frames_and_the_sound_of_the_file(name: str, clips: dict[str, Path]) -> None:
    with open_video(clips[name]) as file_reader:
        expected = list(file_reader)
    with piped_file(clips[name]) as file, open_pipe(file) as reader:
        assert (reader.info.path, reader.info.size, reader.info.time_base) == (
            Path("-"), file_reader.info.size, file_reader.info.time_base,
        )  # fmt: skip
        found = list(reader)
        assert not reader.is_short
        sound = list(reader.sound.take_until(None)) if reader.sound else []
    assert len(found) == len(expected) >= 8
    assert all(map(same, found, expected))
    taken = [(packet.pts * packet.time_base, bytes(packet)) for packet in sound]
    assert taken == read_audio(clips[name])
    assert bool(taken) == bool(CLIPS[name].get("has_audio"))


def test_a_redirected_file_can_go_back(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "late.mp4", has_audio=True)
    with clip.open("rb") as file, open_pipe(file, "clip") as reader:
        assert len(list(reader)) == 10
        assert reader.info.path == Path("clip")
        assert reader.sound is not None
        assert len(list(reader.sound.take_until(None))) == len(read_audio(clip))


def test_sound_that_nobody_wants_is_not_kept(clips: dict[str, Path]) -> None:
    with piped_file(clips["clip.mkv"]) as file, open_pipe(file, keeps_sound=False) as reader:
        assert len(list(reader)) == 10
        assert reader.sound is None


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    late = make_clip(tmp_path / "late.mp4").read_bytes()
    cases = [
        (late, "video.late_index", "ffmpeg -i in.mp4 -c copy -f nut -"),
        (b"", "video.empty", "0 bytes"),
        (b"hello\n" * 50, "video.text", "text"),
        (bytes(range(256)) * 50, "video.not_video", "standard input"),
    ]
    for content, code, words in cases:
        with piped(content) as file, pytest.raises(VideoError, match=words) as caught:
            open_pipe(file)
        assert caught.value.code == code


def test_a_late_index_is_told_before_the_end_comes(tmp_path: Path) -> None:
    late = make_clip(tmp_path / "late.mp4", num_frames=30).read_bytes()
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as file, os.fdopen(write_end, "wb") as source:
        source.write(late[:5000])
        source.flush()
        with pytest.raises(VideoError, match="index at end"):
            open_pipe(file)


def test_a_terminal_is_refused() -> None:
    with pytest.raises(UsageError, match="terminal") as caught:
        open_pipe(Terminal(b"RIFF"))
    assert caught.value.exit_code == 2


def test_a_broken_off_pipe_gives_what_came(clips: dict[str, Path]) -> None:
    content = clips["uneven.nut"].read_bytes()
    with piped(content[: len(content) * 5 // 8]) as file, open_pipe(file) as reader:
        frames = list(reader)
    assert 3 <= len(frames) <= 5
    assert [frame.pts for frame in frames] == [4 * pts for pts in UNEVEN_PTS[: len(frames)]]


def test_a_silent_pipe_can_be_left(tmp_path: Path) -> None:
    # Larger than what FFmpeg reads before it gives the first picture.
    content = make_clip(tmp_path / "a.nut", codec="rawvideo", pixel_format="bgra", size=(480, 640)).read_bytes()
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as file, os.fdopen(write_end, "wb") as source:
        feeder = threading.Thread(target=lambda: (source.write(content[: len(content) * 3 // 4]), source.flush()))
        feeder.start()
        frames = []
        with open_pipe(file) as reader:
            timer = threading.Timer(0.3, reader.stop)
            timer.start()
            frames += list(reader)
            timer.join()
        feeder.join()
    assert len(frames) >= 4


def test_an_inlet_gives_what_is_there() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as file, os.fdopen(write_end, "wb", buffering=0) as source:
        inlet = Inlet(file)
        source.write(b"abc")
        assert inlet.peek(2) == b"ab"
        assert [inlet.read(1), inlet.read(100), inlet.read(100)] == [b"a", b"b", b"c"]
        source.write(b"def")
        assert inlet.read(1000) == b"def"
        inlet.stop()
        assert inlet.read(1000) == b""
        inlet.close()


def sound_packet(time: int, num_bytes: int = 100) -> av.Packet:
    packet = av.Packet(bytes(num_bytes))
    packet.pts = packet.dts = time
    packet.time_base = Fraction(1, 10)
    return packet


def test_the_queue_is_bounded_and_keeps_its_order() -> None:
    queue = PacketQueue(max_bytes=10_000)
    for time in range(100):
        queue.put(sound_packet(time, 1000 - 512))
    assert queue.num_dropped == 90
    assert "90 packets" in queue.warnings[0]
    assert [packet.pts for packet in queue.take_until(Fraction(4, 10))] == [0, 1, 2, 3]
    queue.put(sound_packet(50))
    assert [packet.pts for packet in queue.take_until(None)] == [4, 5, 6, 7, 8, 9, 50]
    queue.close()
    queue.put(sound_packet(51))
    assert list(queue.take_until(None)) == []
