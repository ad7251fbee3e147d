"""Reading whole videos of many kinds, and one suite that every reader passes."""

from __future__ import annotations

import gc
import io
import itertools
import weakref
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from synthetic_clips import flat_image, make_clip, pattern_image, pattern_images

from vostool.errors import VideoError
from vostool.types import ColourTags, Frame
from vostool.video.reading.decoding import FileReader
from vostool.video.reading.prefetch import prefetch
from vostool.video.reading.reader import VideoReader, open_video

B_FRAMES = {"bf": "3", "g": "8", "crf": "1"}
NUM_FRAMES = 24


def make_folder(path: Path) -> Path:
    folder = path / "frames"
    folder.mkdir()
    for index in range(NUM_FRAMES):
        Image.fromarray(pattern_image(index)).save(folder / f"frame{index}.png")
    return folder


# Every way in which a video can come: name -> maker of one with NUM_FRAMES pictures of ``pattern_image``.
SOURCES: dict[str, Callable[[Path], Path]] = {
    "mp4": lambda path: make_clip(path / "clip.mp4", num_frames=NUM_FRAMES, options=B_FRAMES),
    "hevc": lambda path: make_clip(
        path / "clip.mp4", num_frames=NUM_FRAMES, codec="libx265", options={"x265-params": "log-level=none:crf=4"}
    ),
    "fragmented": lambda path: make_clip(
        path / "clip.mp4", num_frames=NUM_FRAMES, options=B_FRAMES, container_options={"movflags": "frag_keyframe"}
    ),
    "mkv": lambda path: make_clip(path / "clip.mkv", num_frames=NUM_FRAMES, options=B_FRAMES),
    "ts": lambda path: make_clip(path / "clip.ts", num_frames=NUM_FRAMES, options=B_FRAMES),
    "avi": lambda path: make_clip(
        path / "clip.avi", num_frames=NUM_FRAMES, options=B_FRAMES, time_base=Fraction(1, 25)
    ),
    "avi-mpeg4": lambda path: make_clip(
        path / "clip.avi", num_frames=NUM_FRAMES, codec="mpeg4", options={"bf": "2", "b": "4M"},
        time_base=Fraction(1, 25),
    ),
    "vp8": lambda path: make_clip(
        path / "clip.webm", num_frames=NUM_FRAMES, codec="libvpx",
        options={"auto-alt-ref": "1", "lag-in-frames": "12", "b": "4M", "crf": "4"},
    ),
    "vp9-alpha": lambda path: make_clip(
        path / "clip.webm",
        [np.dstack([picture, picture[:, :, 0]]) for picture in pattern_images(NUM_FRAMES)],
        codec="libvpx-vp9", pixel_format="yuva420p", options={"crf": "4", "b": "0"},
    ),
    "ten-bit": lambda path: make_clip(
        path / "clip.mkv", num_frames=NUM_FRAMES, codec="ffv1", pixel_format="yuv444p10le"
    ),
    "prores": lambda path: make_clip(
        path / "clip.mov", num_frames=NUM_FRAMES, codec="prores_ks", pixel_format="yuv422p10le", options={}
    ),
    "rgb": lambda path: make_clip(path / "clip.mkv", num_frames=NUM_FRAMES, codec="ffv1", pixel_format="bgra"),
    "raw": lambda path: make_clip(path / "clip.h264", num_frames=NUM_FRAMES, options=B_FRAMES),
    "folder": make_folder,
}  # fmt: skip


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """One clip or folder of each kind."""
    return SOURCES[request.param](tmp_path)


def read(path: Path) -> tuple[VideoReader, list[Frame]]:
    with open_video(path) as reader:
        return reader, list(reader)


def test_every_frame_comes_once_and_in_order(source: Path) -> None:
    reader, frames = read(source)
    assert [frame.index for frame in frames] == list(range(NUM_FRAMES))
    for frame in frames:
        expected = pattern_image(frame.index).astype(int)
        errors = [np.abs(frame.image - pattern_image(index).astype(int)).mean() for index in range(NUM_FRAMES)]
        assert int(np.argmin(errors)) == frame.index
        assert np.abs(frame.image - expected).mean() < 6
    assert (reader.num_frames_read, reader.num_corrupt, reader.is_short) == (NUM_FRAMES, 0, False)


