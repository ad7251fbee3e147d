from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from synthetic_clips import make_clip
from video_results import (
    UNEVEN_PTS,
    are_near,
    read_audio,
    read_frames,
    read_times,
    write_all,
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "source.mp4", num_frames=30, has_audio=True)


@pytest.mark.parametrize(
    ("kind", "extension"), [("overlay", ".mp4"), ("overlay", ".mov"), ("alpha", ".mov"), ("alpha", ".mkv")]
)
def test_packets_are_copied(kind: str, extension: str, source: Path, tmp_path: Path) -> None:
    path = tmp_path / f"out{extension}"
    assert write_all(kind, path, source=source) == []
    expected = read_audio(source)
    if extension == ".mkv":
        expected = [(time, content) for time, content in expected if time >= 0]
    found = read_audio(path)
    assert [content for _, content in found] == [content for _, content in expected]
    tolerance = Fraction(1, 2000) if extension == ".mkv" else 0
    assert all(abs(a - b) <= tolerance for (a, _), (b, _) in zip(found, expected, strict=True))
    assert are_near(read_times(path), UNEVEN_PTS, extension)


def test_sound_that_does_not_fit_is_encoded(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.webm"
    (warning,) = write_all("alpha", path, source=source)
    assert "aac" in warning
    assert "libopus" in warning
    before, after = decoded_sound(source), decoded_sound(path)
    common = min(len(before), len(after)) - 960
    assert common > 0.8 * 48000
    assert np.corrcoef(before[960:common], after[960:common])[0, 1] > 0.98, "same sound, same place"


def test_sound_can_be_left_out(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    assert write_all("overlay", path, source=source, copy_audio=False) == []
    assert read_audio(path) == []


def test_title_is_kept_and_rotation_is_not(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mp4", rotation=90)
    titled = tmp_path / "titled.mp4"
    with av.open(str(source)) as old, av.open(str(titled), "w") as new:
        new.metadata.update({"title": "Walk", "comment": "take 2"})
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    path = tmp_path / "out.mov"
    write_all("alpha", path, source=titled)
    with av.open(str(path)) as container:
        assert container.metadata["title"] == "Walk"
        assert container.metadata["comment"] == "take 2"
    assert read_frames(path)[0].rotation == 0


def test_a_source_without_sound(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mp4")
    assert write_all("overlay", tmp_path / "out.mp4", source=source) == []


def decoded_sound(path: Path) -> np.ndarray:
    """Mono samples at 48 kHz from time zero on."""
    resampler = av.AudioResampler("flt", "mono", 48000)
    pieces = []
    with av.open(str(path)) as container:
        for frame in [*container.decode(audio=0), None]:
            for piece in resampler.resample(frame):
                start = 0 if pieces or piece.time is None else round(piece.time * 48000)
                pieces.append(np.concatenate([np.zeros(max(0, start)), piece.to_ndarray()[0][max(0, -start) :]]))
    return np.concatenate(pieces)


def test_sound_that_the_muxer_refuses_late_is_encoded(tmp_path: Path) -> None:
    """MOV promises to take Opus and then refuses its header."""
    source = make_clip(tmp_path / "source.mkv", has_audio=True, audio_codec="libopus")
    path = tmp_path / "out.mov"
    (warning,) = write_all("alpha", path, source=source)
    assert "opus" in warning
    assert "aac" in warning
    assert read_audio(path)
    assert are_near(read_times(path), UNEVEN_PTS, ".mov")


def test_sound_that_cannot_be_read_costs_the_sound_only(tmp_path: Path) -> None:
    source, path = tmp_path / "source.mp4", tmp_path / "out.mp4"
    source.write_bytes(b"no video")
    (warning,) = write_all("overlay", path, source=source)
    assert "left out" in warning
    assert are_near(read_times(path), UNEVEN_PTS, ".mp4")
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["out.mp4", "source.mp4"]
