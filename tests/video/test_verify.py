"""A finished file that lacks anything is refused in one line that says what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from video_results import UNEVEN_PTS, make_info, make_results, write_all

from vostool.errors import VostoolError
from vostool.types import ColourTags, VideoInfo
from vostool.video.tracks.timeline import BLOCK, Timeline
from vostool.video.writing.encoding import ENCODINGS, encoding_of, tags_for
from vostool.video.writing.output_kind import Kind
from vostool.video.writing.verify import Expected, scan_packets, verify_video

VIDEOS = [(kind, extension) for kind, encodings in ENCODINGS.items() for extension in encodings]
WITH_ALPHA = [("alpha", extension) for extension in ENCODINGS["alpha"]]
TAGS = ColourTags(9, 16, 9, 1)
Change = Callable[[int, av.Packet], av.Packet | None]


def expect(kind: Kind, path: Path, info: VideoInfo, pts: tuple[int, ...] = UNEVEN_PTS) -> Expected:
    timeline = Timeline(path.suffix)
    for value in pts:
        timeline.add(value * info.time_base)
    encoding = encoding_of(kind, path)
    return Expected(timeline, encoding, info, tags_for(kind, encoding, info))


def make(kind: Kind, path: Path) -> Expected:
    """A good file and what to expect of it."""
    info = replace(make_info(path), colour=TAGS)
    write_all(kind, path, info)
    expected = expect(kind, path, info)
    verify_video(path, expected)
    return expected


def change_packets(path: Path, change: Change) -> None:
    """Copy the file with each packet changed or left out."""
    changed = path.with_stem("changed")
    with av.open(str(path)) as old, av.open(str(changed), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0], opaque=True)
        if old.streams.video[0].codec_context.name == "vp9":
            stream.metadata["alpha_mode"] = "1"
        for number, packet in enumerate(old.demux(video=0)):
            if packet.size and (kept := change(number, packet)) is not None:
                kept.stream = stream
                new.mux(kept)
    changed.replace(path)


def refusal(path: Path, expected: Expected) -> VostoolError:
    with pytest.raises(VostoolError) as caught:
        verify_video(path, expected)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(("kind", "extension"), VIDEOS)
class TestPackets:
    def test_a_missing_frame(self, kind: Kind, extension: str, tmp_path: Path) -> None:
        path = tmp_path / f"out{extension}"
        expected = make(kind, path)
        change_packets(path, lambda number, packet: None if number == 5 else packet)
        error = refusal(path, expected)
        assert error.code == "output.frames"
        assert "7 frames of 8" in str(error)

    def test_a_frame_at_another_time(self, kind: Kind, extension: str, tmp_path: Path) -> None:
        path = tmp_path / f"out{extension}"
        expected = make(kind, path)

        def delay(number: int, packet: av.Packet) -> av.Packet:
            if number == 5:
                assert packet.pts is not None
                packet.pts += 1
                packet.dts = packet.pts
            return packet

        change_packets(path, delay)
        error = refusal(path, expected)
        assert error.code == "output.times"
        assert "frames 0 to 7" in str(error)


@pytest.mark.parametrize("extension", [".mp4", ".mkv"])
def test_a_clip_that_begins_at_another_time(extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{extension}"
    expected = make("overlay", path)
    later = expect("overlay", path, expected.info, tuple(value + 6400 for value in UNEVEN_PTS))
    error = refusal(path, later)
    assert error.code == "output.times"
    assert "begins at 0.0000 s and not at 0.5000 s" in str(error)


def test_the_place_of_a_wrong_time_is_told() -> None:
    one, other = Timeline(".mov"), Timeline(".mov")
    for number in range(2 * BLOCK + 10):
        one.add(Fraction(number, 25))
        other.add(Fraction(number, 25) + (Fraction(1, 10**9) if number == BLOCK + 3 else 0))
    assert one.find_difference(other) == (BLOCK, 2 * BLOCK - 1)
    again = Timeline(".mov")
    again.restore(one.state())
    assert again.find_difference(one) is None
    for timeline in (one, again):
        timeline.add(Fraction(100))
    assert again.find_difference(one) is None
    other.add(Fraction(101))
    assert again.find_difference(other) == (BLOCK, 2 * BLOCK - 1)


def test_times_are_rounded_as_the_container_does_it() -> None:
    """Halves of a millisecond go up, as FFmpeg has them."""
    one, other = Timeline(".webm"), Timeline(".webm")
    for time, kept in ((Fraction(0), 0), (Fraction(1, 16), 63), (Fraction(2, 16), 125), (Fraction(1, 3), 333)):
        one.add(time)
        other.add(Fraction(kept, 1000))
    assert one.find_difference(other) is None


@pytest.mark.parametrize(("kind", "extension"), VIDEOS)
@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("primaries", 1, "primaries"),
        ("transfer", 18, "transfer"),
        ("matrix", 5, "matrix"),
        ("colour_range", 2, "range"),
    ],
)
def test_a_lost_tag(kind: Kind, extension: str, field: str, value: int, name: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{extension}"
    expected = make(kind, path)
    found = getattr(expected.tags, field)
    if found == value:
        value = 1 if field == "colour_range" else 9
    asked = replace(expected, tags=replace(expected.tags, **{field: value}))
    error = refusal(path, asked)
    assert error.code == "output.tags"
    assert f"{name} {found} for {value}" in str(error)


def test_tags_that_say_nothing_are_not_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "out.mov"
    expected = make("alpha", path)
    verify_video(path, replace(expected, tags=ColourTags(2, 2, 9, 0)))
    verify_video(path, replace(expected, tags=ColourTags(3, 0, 9, 1)))


@pytest.mark.parametrize(("kind", "extension"), VIDEOS)
def test_another_size(kind: Kind, extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{extension}"
    expected = make(kind, path)
    error = refusal(path, replace(expected, info=replace(expected.info, width=32)))
    assert error.code == "output.size"
    assert "64x48 and not 32x48" in str(error)


@pytest.mark.parametrize(("kind", "extension"), WITH_ALPHA)
def test_no_alpha_at_all(kind: Kind, extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{extension}"
    opaque: Kind = "matte" if extension != ".webm" else "overlay"
    expected = make(opaque, path)
    error = refusal(path, replace(expected, encoding=encoding_of(kind, path)))
    assert error.code == "output.alpha"


@pytest.mark.parametrize("lacking", [1, 5, 7])
def test_a_later_frame_of_webm_without_alpha(lacking: int, tmp_path: Path) -> None:
    path, opaque = tmp_path / "out.webm", tmp_path / "opaque.webm"
    expected = make("alpha", path)
    make("overlay", opaque)
    with av.open(str(opaque)) as container:
        plain = [bytes(packet) for packet in container.demux(video=0) if packet.size]

    def strip(number: int, packet: av.Packet) -> av.Packet:
        if number != lacking:
            return packet
        return copy_of(packet, plain[number])

    change_packets(path, strip)
    error = refusal(path, expected)
    assert error.code == "output.alpha"
    assert f"from frame {lacking} on" in str(error)


@pytest.mark.parametrize(("kind", "extension"), VIDEOS)
def test_pictures_that_cannot_be_decoded(kind: Kind, extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{extension}"
    expected = make(kind, path)

    def ruin(number: int, packet: av.Packet) -> av.Packet:
        """A picture without which nothing after it can be decoded."""
        if not packet.is_keyframe:
            return packet
        return copy_of(packet, b"\0" * packet.size)

    change_packets(path, ruin)
    assert refusal(path, expected).code == "output.frames"


def test_the_middle_is_decoded_too(tmp_path: Path) -> None:
    path = tmp_path / "out.mov"
    expected = make("alpha", path)

    def ruin_late(number: int, packet: av.Packet) -> av.Packet:
        return packet if number < 4 else copy_of(packet, b"\0" * packet.size)

    change_packets(path, ruin_late)
    assert refusal(path, expected).code == "output.frames"


def copy_of(packet: av.Packet, content: bytes) -> av.Packet:
    """Another content at the same time."""
    other = av.Packet(content)
    other.pts, other.dts, other.time_base = packet.pts, packet.dts, packet.time_base
    other.is_keyframe = packet.is_keyframe
    return other


def test_the_key_frame_before_the_middle_is_found(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    write_all("overlay", path, results=make_results(150))
    with av.open(str(path)) as container:
        keys = [packet.pts for packet in container.demux(video=0) if packet.size and packet.is_keyframe]
    assert len(keys) > 2
    with av.open(str(path)) as container:
        pts = [packet.pts for packet in container.demux(video=0) if packet.size]
    assert scan_packets(path, 75).key_pts == max(key for key in keys if key <= pts[75])