def test_times_rise_evenly(source: Path) -> None:
    reader, frames = read(source)
    times = [frame.pts * frame.time_base for frame in frames]
    step = 1 / reader.info.frame_rate
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps == [step] * (NUM_FRAMES - 1)
    assert {frame.duration * frame.time_base for frame in frames} == {step}


def test_info_agrees_with_the_frames(source: Path) -> None:
    reader, frames = read(source)
    info = reader.info
    assert {frame.image.shape for frame in frames} == {(*info.size, 3)}
    assert {frame.image.dtype for frame in frames} == {np.dtype(np.uint8)}
    assert {frame.time_base for frame in frames} == {info.time_base}
    assert info.num_frames in (NUM_FRAMES, None)
    assert info.path == source


def test_frames_are_not_kept(source: Path) -> None:
    with open_video(source) as reader:
        frames = iter(reader)
        images = [weakref.ref(next(frames).image) for _ in range(10)]
        gc.collect()
        assert sum(image() is not None for image in images) <= 2


def test_a_reader_can_be_read_in_parts_and_left_early(source: Path) -> None:
    with open_video(source) as reader:
        assert next(iter(reader)).index == 0
        assert next(iter(reader)).index == 1
        assert (reader.num_frames_read, reader.is_short) == (2, False)
        reader.close()


def test_a_reader_works_in_a_thread(source: Path) -> None:
    with open_video(source) as reader:
        assert [frame.index for frame in prefetch(reader)] == list(range(NUM_FRAMES))


def test_uneven_times_and_a_late_start_are_kept_exactly(tmp_path: Path) -> None:
    pts = [13760, 14272, 16000, 16001, 20000, 33333]
    clip = make_clip(tmp_path / "clip.mp4", num_frames=6, pts=pts, options=B_FRAMES)
    _, frames = read(clip)
    assert [frame.pts for frame in frames] == pts
    assert {frame.time_base for frame in frames} == {Fraction(1, 12800)}
    assert [frame.duration for frame in frames[:-1]] == [512, 1728, 1, 3999, 13333]


def test_gif_keeps_its_uneven_times(tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / "clip.gif", num_frames=5, codec="gif", pixel_format="rgb8", time_base=Fraction(1, 100),
        pts=[0, 4, 14, 18, 48],
    )  # fmt: skip
    reader, frames = read(clip)
    assert [frame.pts for frame in frames] == [0, 4, 14, 18, 48]
    assert reader.info.num_frames == 5
    assert np.abs(frames[3].image.astype(int) - pattern_image(3)).mean() < 40  # 256 colours


@pytest.mark.parametrize(("height", "width"), [(1, 1), (33, 47), (2, 300)])
def test_odd_sizes(tmp_path: Path, height: int, width: int) -> None:
    clip = make_clip(tmp_path / "clip.mkv", [flat_image((200, 90, 20), height, width)], codec="ffv1")
    _, frames = read(clip)
    assert frames[0].image.shape == (height, width, 3)
    assert np.abs(frames[0].image.astype(int) - (200, 90, 20)).max() <= 3


