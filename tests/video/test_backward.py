"""Parts of clips, forward and backward, against the frames of reading from the beginning."""

from __future__ import annotations

import gc
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from synthetic_clips import make_clip, pattern_image

from vostool.errors import VideoError
from vostool.types import Frame
from vostool.video.reading import file_range, sections
from vostool.video.reading.backward import read_backward, read_range
from vostool.video.reading.file_range import FileBackward, FileRange
from vostool.video.reading.packet_times import PacketTime, UnsureError, packet_times, shows_vp9_picture
from vostool.video.reading.reader import open_video
from vostool.video.reading.seeking import SeekingReader

NUM_FRAMES = 60
UNEVEN = np.cumsum(np.random.default_rng(1).integers(11, 90, NUM_FRAMES)) + 1000
VFR = {"pts": UNEVEN.tolist(), "time_base": Fraction(1, 1000)}
H264 = {"options": {"bf": "2", "g": "12", "preset": "ultrafast", "crf": "20", "threads": "1"}}
OPEN_GROUPS = {"options": H264["options"] | {"x264-params": "open-gop=1:scenecut=0"}}
MPEG = {"options": {"bf": "2", "g": "12"}, "time_base": Fraction(1, 25)}
KINDS: dict[str, tuple[str, dict[str, object]]] = {
    "mp4": ("clip.mp4", H264),
    "vfr mkv with a late start": ("clip.mkv", H264 | VFR),
    "open groups": ("clip.mp4", OPEN_GROUPS),
    "one group": ("clip.mp4", {"options": H264["options"] | {"g": "999"}}),
    "hevc": ("clip.mkv", {"codec": "libx265", "options": {"x265-params": "keyint=12:log-level=none:pools=1"}}),
    "rotated": ("clip.mov", H264 | {"rotation": 90}),
    "intra only": ("clip.mov", {"codec": "prores_ks", "pixel_format": "yuv422p10le", "options": {}}),
    "transport stream": ("clip.ts", H264 | VFR),
    "mpeg-4 avi": ("clip.avi", MPEG | {"codec": "mpeg4"}),
    "mpeg-1": ("clip.mpg", MPEG | {"codec": "mpeg1video"}),
    "vp9": ("clip.webm", {"codec": "libvpx-vp9", "options": {"g": "12", "deadline": "realtime", "cpu-used": "8"}}),
    "fragments": ("clip.mp4", H264 | {"container_options": {"movflags": "frag_keyframe+empty_moov"}}),
    "gif": ("clip.gif", {"codec": "gif", "pixel_format": "rgb8", "options": {}, "time_base": Fraction(1, 100)}),
    "interlaced": ("clip.mp4", {"options": H264["options"] | {"flags": "+ildct+ilme", "x264-params": "tff=1"}}),
}

Seen = tuple[int, int, int, bool, int, int | None]


def see(frame: Frame) -> Seen:
    deep = None if frame.deep is None else zlib.crc32(frame.deep.tobytes())
    return frame.index, frame.pts, frame.duration, frame.is_corrupt, zlib.crc32(frame.image.tobytes()), deep


def see_all(frames: Iterable[Frame]) -> list[Seen]:
    return [see(frame) for frame in frames]


def forward(path: Path) -> list[Seen]:
    with open_video(path, keeps_depth=True) as reader:
        return see_all(reader)


def backward(path: Path, start: int = 0, stop: int | None = None) -> list[Seen]:
    with read_backward(path, start, stop, keeps_depth=True) as reader:
        return see_all(reader)


def part(path: Path, start: int, stop: int | None = None) -> list[Seen]:
    with read_range(path, start, stop, keeps_depth=True) as reader:
        return see_all(reader)


