"""Subtitles and chapters of the source in the output."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from synthetic_clips import make_clip
from video_results import UNEVEN_PTS, are_near, make_results, read_audio, read_times, write_all

from vostool.video.writing.output_kind import part_path

MILLISECOND = Fraction(1, 1000)
LINES = [(100, 150, "Hello <i>there</i>"), (350, 100, "Grüße\nan alle")]
CHAPTERS = [("Arrival", 0, 200), ("Leaving", 200, 400)]
OUTPUTS = [("overlay", ".mp4"), ("alpha", ".mov"), ("alpha", ".mkv"), ("alpha", ".webm")]
ASS_HEADER = b"[Script Info]\nScriptType: v4.00+\n\n[Events]\nFormat: Layer, Start, End, Style, Name, Text\n"


def make_source(path: Path, codec: str) -> Path:
    """A clip with sound, two lines of German subtitles and two chapters."""
    plain = make_clip(path.with_stem("plain"), num_frames=30, has_audio=True)
    with av.open(str(plain)) as old, av.open(str(path), "w") as new:
        streams = [new.add_stream_from_template(stream) for stream in old.streams]
        subtitles = new.add_mux_stream(codec)
        subtitles.time_base = MILLISECOND
        subtitles.metadata["language"] = "deu"
        new.start_encoding()
        new.set_chapters([chapter(*each) for each in CHAPTERS])  # type: ignore[arg-type]
        for packet in old.demux():
            if packet.dts is not None and packet.dts >= 0:
                packet.stream = streams[packet.stream_index]
                new.mux(packet)
        for start, duration, text in LINES:
            packet = av.Packet(encode(text, codec))
            packet.pts = packet.dts = start
            packet.duration, packet.time_base, packet.stream = duration, MILLISECOND, subtitles
            new.mux(packet)
    plain.unlink()
    return path


def chapter(title: str, start: int, end: int) -> dict[str, object]:
    return {"id": start, "start": start, "end": end, "time_base": MILLISECOND, "metadata": {"title": title}}


def encode(text: str, codec: str) -> bytes:
    if codec == "ass":
        coded = text.replace("\n", "\\N").replace("<i>", "{\\i1}").replace("</i>", "{\\i0}")
        return f"0,0,Default,,0,0,0,,{coded}".encode()
    content = text.encode()
    return len(content).to_bytes(2, "big") + content if codec == "mov_text" else content


def read_subtitles(path: Path) -> tuple[str, str, list[tuple[Fraction, Fraction, str]]]:
    """Codec, language, and (start, duration, text) of each line."""
    with av.open(str(path)) as container:
        (stream,) = container.streams.subtitles
        name = stream.codec_context.codec.canonical_name
        lines = []
        for packet in container.demux(stream):
            content = bytes(packet)[2:] if name == "mov_text" else bytes(packet)
            if content and packet.pts is not None:
                assert packet.duration
                times = packet.pts * packet.time_base, packet.duration * packet.time_base
                lines.append((*times, content.decode()))
        return name, stream.metadata.get("language", ""), lines


def in_milliseconds(lines: list[tuple[Fraction, Fraction, str]]) -> list[tuple[int, int, str]]:
    return [(round(start * 1000), round(duration * 1000), text) for start, duration, text in lines]


@pytest.mark.parametrize(("kind", "extension"), OUTPUTS)
@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "mov_text"), (".mkv", "subrip"), (".mkv", "ass")])
def test_subtitles_and_chapters(kind: str, extension: str, suffix: str, codec: str, tmp_path: Path) -> None:
    source, path = make_source(tmp_path / f"source{suffix}", codec), tmp_path / f"out{extension}"
    warnings = write_all(kind, path, source=source)
    assert are_near(read_times(path), UNEVEN_PTS, extension), "they move no picture"
    assert read_audio(path)
    written = {".mp4": "mov_text", ".mov": "mov_text", ".webm": "webvtt", ".mkv": "subrip"}[extension]
    is_kept = codec == written or (codec, extension) == ("ass", ".mkv")
    found, language, lines = read_subtitles(path)
    assert found == (codec if is_kept else written)
    assert language in ("deu", "ger") or extension == ".mov", "MOV has other names of languages"
    assert [line[:2] for line in in_milliseconds(lines)] == [line[:2] for line in LINES]
    if not is_kept:
        keeps_marks = codec != "ass" and written != "mov_text"
        plain = [text if keeps_marks else text.replace("<i>", "").replace("</i>", "") for *_, text in LINES]
        assert [text for *_, text in lines] == plain
    assert any(f"{codec} subtitles do not fit {extension}" in warning for warning in warnings) is not is_kept
    with av.open(str(path)) as container:
        unit = container.chapters()[0]["time_base"] * 1000
        chapters = [
            (each["metadata"]["title"], each["start"] * unit, each["end"] * unit) for each in container.chapters()
        ]
    assert chapters == CHAPTERS


def test_copied_subtitles_are_the_same_bytes(tmp_path: Path) -> None:
    source, path = make_source(tmp_path / "source.mkv", "ass"), tmp_path / "out.mkv"
    assert write_all("alpha", path, source=source) == []
    assert read_subtitles(path)[2] == read_subtitles(source)[2]


def test_pictures_of_subtitles_are_left_out_where_they_do_not_fit(tmp_path: Path) -> None:
    source = make_source(tmp_path / "source.mkv", "dvd_subtitle")
    (warning,) = write_all("overlay", tmp_path / "out.mov", source=source)
    assert "dvd_subtitle subtitles do not fit .mov" in warning
    assert read_audio(tmp_path / "out.mov")


def test_without_sound_subtitles_stay(tmp_path: Path) -> None:
    source, path = make_source(tmp_path / "source.mkv", "subrip"), tmp_path / "out.mkv"
    assert write_all("alpha", path, source=source, copy_audio=False) == []
    assert not read_audio(path)
    assert in_milliseconds(read_subtitles(path)[2]) == LINES


def test_what_the_muxer_refuses_costs_the_subtitles_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise ValueError("no chapters here")

    monkeypatch.setattr("vostool.video.writing.join.copy_chapters", refuse)
    source, path = make_source(tmp_path / "source.mp4", "mov_text"), tmp_path / "out.mp4"
    (warning,) = write_all("overlay", path, source=source)
    assert "subtitles and chapters could not be written" in warning
    assert read_audio(path) == read_audio(source)


def test_they_move_with_pictures_from_before_zero(tmp_path: Path) -> None:
    source, path = make_source(tmp_path / "source.mkv", "subrip"), tmp_path / "out.mkv"
    pts = tuple(512 * index - 1024 for index in range(8))
    write_all("alpha", path, results=make_results(pts=pts), source=source)
    assert not part_path(path).exists()
    assert in_milliseconds(read_subtitles(path)[2]) == [(start + 80, *rest) for start, *rest in LINES]
    with av.open(str(path)) as container:
        assert [each["start"] * each["time_base"] for each in container.chapters()] == [
            Fraction(2, 25),
            Fraction(7, 25),
        ]
