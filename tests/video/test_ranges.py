"""Videos of a range begin at zero, with the sound, subtitles and chapters of that range at their places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from synthetic_clips import make_clip, pattern_images
from test_subtitles import CHAPTERS, LINES, in_milliseconds, make_source, read_subtitles
from video_results import OBJECT_IDS, TICK, are_near, make_info, make_results, read_audio, read_frames, read_times

from vostool.types import FrameResult
from vostool.video.tracks.span import Span, cut_packets
from vostool.video.writing.sinks import open_sink

OUTPUTS = [("overlay", ".mp4"), ("overlay", ".mov"), ("alpha", ".mov"), ("alpha", ".mkv"), ("alpha", ".webm")]
START, STOP, NUM_FRAMES = 17, 43, 60
# No frame begins where a packet of sound does, nor at a whole millisecond.
PTS = tuple(512 * index + index * index * 37 % 300 for index in range(NUM_FRAMES))
SPAN = Span(PTS[START] * TICK, PTS[STOP] * TICK)
RATE = 48_000


def range_results(start: int = START, stop: int = STOP, first: int = 0) -> Iterator[FrameResult]:
    """Results of some of the frames, which begin at ``first``, with the durations that the reader gives."""
    for result in make_results(NUM_FRAMES, pts=PTS):
        index = result.frame.index
        if start <= index < stop:
            duration = PTS[index + 1] - PTS[index]
            yield replace(result, frame=replace(result.frame, pts=PTS[index] + first, duration=duration))


def write_range(
    kind: str, path: Path, source: Path | None = None, first: int = 0, start: int = START
) -> list[str]:  # fmt: skip
    info = make_info(path)
    with open_sink(kind, path, info, OBJECT_IDS, source=source, is_part=True) as sink:  # type: ignore[arg-type]
        for result in range_results(start, first=first):
            sink.write(result)
        sink.finish()
    return sink.warnings


def read_sound(path: Path) -> list[tuple[Fraction, Fraction, bytes]]:
    """Begin, end and content of every packet of sound."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
        return [(p.pts * p.time_base, (p.pts + p.duration) * p.time_base, bytes(p)) for p in packets]  # type: ignore[operator]


