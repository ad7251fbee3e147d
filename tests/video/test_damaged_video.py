"""Damaged and cut-off files: every frame that there should be comes, the lost ones repeat, and it is told."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from synthetic_clips import flat_image, make_clip, pattern_image

from vostool.errors import VideoError
from vostool.types import Frame
from vostool.video.reading.decoding import FileReader
from vostool.video.reading.reader import VideoReader, open_video
from vostool.video.reading.rendering import Rendered
from vostool.video.reading.timestamps import Picture

NUM_FRAMES = 40
PRORES = {"codec": "prores_ks", "pixel_format": "yuv422p10le", "options": {}}
H264 = {"options": {"bf": "2", "g": "10", "crf": "18", "preset": "medium"}}
FAST_START = {"movflags": "faststart"}
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


def noisy_images() -> list[np.ndarray]:
    """Pictures that cannot be packed into a few bytes, so that damage hits something."""
    rng = np.random.default_rng(0)
    noise = rng.integers(-30, 30, (NUM_FRAMES, 96, 128, 3))
    return [np.clip(pattern_image(i, 96, 128) + noise[i], 0, 255).astype(np.uint8) for i in range(NUM_FRAMES)]


def damage(path: Path, packets: Iterable[int]) -> list[int]:
    """Overwrite whole packets, numbered in decoding order; the times that they were to be shown at."""
    with av.open(str(path)) as container:
        found = [(packet.pos, packet.size, packet.pts) for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    times = []
    for number in packets:
        position, size, pts = found[number]
        assert position is not None
        assert pts is not None
        content[position : position + size] = b"\xff" * size
        times.append(pts)
    path.write_bytes(bytes(content))
    return times


def cut(path: Path, fraction: float = 0.5) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])


def read(path: Path) -> tuple[VideoReader, list[Frame]]:
    with open_video(path) as reader:
        return reader, list(reader)


@pytest.mark.parametrize("packets", [[5], [7, 8], [0], [0, 1], [NUM_FRAMES - 1], [3, 20, 39], range(30)])
def test_lost_pictures_repeat_the_last_good_one(tmp_path: Path, packets: Iterable[int]) -> None:
    clip = make_clip(tmp_path / "clip.mov", noisy_images(), **PRORES)  # type: ignore[arg-type]
    _, whole = read(clip)
    lost = set(damage(clip, packets))
    reader, frames = read(clip)
    assert [frame.pts for frame in frames] == [frame.pts for frame in whole]
    assert [frame.is_corrupt for frame in frames] == [frame.pts in lost for frame in whole]
    assert (reader.num_corrupt, reader.num_frames_read, reader.is_short) == (len(lost), NUM_FRAMES, False)
    good = next(frame for frame in whole if frame.pts not in lost)
    for frame, original in zip(frames, whole, strict=True):
        good = good if frame.is_corrupt else original
        np.testing.assert_array_equal(frame.image, good.image)


@pytest.mark.parametrize("packets", [[5], [12], [30, 31], [0], [NUM_FRAMES - 1], [20, 35]])
def test_damage_in_a_stream_with_references(tmp_path: Path, packets: list[int]) -> None:
    clip = make_clip(tmp_path / "clip.mp4", noisy_images(), **H264)  # type: ignore[arg-type]
    lost = set(damage(clip, packets))
    reader, frames = read(clip)
    assert [frame.pts for frame in frames] == [512 * index for index in range(NUM_FRAMES)]
    assert lost <= {frame.pts for frame in frames if frame.is_corrupt}
    assert reader.num_corrupt == sum(frame.is_corrupt for frame in frames)
    assert not reader.is_short


def test_a_damaged_picture_is_shown_but_not_repeated(tmp_path: Path) -> None:
    good, damaged = (SimpleNamespace(image=flat_image((level,) * 3), is_corrupt=level == 2) for level in (1, 2))
    with FileReader(make_clip(tmp_path / "clip.mp4", num_frames=1)) as reader:
        reader._render = lambda frame: Rendered(frame.image, None)  # type: ignore[assignment,method-assign]
        reader._first_pictures = [Picture(0, 1, good)]  # type: ignore[arg-type]
        reader._pictures = iter([Picture(1, 1, damaged), Picture(2, 1, None)])  # type: ignore[arg-type]
        frames = list(reader)
    assert [frame.image[0, 0, 0] for frame in frames] == [1, 2, 1]
    assert [frame.is_corrupt for frame in frames] == [False, True, True]


def test_an_error_in_a_stream_without_times_keeps_the_count(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.avi", noisy_images(), codec="mjpeg", options={}, time_base=Fraction(1, 25),
                     pixel_format="yuvj420p")  # fmt: skip
    damage(clip, [5])
    reader, frames = read(clip)
    assert [frame.pts for frame in frames] == list(range(NUM_FRAMES))
    assert [frame.index for frame in frames if frame.is_corrupt] == [5]
    assert reader.num_corrupt == 1


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("clip.mp4", {**H264, "container_options": FAST_START}),
        ("clip.mp4", {**H264, "container_options": FRAGMENTS}),
        ("clip.mov", {**PRORES, "container_options": FAST_START}),
        ("clip.mkv", H264),
        ("clip.mkv", {**H264, "has_audio": True}),
        ("clip.webm", {"codec": "libvpx-vp9", "options": {"b": "2M"}}),
        ("clip.avi", {"codec": "mjpeg", "pixel_format": "yuvj420p", "options": {}, "time_base": Fraction(1, 25)}),
    ],
)
def test_a_file_cut_in_half_is_short(tmp_path: Path, name: str, settings: dict[str, object]) -> None:
    clip = make_clip(tmp_path / name, noisy_images(), **settings)  # type: ignore[arg-type]
    reader, frames = read(clip)
    assert (len(frames), reader.is_short) == (NUM_FRAMES, False)
    cut(clip)
    reader, frames = read(clip)
    assert 0 < len(frames) < NUM_FRAMES
    assert reader.is_short
    assert not any(frame.is_corrupt for frame in frames[:-1])


def test_a_transport_stream_cut_in_half_is_read_to_its_end(tmp_path: Path) -> None:
    # It promises nothing: its length is where it ends.
    clip = make_clip(tmp_path / "clip.ts", noisy_images(), **H264)  # type: ignore[arg-type]
    cut(clip)
    _, frames = read(clip)
    assert NUM_FRAMES / 3 < len(frames) < NUM_FRAMES


def test_a_transport_stream_from_the_middle_begins_at_a_keyframe(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.ts", noisy_images(), **H264)  # type: ignore[arg-type]
    content = clip.read_bytes()
    packet_size = 188
    clip.write_bytes(content[len(content) // 3 // packet_size * packet_size :])
    reader, frames = read(clip)
    assert NUM_FRAMES / 3 < len(frames) < NUM_FRAMES
    assert reader.num_corrupt == 0


def test_short_is_not_said_before_the_end(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", noisy_images(), **H264)  # type: ignore[arg-type]
    cut(clip)
    with open_video(clip) as reader:
        next(iter(reader))
        assert not reader.is_short


def test_a_file_without_one_good_picture_is_refused(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mov", noisy_images(), **PRORES)  # type: ignore[arg-type]
    damage(clip, range(NUM_FRAMES))
    with pytest.raises(VideoError, match=r"no picture of .*clip\.mov can be decoded"):
        open_video(clip)
