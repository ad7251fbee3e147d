"""Every file that is no video gets one clear line."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from synthetic_clips import flat_image, make_audio_only, make_clip

from vostool.errors import VideoError
from vostool.video.reading.reader import open_video


def text(path: Path) -> None:
    path.write_text("To whom it may concern: this is not a vidéo.\n" * 300, encoding="utf-8")


def truncated(path: Path) -> None:
    make_clip(path)
    path.write_bytes(path.read_bytes()[:-200])
    assert b"moov" not in path.read_bytes()[:-1000]


def with_cover(path: Path) -> None:
    """Sound and a picture of its record."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(flat_image((9, 9, 9)))))
        container.mux(cover.encode(None))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, 0, Fraction(1, 8000)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def unknown_codec(path: Path) -> None:
    make_clip(path)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"xyz1"))


# name of the file -> (maker, code, what the message must say)
BAD_FILES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "missing.mp4": (lambda path: None, "video.not_found", "no such file or folder"),
    "missing/clip.mp4": (lambda path: None, "video.not_found", "no such file or folder"),
    "text.mp4": (text, "video.text", "is a text file"),
    "notes.txt": (text, "video.text", "is a text file"),
    "zero.mp4": (lambda path: path.write_bytes(b""), "video.empty", "is empty"),
    "truncated.mp4": (truncated, "video.no_index", "truncated or still being written"),
    "sound.m4a": (make_audio_only, "video.no_video", "has no video, only audio"),
    "song.mp4": (with_cover, "video.no_video", "only audio and a cover picture"),
    "noise.mkv": (lambda path: path.write_bytes(random.Random(0).randbytes(9000)), "video.not_video", "not a video"),
    "future.mp4": (unknown_codec, "video.unknown_codec", "codec of .* is unknown"),
    "empty_folder": (lambda path: path.mkdir(), "video.no_images", "has no images, but no files"),
    "bad.png": (text, "video.no_picture", "is damaged or not an image"),
    "empty.png": (lambda path: path.write_bytes(b""), "video.empty", "is empty"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file(tmp_path: Path, name: str) -> None:
    make, code, said = BAD_FILES[name]
    path = tmp_path / name
    make(path)
    with pytest.raises(VideoError, match=said) as caught:
        open_video(path)
    assert caught.value.code == code
    assert path.name in caught.value.message
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = make_clip(tmp_path / "clip.mp4")
    if os.geteuid() == 0:  # root may read everything
        monkeypatch.setattr(av, "open", refuse)
    clip.chmod(0)
    with pytest.raises(VideoError, match="no permission to read") as caught:
        open_video(clip)
    assert caught.value.code == "video.permission"


def refuse(path: str, *settings: object, **more_settings: object) -> None:
    """As ``av.open`` does for a file that may not be read."""
    raise av.error.PermissionError(13, "Permission denied", path)


def test_a_name_of_other_bytes_than_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"bad\xff.mp4")
    try:
        path.write_bytes(b"any")
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    with pytest.raises(VideoError, match=r"the name of .*bad\?.mp4 is not UTF-8; rename it"):
        open_video(path)


def test_nothing_stays_open_after_an_error(tmp_path: Path) -> None:
    clip = make_audio_only(tmp_path / "sound.m4a")
    before = os.listdir("/proc/self/fd") if Path("/proc/self/fd").is_dir() else []
    with pytest.raises(VideoError):
        open_video(clip)
    after = os.listdir("/proc/self/fd") if before else []
    assert len(after) == len(before)
