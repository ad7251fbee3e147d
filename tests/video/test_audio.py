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

from vostool.video.tracks.audio import from_zero


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


@pytest.mark.parametrize("extension", [".mov", ".mkv"])
def test_a_timecode_is_kept(extension: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mp4")
    coded = tmp_path / "coded.mov"
    with av.open(str(source)) as old, av.open(str(coded), "w") as new:
        new.metadata["timecode"] = "01:02:03:04"
        stream = new.add_stream_from_template(old.streams.video[0])
        stream.codec_context.framerate = Fraction(25)
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    path = tmp_path / f"out{extension}"
    write_all("alpha", path, source=coded)
    with av.open(str(path)) as container:
        names = [container.metadata, *(stream.metadata for stream in container.streams)]
    found = {value for metadata in names for name, value in metadata.items() if name.lower() == "timecode"}
    assert found == {"01:02:03:04"}


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


NOISE_RATE = 44100
HOLE = (0.9, 1.4)


def make_noisy_clip(path: Path, codec: str, start: float = 0, hole: tuple[float, float] | None = None) -> Path:
    """Two seconds of picture and smooth noise, which fits itself at one place only; without sound in the hole."""
    noise = np.convolve(np.random.default_rng(1).normal(size=2 * NOISE_RATE), np.hanning(9), "same") * 0.05
    options = {"avoid_negative_ts": "disabled"} if start < 0 else {}
    with av.open(str(path), "w", options=options) as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream(codec, rate=NOISE_RATE, layout="mono")
        for index in range(50):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        packets = []
        for first in range(0, len(noise) - 1023, 1024):
            block = av.AudioFrame.from_ndarray(noise[None, first : first + 1024].astype(np.float32), "fltp", "mono")
            block.sample_rate, block.pts = NOISE_RATE, first + round(start * NOISE_RATE)
            block.time_base = Fraction(1, NOISE_RATE)
            packets += audio.encode(block)
        for packet in [*packets, *audio.encode(None)]:
            if hole is None or not hole[0] < packet.pts * packet.time_base < hole[1]:
                container.mux(packet)
    return path


def placed_sound(path: Path) -> np.ndarray:
    """Three seconds of samples at 48 kHz, each frame at its own time."""
    sound, place, end = np.zeros(3 * 48000), 0.0, 0.0
    resampler = av.AudioResampler("flt", "mono", 48000)
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            if abs(frame.time - end) > 0.003:
                _put(sound, resampler.resample(None), place)
                resampler, place = av.AudioResampler("flt", "mono", 48000), frame.time
            place = _put(sound, resampler.resample(frame), place)
            end = frame.time + frame.samples / frame.rate
    _put(sound, resampler.resample(None), place)
    return sound


def _put(sound: np.ndarray, pieces: list[av.AudioFrame], place: float) -> float:
    for piece in pieces:
        samples, first = piece.to_ndarray()[0], round(place * 48000)
        sound[max(0, first) : max(0, first + len(samples))] = samples[max(0, -first) :]
        place += len(samples) / 48000
    return place


def lag_of(before: np.ndarray, after: np.ndarray, start: float, stop: float) -> float:
    """Seconds by which the second sound is later between two times; asserts that it is the same sound."""
    one, two = (sound[int(start * 48000) : int(stop * 48000)] for sound in (before, after))
    products = np.fft.irfft(np.fft.rfft(one, 2**17).conj() * np.fft.rfft(two, 2**17))
    best = int(np.argmax(products))
    assert products[best] > 0.9 * np.sqrt((one**2).sum() * (two**2).sum())
    return (best if best < 2**16 else best - 2**17) / 48000


@pytest.mark.parametrize(
    ("name", "codec", "start", "hole"),
    [
        ("a.mp4", "aac", 0, None),
        ("late.mkv", "aac", 0.25, None),
        ("early.mkv", "flac", -0.25, None),
        ("hole.mkv", "aac", 0, HOLE),
        ("hole.mkv", "libmp3lame", 0, HOLE),
        ("hole.mkv", "flac", 0, HOLE),
    ],
)
def test_encoded_sound_stays_in_sync(
    name: str, codec: str, start: float, hole: tuple[float, float] | None, tmp_path: Path
) -> None:
    """Up to a millisecond, which is what WebM counts in, before and behind a hole."""
    source, path = make_noisy_clip(tmp_path / name, codec, start, hole), tmp_path / "out.webm"
    assert len(write_all("alpha", path, source=source)) == 1
    before, after = placed_sound(source), placed_sound(path)
    for window in ((0.4, 0.8), (1.5, 1.9)):
        assert abs(lag_of(before, after, *window)) <= 0.001
    packet = Fraction(20, 1000)
    (found_first, found_last), (first, last) = ([times[0], times[-1]] for times in map(audio_times, (path, source)))
    assert abs(found_first - max(first, 0)) <= packet
    assert abs(found_last - last) <= packet + Fraction(1152, NOISE_RATE)


@pytest.mark.parametrize(("sample_format", "shape"), [("s16", (1, 960)), ("fltp", (2, 480)), ("dbl", (1, 960))])
def test_frames_are_cut_at_zero(sample_format: str, shape: tuple[int, int]) -> None:
    types = {"s16": np.int16, "fltp": np.float32, "dbl": np.float64}
    samples = np.arange(960).reshape(shape).astype(types[sample_format])
    frame = av.AudioFrame.from_ndarray(samples, sample_format, "stereo")
    frame.sample_rate, frame.time_base, frame.pts = 48000, Fraction(1, 1000), -4
    kept = from_zero(frame)
    assert kept is not None
    assert (kept.samples, kept.pts, kept.sample_rate, kept.layout.name) == (480 - 192, 0, 48000, "stereo")
    assert np.array_equal(kept.to_ndarray(), samples[:, 192 * shape[1] // 480 :])
    frame.pts = -10
    assert from_zero(frame) is None
    frame.pts = 0
    assert from_zero(frame) is frame


def audio_times(path: Path) -> list[Fraction]:
    return [time for time, _ in read_audio(path)]
