"""Pipes on the command line: standard output carries the stream and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from synthetic_clips import make_clip
from video_results import read_audio, read_frames, read_times

FFMPEG = shutil.which("ffmpeg") or ""
UNEVEN_PTS = (0, 512, 1000, 1111, 3000, 4001)
VOSTOOL = [sys.executable, "-m", "vostool", "segment"]
needs_ffmpeg = pytest.mark.skipif(not FFMPEG, reason="there is no ffmpeg here")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", pts=UNEVEN_PTS, num_frames=6, has_audio=True)


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    labels = np.zeros((48, 64), np.uint8)
    labels[8:16, :20] = 255
    Image.fromarray(labels).save(tmp_path / "mask.png")
    return tmp_path / "mask.png"


def test_a_clip_goes_to_standard_output(clip: Path, mask: Path, tmp_path: Path) -> None:
    done = subprocess.run([*VOSTOOL, clip, "--mask", mask, "-o", "-"], capture_output=True, check=True)
    out = tmp_path / "out.nut"
    out.write_bytes(done.stdout)
    assert [frame.format.name for frame in read_frames(out)] == ["bgra"] * 6
    assert read_times(out) == [Fraction(pts, 12800) for pts in UNEVEN_PTS]
    assert [content for _, content in read_audio(out)] == [content for time, content in read_audio(clip) if time >= 0]


def test_rawvideo_says_on_stderr_how_it_is_read(clip: Path, mask: Path) -> None:
    command = [*VOSTOOL, clip, "--mask", mask, "-o", "-", "--emit", "matte", "--stdout-format", "rawvideo"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert len(done.stdout) == 6 * 48 * 64
    assert b"-f rawvideo -pix_fmt gray -s 64x48 -r " in done.stderr


def test_a_reader_that_leaves_is_no_error(clip: Path, mask: Path) -> None:
    command = [*VOSTOOL, clip, "--mask", mask, "-o", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert len(process.stdout.read(1)) == 1
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait() == 141
    assert b"Traceback" not in said
    assert b"error" not in said.lower()


def test_what_a_pipe_cannot_do_is_told(clip: Path, mask: Path) -> None:
    def refusal(*options: str | Path, source: bytes = b"") -> tuple[int, str]:
        done = subprocess.run([*VOSTOOL, *options, "--mask", mask], input=source, capture_output=True, check=False)
        assert done.stdout == b""
        return done.returncode, done.stderr.decode()

    late = clip.read_bytes()
    code, said = refusal("-", "-o", "-", source=late)
    assert code == 3
    assert "index at end" in said
    code, said = refusal("-", "-o", "-")
    assert code == 3
    assert "empty" in said
    code, said = refusal(clip, "-o", "-", "--stdout-format", "y4m")
    assert code == 2
    assert "cannot carry alpha" in said
    code, said = refusal("-", "-o", "-", "--direction", "backward", source=late)
    assert code == 2


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals here")
def test_a_terminal_is_refused(clip: Path, mask: Path) -> None:
    controller, terminal = os.openpty()
    try:
        done = subprocess.run(
            [*VOSTOOL, clip, "--mask", mask, "-o", "-"], stdout=terminal, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(terminal)
        os.close(controller)
    assert done.returncode == 2
    assert b"terminal" in done.stderr


@needs_ffmpeg
def test_ffmpeg_on_both_sides(clip: Path, mask: Path, tmp_path: Path) -> None:
    out = tmp_path / "matte.mov"
    quiet = [FFMPEG, "-nostdin", "-loglevel", "error"]
    before = subprocess.Popen([*quiet, "-i", clip, "-f", "nut", "-c:v", "rawvideo", "-"], stdout=subprocess.PIPE)
    middle = subprocess.Popen(
        [*VOSTOOL, "-", "--mask", mask, "-o", "-", "--emit", "matte"], stdin=before.stdout, stdout=subprocess.PIPE
    )
    after = subprocess.Popen(
        [*quiet, "-i", "-", "-fps_mode", "passthrough", "-c:v", "prores_ks", out], stdin=middle.stdout
    )
    for process in (before, middle):
        assert process.stdout is not None
        process.stdout.close()
    assert [process.wait() for process in (before, middle, after)] == [0, 0, 0]
    assert len(read_frames(out)) == 6