def noisy_images(num_frames: int = NUM_FRAMES) -> Iterator[np.ndarray]:
    """Every picture differs from every other in many pixels."""
    rng = np.random.default_rng(0)
    for index in range(num_frames):
        noise = rng.integers(-20, 20, (48, 64, 3))
        yield np.clip(pattern_image(index) + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module", params=KINDS)
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    name, settings = KINDS[request.param]
    return make_clip(tmp_path_factory.mktemp("clip") / name, noisy_images(), **settings)  # type: ignore[arg-type]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections, "MOST_PICTURES", 7)
    monkeypatch.setattr(sections, "FEWEST_PICTURES", 5)


@pytest.mark.usefixtures("small_blocks")
def test_backward_is_forward_reversed(clip: Path) -> None:
    frames = forward(clip)
    assert len({frame[4] for frame in frames}) == len(frames) >= NUM_FRAMES - 1
    assert backward(clip) == frames[::-1]
    assert backward(clip, 13, 40) == frames[13:40][::-1]
    assert backward(clip, 50, 1000) == frames[50:][::-1]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(("start", "stop"), [(0, 5), (1, 2), (29, 45), (36, None), (37, 10_000), (12, 12)])
def test_a_part_is_cut_out_of_forward(clip: Path, start: int, stop: int | None) -> None:
    assert part(clip, start, stop) == forward(clip)[start:stop]


def test_it_seeks_where_that_is_exact(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", noisy_images(), **H264)  # type: ignore[arg-type]
    with read_range(clip, 50) as reader, read_backward(clip) as falling:
        next(iter(reader))
        next(iter(falling))
        assert isinstance(reader, FileRange)
        assert reader.is_seeking
        assert isinstance(falling, FileBackward)
        assert not falling._table.is_decoded


def test_the_end_of_a_part_tells_whether_the_file_is_short(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", noisy_images(), container_options={"movflags": "faststart"}, **H264)  # type: ignore[arg-type]
    content = clip.read_bytes()
    for size, is_short in ((len(content), False), (len(content) * 9 // 10, True)):
        clip.write_bytes(content[:size])
        with read_range(clip, 30) as reader:
            assert not reader.is_short
            assert len(list(reader)) >= 20
            assert reader.is_short == is_short


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("kind", ["mp4", "vfr mkv with a late start", "transport stream", "intra only"])
@pytest.mark.parametrize("part_lost", ["half", "whole", "all but its header"])
@pytest.mark.parametrize("packets", [[24], [5, 40], [25, 36, 59]])
def test_damage_is_the_same_backward(tmp_path: Path, kind: str, packets: list[int], part_lost: str) -> None:
    name, settings = KINDS[kind]
    clip = make_clip(tmp_path / name, noisy_images(), **settings)  # type: ignore[arg-type]
    whole = forward(clip)
    with av.open(str(clip)) as container:
        found = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(clip.read_bytes())
    for position, size in (found[number] for number in packets):
        assert position is not None
        begin = {"half": size // 2, "whole": 0, "all but its header": 6}[part_lost]
        content[position + begin : position + size] = b"\xff" * (size - begin)
    clip.write_bytes(bytes(content))
    frames = forward(clip)
    assert frames != whole
    # How a decoder with several threads mends a part of a picture differs from time to time.
    depth = 6 if part_lost == "whole" else 4
    assert [frame[:depth] for frame in backward(clip)] == [frame[:depth] for frame in frames[::-1]]
    assert [frame[:depth] for frame in part(clip, 30, 55)] == [frame[:depth] for frame in frames[30:55]]


@pytest.mark.usefixtures("small_blocks")
def test_interlaced_files_are_not_decoded_from_the_beginning_for_every_block(tmp_path: Path) -> None:
    name, settings = KINDS["interlaced"]
    clip = make_clip(tmp_path / name, noisy_images(), **settings)  # type: ignore[arg-type]
    with read_backward(clip) as reader:
        assert reader.info.is_deinterlaced
        assert len(list(reader)) == NUM_FRAMES
        assert isinstance(reader, FileBackward)
        assert reader.num_restarts <= 2


def test_packets_of_vp9_that_show_nothing_are_seen() -> None:
    shown, hidden, repeated, superframe = b"\x86\x00\x00", b"\x84\x00\x00", b"\x88\x00", b"\x84\x00\xc9"
    assert [shows_vp9_picture(each) for each in (shown, hidden, repeated, superframe)] == [True, False, True, True]


def astray(seek_time: int | None) -> int | None:
    """Too late by about ten frames."""
    return None if seek_time is None else seek_time + 12 * 512


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("stray", [astray, lambda seek_time: seek_time and 0, lambda seek_time: seek_time and 10**9])
@pytest.mark.parametrize("is_decoded", [False, True])
def test_seeks_that_lead_astray_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stray: Callable[[int | None], int | None], is_decoded: bool
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", noisy_images(), **H264)  # type: ignore[arg-type]
    frames = forward(clip)
    original = SeekingReader.__init__
    monkeypatch.setattr(
        SeekingReader, "__init__", lambda self, path, time=None, **rest: original(self, path, stray(time), **rest)
    )
    if is_decoded:
        monkeypatch.setattr(sections, "packet_times", refuse)
    assert backward(clip) == frames[::-1]
    assert part(clip, 40) == frames[40:]


def refuse(path: Path) -> Iterator[object]:
    raise UnsureError
    yield path


def without_packet(pts: int) -> Callable[[Path], Iterator[PacketTime]]:
    return lambda path: (time for time in packet_times(path) if time.pts != pts)


def test_packets_that_are_wrong_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = make_clip(tmp_path / "clip.mp4", noisy_images(), **H264)  # type: ignore[arg-type]
    frames = forward(clip)
    monkeypatch.setattr(sections, "packet_times", without_packet(55 * 512))
    with read_backward(clip, keeps_depth=True) as reader:
        assert see_all(reader) == frames[::-1]
        assert isinstance(reader, FileBackward)
        assert reader._table.is_decoded


@pytest.mark.usefixtures("small_blocks")
def test_numbers_that_turn_out_wrong_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = make_clip(tmp_path / "clip.mp4", noisy_images(), **H264)  # type: ignore[arg-type]
    monkeypatch.setattr(sections, "packet_times", without_packet(512))
    with pytest.raises(VideoError, match=r"frame \d+ has another time"):
        backward(clip)


def test_few_pictures_are_held_whatever_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = make_clip(tmp_path / "clip.mp4", noisy_images(), options={"g": "999"})
    with SeekingReader(clip) as reader:
        num_bytes = reader.num_picture_bytes
    assert num_bytes >= 48 * 64 * 3 // 2
    monkeypatch.setattr(sections, "MOST_BYTES", 5 * num_bytes)
    original, counts = file_range.collect, []

    def collect(*arguments: object, **options: object) -> object:
        kept = original(*arguments, **options)  # type: ignore[arg-type]
        counts.append(len(kept or ()))
        return kept

    monkeypatch.setattr(file_range, "collect", collect)
    assert len(backward(clip)) == NUM_FRAMES
    assert max(counts) == 5


@pytest.mark.usefixtures("small_blocks")
def test_nothing_of_a_block_stays_after_it(tmp_path: Path) -> None:
    """A decoder's memory is freed only with the last of its pictures, and garbage in rings is collected late."""
    clip = make_clip(tmp_path / "clip.mp4", noisy_images(), **H264)  # type: ignore[arg-type]
    gc.collect()
    gc.disable()
    num_before = count_pictures()
    try:
        with read_backward(clip) as reader:
            numbers = [count_pictures() - num_before for _ in reader]
    finally:
        gc.enable()
    assert max(numbers) <= 7 + 3


def count_pictures() -> int:
    return sum(type(each) is av.VideoFrame for each in gc.get_objects())


def test_a_table_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = make_clip(tmp_path / "clip.mp4", noisy_images(), **H264)  # type: ignore[arg-type]
    frames, table = forward(clip), sections.SectionTable(clip)
    with read_backward(clip, 20, 40, table=table) as reader:
        assert [frame.index for frame in reader] == list(range(39, 19, -1))
    monkeypatch.setattr(sections, "packet_times", refuse)
    with read_backward(clip, 3, 30, keeps_depth=True, table=table) as reader:
        assert see_all(reader) == frames[3:30][::-1]
    assert not table.is_decoded


def test_folders_of_images_repeat_what_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vostool.video.reading.image_range.MOST_IMAGES", 3)
    for index, image in enumerate(noisy_images(10)):
        path = tmp_path / f"{index:03}.png"
        Image.fromarray(image).save(path)
        if index in (0, 4, 5, 9):
            path.write_bytes(b"no picture")
    frames = forward(tmp_path)
    assert [frame[3] for frame in frames] == [index in (0, 4, 5, 9) for index in range(10)]
    assert backward(tmp_path) == frames[::-1]
    for start, stop in ((0, 3), (5, 8), (4, None), (9, 10), (3, 50), (10, None)):
        assert part(tmp_path, start, stop) == frames[start:stop]
        assert backward(tmp_path, start, stop) == frames[start:stop][::-1]


def test_a_missing_file_is_told_as_ever(tmp_path: Path) -> None:
    for read in (read_range, read_backward):
        with pytest.raises(VideoError, match="no such file"):
            read(tmp_path / "none.mp4", 3)


def test_real_clips_read_backward_as_forward(shared_folder: Path) -> None:
    folder = shared_folder / "data" / "clips"
    small = [path for path in sorted(folder.glob("*.*")) if path.suffix != ".tsv" and path.stat().st_size < 50_000]
    if not small:
        pytest.skip("the folder of real clips is absent")
    wrong = [path.name for path in small if backward(path) != forward(path)[::-1]]
    assert wrong == []


def test_entry_points_of_open_groups_are_only_the_first(tmp_path: Path) -> None:
    """Pictures after a recovery point may refer to what came before it: only a whole refresh counts."""
    clip = make_clip(tmp_path / "clip.mp4", noisy_images(), **OPEN_GROUPS)  # type: ignore[arg-type]
    assert sum(time.is_entry for time in packet_times(clip)) == 1
    closed = make_clip(tmp_path / "closed.mp4", noisy_images(), **H264)  # type: ignore[arg-type]
    assert sum(time.is_entry for time in packet_times(closed)) >= NUM_FRAMES // 12


def test_units_of_start_codes_and_of_lengths_are_told_apart() -> None:
    from vostool.video.reading.random_access import length_size, unit_headers

    units = (b"\x09\x10", b"\x67" + b"\x11" * 300, b"\x65\x88\x84")
    with_codes = b"".join(b"\x00\x00\x00\x01" + unit for unit in units)
    with_lengths = b"".join(struct.pack(">I", len(unit)) + unit for unit in units)
    assert list(unit_headers(with_codes, 0)) == list(unit_headers(with_lengths, 4)) == [0x09, 0x67, 0x65]
    assert length_size("h264", b"\x01\x64\x00\x1f\xff\xe1") == 4
    assert length_size("h264", b"\x00\x00\x00\x01\x67") == 0