def test_grey_video(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", [flat_image((77, 77, 77))], codec="ffv1", pixel_format="gray")
    _, frames = read(clip)
    assert (frames[0].image == 77).all()


def test_info_of_a_rich_file(tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / "clip.mp4", num_frames=30, rotation=90, has_audio=True, sample_aspect_ratio=Fraction(4, 3),
        frame_rate=Fraction(30000, 1001), time_base=Fraction(1, 30000),
    )  # fmt: skip
    with open_video(clip) as reader:
        info = reader.info
    assert (info.height, info.width, info.rotation) == (64, 48, 90)
    assert info.sample_aspect_ratio == Fraction(3, 4)
    assert (info.frame_rate, info.time_base) == (Fraction(30000, 1001), Fraction(1, 30000))
    assert (info.num_frames, info.is_num_frames_exact, info.num_audio_streams) == (30, True, 1)
    assert (info.codec, info.pixel_format, info.bit_depth, info.is_image_folder) == ("h264", "yuv420p", 8, False)
    assert info.duration == pytest.approx(30 * 1001 / 30000)


def test_ten_bits_are_told_and_hdr_tags_kept(tmp_path: Path) -> None:
    tags = ColourTags(primaries=9, transfer=16, matrix=9, colour_range=1)
    clip = make_clip(tmp_path / "clip.mkv", num_frames=2, codec="ffv1", pixel_format="yuv420p10le", colour=tags)
    with open_video(clip) as reader:
        assert (reader.info.bit_depth, reader.info.colour) == (10, tags)


def test_the_larger_of_two_streams_is_read(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mkv"
    with av.open(str(clip), "w") as container:
        streams = [container.add_stream("ffv1", rate=25) for _ in range(2)]
        for stream, side in zip(streams, (32, 64), strict=True):
            stream.width, stream.height, stream.pix_fmt = side, side, "bgra"
        for stream, side in zip(streams, (32, 64), strict=True):
            for packet in [*stream.encode(av.VideoFrame.from_ndarray(flat_image((side, 0, 0), side, side))), None]:
                container.mux(packet if packet is not None else stream.encode(None))
    reader, frames = read(clip)
    assert reader.info.size == (64, 64)
    assert frames[0].image[0, 0].tolist() == [64, 0, 0]


def test_what_an_edit_list_cuts_away_is_not_shown(tmp_path: Path) -> None:
    pts = [(index - 5) * 512 for index in range(20)]
    clip = make_clip(tmp_path / "clip.mp4", num_frames=20, pts=pts, options=B_FRAMES)
    reader, frames = read(clip)
    assert [frame.pts for frame in frames] == pts[5:]
    assert (reader.info.num_frames, reader.num_corrupt, reader.is_short) == (15, 0, False)


def test_joined_recordings_keep_rising_and_one_size(tmp_path: Path) -> None:
    parts = [
        make_clip(tmp_path / f"{index}.ts", num_frames=20, frame_rate=Fraction(5), size=size, options=B_FRAMES)
        for index, size in enumerate([(48, 64), (48, 64), (96, 128)])
    ]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    _, frames = read(joined)
    assert {later.pts - earlier.pts for earlier, later in itertools.pairwise(frames)} == {90000 // 5}
    assert [frame.image.shape for frame in frames] == [(48, 64, 3)] * 60
    small = pattern_image(3).astype(int)
    assert np.abs(frames[23].image - small).mean() < 6


def test_a_name_with_a_colon_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = make_clip(tmp_path / "clip.mp4", num_frames=2)
    clip.rename(tmp_path / "http:clip.mp4")
    monkeypatch.chdir(tmp_path)
    reader, _ = read(Path("http:clip.mp4"))
    assert reader.num_frames_read == 2


def test_an_open_file_is_read_like_its_path(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", num_frames=4)
    with clip.open("rb") as file, FileReader(Path("-"), file=file) as reader:
        frames = list(reader)
        assert not file.closed
    with open_video(clip) as reader:
        for frame, expected in zip(frames, reader, strict=True):
            assert (frame.pts, frame.duration) == (expected.pts, expected.duration)
            np.testing.assert_array_equal(frame.image, expected.image)
    assert len(frames) == 4


def test_what_is_no_video_is_named_by_its_name() -> None:
    with pytest.raises(VideoError, match=r"^- is not a video"):
        FileReader(Path("-"), file=io.BytesIO(b"text"))


def test_notes_name_what_an_editor_wants_to_know(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", [flat_image((9, 9, 9), 720, 16)] * 2, rotation=90)
    with open_video(clip) as reader:
        notes = " ".join(reader.info.notes)
    assert "rotated" in notes
    assert "without colour tags" in notes
    with open_video(make_clip(tmp_path / "plain.mp4")) as reader:
        assert reader.info.notes == ()