def add_noise(pictures: Path, path: Path, codec: str, seconds: float = 2.4) -> np.ndarray:
    """Copy a clip and give it sound that is nowhere the same; the samples."""
    noise = (0.2 * np.random.default_rng(7).standard_normal(int(seconds * RATE))).astype(np.float32)
    with av.open(str(pictures)) as old, av.open(str(path), "w") as new:
        video = new.add_stream_from_template(old.streams.video[0])
        audio = new.add_stream(codec, rate=RATE, layout="mono")
        assert isinstance(audio, av.AudioStream)
        audio.bit_rate = 256_000
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                new.mux(packet)
        resampler = av.AudioResampler(audio.codec_context.format, audio.codec_context.layout, RATE, 960)
        frame = av.AudioFrame.from_ndarray(noise[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            new.mux(audio.encode(piece))
        new.mux(audio.encode(None))
    return noise


def decode_sound(path: Path) -> tuple[np.ndarray, int]:
    """Samples from time zero on as a player has them, and how many of the first are only silence for want of sound."""
    heard = np.zeros(5 * RATE, np.float32)
    first, end = None, -RATE
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            assert frame.pts is not None
            assert frame.time_base is not None
            samples = frame.to_ndarray().astype(np.float32)[0]
            samples = samples / 32768 if frame.format.name.startswith("s16") else samples
            begin = round(frame.pts * frame.time_base * RATE)
            # Players do not jump by what Matroska rounds.
            begin = end if abs(begin - end) <= RATE // 1000 else begin
            end = begin + samples.size
            samples, begin = samples[max(-begin, 0) :], max(begin, 0)
            first = begin if first is None and samples.size else first
            heard[begin : begin + samples.size] = samples
    assert first is not None
    return heard, first


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packets of 128 ms of AAC, the first of which begins before zero."""
    return make_clip(tmp_path_factory.mktemp("ranges") / "source.mp4", num_frames=NUM_FRAMES, pts=PTS, has_audio=True)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("silent") / "pictures.mp4", num_frames=NUM_FRAMES, pts=PTS)


@pytest.mark.parametrize(("kind", "extension"), OUTPUTS)
@pytest.mark.parametrize("first", [0, 17921, -1024])
def test_a_range_begins_at_zero(kind: str, extension: str, first: int, tmp_path: Path) -> None:
    path = tmp_path / f"out{extension}"
    assert write_range(kind, path, first=first) == []
    assert are_near(read_times(path), tuple(PTS[index] - PTS[START] for index in range(START, STOP)), extension)
    assert len(read_frames(path)) == STOP - START


@pytest.mark.parametrize(("kind", "extension"), [output for output in OUTPUTS if output[1] != ".webm"])
def test_packets_that_overlap_the_range_are_copied(kind: str, extension: str, source: Path, tmp_path: Path) -> None:
    path = tmp_path / f"out{extension}"
    assert write_range(kind, path, source) == []
    has_edits = extension != ".mkv"
    expected = [
        (begin - SPAN.start, content)
        for begin, end, content in read_sound(source)
        if begin < SPAN.stop and (end > SPAN.start if has_edits else begin >= SPAN.start)
    ]
    assert expected[0][0] < 0 if has_edits else expected[0][0] > 0
    found = read_audio(path)
    assert [content for _, content in found] == [content for _, content in expected]
    tolerance = Fraction(1, 16000) if has_edits else Fraction(1, 1000)
    assert all(abs(one - two) <= tolerance for (one, _), (two, _) in zip(found, expected, strict=True))
    assert are_near(read_times(path), tuple(PTS[index] - PTS[START] for index in range(START, STOP)), extension)


@pytest.mark.parametrize(
    ("codec", "suffix", "extension", "is_encoded"),
    [
        ("aac", ".mp4", ".mp4", False),
        ("aac", ".mp4", ".mov", False),
        ("aac", ".mp4", ".mkv", False),
        ("aac", ".mp4", ".webm", True),
        ("pcm_s16le", ".mov", ".mov", False),
        ("pcm_s24be", ".mov", ".webm", True),
        ("libopus", ".mkv", ".webm", False),
        ("libopus", ".mkv", ".mkv", False),
        ("libopus", ".mp4", ".mp4", False),
    ],
)  # fmt: skip
def test_what_is_heard_is_in_sync(
    codec: str, suffix: str, extension: str, is_encoded: bool, pictures: Path, tmp_path: Path
) -> None:
    noise = add_noise(pictures, tmp_path / f"source{suffix}", codec)
    path = tmp_path / f"out{extension}"
    warnings = write_range("overlay", path, tmp_path / f"source{suffix}")
    assert (len(warnings), any("encoded as" in warning for warning in warnings)) == (is_encoded, is_encoded)
    heard, missing = decode_sound(path)
    assert missing <= 0.023 * RATE, "no more than a packet"
    begin, length = missing + 1200, int(0.9 * RATE)
    played = heard[begin : begin + length]
    offset = round(SPAN.start * RATE) + begin
    scores = {
        lag: float(np.corrcoef(played, noise[offset + lag : offset + lag + length])[0, 1]) for lag in range(-96, 97)
    }
    best = max(scores, key=lambda lag: scores[lag])
    assert scores[best] > 0.75, "codecs change the form of noise"
    roundings = [suffix, extension].count(".mkv") + [suffix, extension].count(".webm")
    assert abs(best) <= roundings * RATE // 1000, "each Matroska rounds to milliseconds"
    assert are_near(read_times(path), tuple(PTS[index] - PTS[START] for index in range(START, STOP)), extension)


@pytest.mark.parametrize("extension", [".mkv", ".webm"])
def test_early_opus_moves_no_picture(extension: str, pictures: Path, tmp_path: Path) -> None:
    """Matroska takes packets as early as the pre-skip; because of earlier ones FFmpeg would show the pictures later."""
    add_noise(pictures, tmp_path / "source.mkv", "libopus")
    path, firsts = tmp_path / f"out{extension}", []
    for start in range(2, 12):
        path.unlink(missing_ok=True)
        with open_sink(
            "overlay", path, make_info(path), OBJECT_IDS, source=tmp_path / "source.mkv", is_part=True
        ) as sink:
            for result in range_results(start, start + 3):
                sink.write(result)
            sink.finish()
        assert sink.warnings == []
        assert read_times(path)[0] == 0
        firsts.append(read_audio(path)[0][0])
    assert Fraction(-7, 1000) <= min(firsts) < 0, "one is kept although it begins early"
    assert max(firsts) <= Fraction(14, 1000)


def test_a_clip_that_was_cut_keeps_its_sound(pictures: Path, tmp_path: Path) -> None:
    """Its Opus begins before zero by more than the pre-skip, hidden by an edit list."""
    add_noise(pictures, tmp_path / "source.mkv", "libopus")
    cut_clip = tmp_path / "cut.mp4"
    write_range("overlay", cut_clip, tmp_path / "source.mkv", start=5)
    assert read_audio(cut_clip)[0][0] < Fraction(-7, 1000)
    path = tmp_path / "out.mkv"
    with open_sink("alpha", path, make_info(path), OBJECT_IDS, source=cut_clip) as sink:
        for result in make_results(8):
            sink.write(result)
        sink.finish()
    assert sink.warnings == []
    assert read_times(path)[0] == 0
    assert len(read_audio(path)) == len(read_audio(cut_clip)) - 1


@pytest.mark.parametrize(("kind", "extension"), OUTPUTS)
def test_subtitles_and_chapters_are_cut(kind: str, extension: str, tmp_path: Path) -> None:
    """Frames 3 to 6 of a clip whose first subtitle is on from 100 to 250 ms, and the second from 350 to 450 ms."""
    source, path = make_source(tmp_path / "source.mkv", "subrip"), tmp_path / f"out{extension}"
    results = list(make_results(8, pts=tuple(512 * index for index in range(8))))[5:10]
    with open_sink(kind, path, make_info(path), OBJECT_IDS, source=source, is_part=True) as sink:  # type: ignore[arg-type]
        for result in results:
            sink.write(result)
        sink.finish()
    start, stop = 200, 320
    assert in_milliseconds(read_subtitles(path)[2])[0][:2] == (0, 50)
    assert len(read_subtitles(path)[2]) == 1, "the other comes too late"
    (title, begin, end) = CHAPTERS[1]
    with av.open(str(path)) as container:
        (found,) = container.chapters()
    unit = found["time_base"] * 1000
    assert found["metadata"]["title"] == title
    assert (found["start"] * unit, found["end"] * unit) == (max(begin, start) - start, min(end, stop) - start)
    assert LINES[1][0] > stop


@pytest.mark.parametrize(("kind", "extension"), OUTPUTS)
def test_an_interrupted_range_goes_on(kind: str, extension: str, source: Path, tmp_path: Path) -> None:
    contents = []
    for stops in ((), (25, 40, STOP)):
        path = tmp_path / f"out{len(stops)}{extension}"
        start, state = START, None
        for stop in (*stops, STOP):
            with open_sink(
                kind, path, make_info(path), OBJECT_IDS, source=source, is_part=True, resume=state  # type: ignore[arg-type]
            ) as sink:  # fmt: skip
                for result in range_results(start, stop):
                    sink.write(result)
                state, start = sink.checkpoint(), stop
        with open_sink(
            kind, path, make_info(path), OBJECT_IDS, source=source, is_part=True, resume=state  # type: ignore[arg-type]
        ) as sink:  # fmt: skip
            sink.finish()
        contents.append((read_times(path), read_audio(path), len(read_frames(path))))
    assert contents[0] == contents[1]
    assert contents[0][0][0] == 0


def test_a_timecode_is_not_that_of_the_range(tmp_path: Path, source: Path) -> None:
    titled = tmp_path / "titled.mkv"
    with av.open(str(source)) as old, av.open(str(titled), "w") as new:
        new.metadata.update({"title": "Walk", "timecode": "01:00:00:00"})
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    write_range("alpha", tmp_path / "out.mkv", titled)
    with av.open(str(tmp_path / "out.mkv")) as container:
        names = {name.lower() for name in container.metadata}
    assert "title" in names
    assert "timecode" not in names


def test_stills_keep_their_numbers(tmp_path: Path) -> None:
    write_range("masks", tmp_path / "masks")
    assert {still.name for still in (tmp_path / "masks").iterdir()} == {f"{n:05d}.png" for n in range(START, STOP)}


def test_a_long_source_is_not_read_to_its_end(tmp_path: Path) -> None:
    """What is damaged long after the range does not matter."""
    long = make_clip(
        tmp_path / "long.mkv", pattern_images(40), time_base=Fraction(1, 1000), frame_rate=Fraction(1),
        container_format="matroska", has_audio=True, codec="mpeg4", options={},
    )  # fmt: skip
    assert len(read_audio(long)) > 200
    read: list[Fraction] = []
    with av.open(str(long)) as container:
        from vostool.video.tracks.copied import track_packets

        class Listener:
            source = container.streams.audio[0]

            def convert(self, packet: av.Packet) -> Iterator[av.Packet]:
                read.append(packet.pts * packet.time_base)  # type: ignore[operator]
                return iter(())

            def flush(self) -> Iterator[av.Packet]:
                return iter(())

        assert list(track_packets(container, [Listener()], [], Span(Fraction(2), Fraction(4)))) == []
        rest = [packet for packet in container.demux(audio=0) if packet.size]
    assert 0 > read[0] > -1
    assert 1 < read[-1] < 2
    assert len(rest) > 100


def make_packets(name: str, lines: list[tuple[int, int | None]]) -> Iterator[av.Packet]:
    """Packets of milliseconds in a stream of that type."""
    container = av.open(str(name), "w", format="matroska")
    stream = container.add_mux_stream("subrip") if "text" in name else container.add_stream("aac", rate=RATE)
    for begin, duration in lines:
        packet = av.Packet(b"x")
        packet.pts = packet.dts = begin
        packet.duration, packet.time_base, packet.stream = duration, Fraction(1, 1000), stream
        yield packet


def cut(name: str, *lines: tuple[int, int | None]) -> list[tuple[int | None, int | None]]:
    packets = make_packets(name, list(lines))
    return [(each.pts, each.duration) for each in cut_packets(packets, Span(Fraction(1), Fraction(2)))]


def test_what_touches_the_range_is_not_in_it(tmp_path: Path) -> None:
    path = tmp_path / "sound"
    found = cut(str(path), (900, 100), (900, 101), (1000, 50), (1999, 50), (2000, 50))
    assert found == [(-100, 101), (0, 50), (999, 50)]
    found = cut(str(path), (800, None), (900, None), (1000, None), (1100, 0))
    assert found == [(0, None), (100, 0)], "a packet of unknown length ends where the next one begins"
    assert cut(str(path), (800, None), (900, None), (1001, None)) == [(-100, 101), (1, None)]


def test_subtitles_are_shortened_and_stay_in_order(tmp_path: Path) -> None:
    found = cut(str(tmp_path / "text"), (100, 800), (100, 1000), (200, 3000), (950, 100), (1500, 100), (1900, 600))
    assert found == [(0, 100), (1, 999), (2, 48), (500, 100), (900, 100)]
