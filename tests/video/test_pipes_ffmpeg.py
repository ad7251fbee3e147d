"""Pipes from and to a real ffmpeg."""

from __future__ import annotations

import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from synthetic_clips import make_clip
from video_results import read_alpha, read_audio, read_frames, read_times

FFMPEG = shutil.which("ffmpeg") or ""
pytestmark = pytest.mark.skipif(not FFMPEG, reason="there is no ffmpeg here")
TESTS = Path(__file__).resolve().parent.parent
UNEVEN_PTS = (0, 512, 1000, 1111, 3000, 4001, 4100, 4700, 6000, 6400)
# What the command does with a pipe, without a network: the left half is the object.
PASS_ON = f"""
import sys
sys.path[:0] = [{str(TESTS.parent)!r}]
import numpy as np
from vostool.types import FrameResult
from vostool.video.pipes.reader import open_pipe
from vostool.video.reading.prefetch import prefetch
from vostool.video.writing.background import background
from vostool.video.pipes.sink import StreamSink
kind, stream_format = sys.argv[1:]
with open_pipe(sys.stdin.buffer) as reader:
    out = StreamSink(kind, sys.stdout.buffer, reader.info, (1,), stream_format=stream_format, sound=reader.sound)
    with background(out) as sink:
        for frame in prefetch(reader):
            labels = np.zeros(frame.image.shape[:2], np.uint8)
            labels[:, : labels.shape[1] // 2] = 1
            sink.write(FrameResult(frame, labels, labels[None].astype(np.float32), (1,)))
        sink.finish()
    print(*sink.warnings, sep="\\n", file=sys.stderr)
"""


def run_through(before: list[str], kind: str, after: list[str], stream_format: str = "nut") -> list[str]:
    """``ffmpeg BEFORE | (our two ends) | ffmpeg AFTER``; what the middle said."""
    quiet = [FFMPEG, "-nostdin", "-hide_banner", "-loglevel", "error", "-y"]
    source = subprocess.Popen([*quiet, *before, "-"], stdout=subprocess.PIPE)
    middle = subprocess.Popen(
        [sys.executable, "-c", PASS_ON, kind, stream_format],
        stdin=source.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=False,
    )  # fmt: skip
    end = subprocess.Popen([*quiet, *after], stdin=middle.stdout)
    for process in (source, middle):
        assert process.stdout is not None
        process.stdout.close()
    assert middle.stderr is not None
    with middle.stderr:
        said = middle.stderr.read().decode()
    assert [process.wait(60) for process in (source, middle, end)] == [0, 0, 0], said
    return said.split("\n")[:-1]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", pts=UNEVEN_PTS, has_audio=True, options={"bf": "2"})


def test_uneven_times_and_sound_pass_from_ffmpeg_to_ffmpeg(clip: Path, tmp_path: Path) -> None:
    before = tmp_path / "before.nut"
    subprocess.run([FFMPEG, "-loglevel", "error", "-i", clip, "-c", "copy", "-f", "nut", before], check=True)
    after = tmp_path / "after.nut"
    said = run_through(
        ["-i", str(clip), "-c", "copy", "-f", "nut"],
        "alpha",
        ["-copyts", "-i", "-", "-c", "copy", "-f", "nut", str(after)],
    )
    assert said == [""]
    assert read_times(after) == read_times(before)
    steps = [time - read_times(after)[0] for time in read_times(after)]
    assert steps == [Fraction(pts, 12800) for pts in UNEVEN_PTS]
    assert read_audio(after) == read_audio(before)
    assert {content for _, content in read_audio(after)} == {content for _, content in read_audio(clip)}


@pytest.mark.parametrize("stream_format", ["nut", "mkv"])
def test_alpha_arrives_in_prores(stream_format: str, tmp_path: Path) -> None:
    out = tmp_path / "out.mov"
    run_through(
        ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=30000/1001:duration=0.5", "-f", "nut", "-c:v", "rawvideo"],
        "alpha",
        ["-i", "-", "-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le", str(out)],
        stream_format,
    )
    frames = read_frames(out)
    assert len(frames) == 15
    expected = np.zeros((48, 64))
    expected[:, :32] = 1
    assert all(np.array_equal(np.rint(read_alpha(frame)), expected) for frame in frames)
    assert [frame.pts for frame in frames] == [1001 * index for index in range(15)] or stream_format == "mkv"


def test_masks_are_read_as_grey(tmp_path: Path) -> None:
    for stream_format in ("nut", "y4m"):
        out = tmp_path / f"{stream_format}.mkv"
        run_through(
            [
                "-f",
                "lavfi",
                "-i",
                "testsrc=size=64x48:rate=25:duration=0.2",
                "-pix_fmt",
                "yuv420p",
                "-f",
                "yuv4mpegpipe",
            ],
            "masks",
            ["-i", "-", "-c:v", "ffv1", str(out)],
            stream_format,
        )
        frames = [frame.to_ndarray() for frame in read_frames(out)]
        assert len(frames) == 5
        assert all(set(np.unique(frame)) == {0, 1} for frame in frames)


def test_rawvideo_is_read_with_the_line_that_is_printed(tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    line = "-f rawvideo -pix_fmt gray -s 64x48 -r 25"
    run_through(
        ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=0.2", "-f", "nut"],
        "matte",
        [*line.split(), "-i", "-", "-c:v", "ffv1", str(out)],
        "rawvideo",
    )
    with av.open(str(out)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(video=0)]
    assert len(frames) == 5
    assert all(frame[:, :32].min() == 255 and frame[:, 32:].max() == 0 for frame in frames)


def test_the_null_muxer_takes_it_all() -> None:
    for kind in ("cutout", "overlay"):
        run_through(
            ["-f", "lavfi", "-i", "testsrc=size=65x47:rate=25:duration=0.2", "-f", "mpegts"],
            kind,
            ["-i", "-", "-f", "null", "-"],
        )
