"""Interlaced pictures: as many out as in, at the same times, and without combs."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from vostool.types import Frame
from vostool.video.reading.deinterlacing import Deinterlacer
from vostool.video.reading.reader import VideoReader, open_video
from vostool.video.reading.timestamps import Picture

HEIGHT, WIDTH, STEP = 48, 96, 4
INTERLACED = {
    "libx264": {"qp": "0", "preset": "ultrafast", "x264-params": "tff=1"},
    "mpeg2video": {"flags": "+ildct+ilme"},
}


def field_image(time: int) -> np.ndarray:
    """A bright bar that moves by ``STEP`` pixels with every field."""
    image = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    left = 8 + time * STEP
    image[:, left : left + 16] = 200
    return image


def woven_image(index: int) -> np.ndarray:
    """Even lines at the time of the picture, odd ones half a picture later."""
    image = field_image(2 * index)
    image[1::2] = field_image(2 * index + 1)[1::2]
    return image


def make_interlaced(path: Path, num_frames: int = 8, codec: str = "libx264", rotation: int = 0) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=INTERLACED[codec])
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        if rotation:
            stream.set_display_rotation(rotation)
        for index in range(num_frames):
            frame = av.VideoFrame.from_ndarray(woven_image(index), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def combing(image: np.ndarray) -> float:
    """How much neighbouring lines differ more than those two apart."""
    rows = image[:, :, 0].astype(int)
    return float((np.abs(np.diff(rows, axis=0))[:-1] - np.abs(rows[2:] - rows[:-2])).clip(0).mean())


def read(path: Path, **options: bool) -> tuple[VideoReader, list[Frame]]:
    with open_video(path, **options) as reader:
        return reader, list(reader)


@pytest.mark.parametrize(("codec", "name"), [("libx264", "clip.mp4"), ("libx264", "clip.mkv"), ("mpeg2video", "a.mpg")])
def test_as_many_pictures_at_the_same_times(tmp_path: Path, codec: str, name: str) -> None:
    clip = make_interlaced(tmp_path / name, codec=codec)
    reader, woven = read(clip, deinterlace=False)
    assert reader.info.is_interlaced
    assert not reader.info.is_deinterlaced
    assert "both fields" in reader.info.notes[0]
    reader, progressive = read(clip)
    assert reader.info.is_deinterlaced
    assert "made progressive" in reader.info.notes[0]
    assert len(woven) == len(progressive) == 8
    assert [(frame.pts, frame.duration, frame.index) for frame in woven] == [
        (frame.pts, frame.duration, frame.index) for frame in progressive
    ]
    for before, after in zip(woven, progressive, strict=True):
        assert combing(after.image) < combing(before.image) / 4
        # It is this picture, not one beside it: what is bright in both fields stays.
        both = slice(8 + (2 * before.index + 1) * STEP, 8 + 2 * before.index * STEP + 16)
        assert after.image[:, both].min(initial=255) > 150


@pytest.mark.parametrize("num_frames", [1, 2])
def test_the_shortest_clips(tmp_path: Path, num_frames: int) -> None:
    assert len(read(make_interlaced(tmp_path / "clip.mp4", num_frames))[1]) == num_frames


def test_a_rotated_one(tmp_path: Path) -> None:
    reader, frames = read(make_interlaced(tmp_path / "clip.mp4", rotation=90))
    assert reader.info.size == frames[0].image.shape[:2] == (WIDTH, HEIGHT)
    assert combing(np.rot90(frames[3].image, -1)) < 5


def test_lost_pictures_and_a_change_of_size_keep_their_places(tmp_path: Path) -> None:
    decoded = []
    for name in ("a.mp4", "b.mp4"):
        with av.open(str(make_interlaced(tmp_path / name, 3))) as container:
            decoded.append(list(container.decode(video=0)))
    other = [frame.reformat(width=64, height=48) for frame in decoded[1]]
    frames = [None, *decoded[0], None, *other, None]
    pictures = [Picture(index, 1, frame) for index, frame in enumerate(frames)]
    done = list(Deinterlacer().run(pictures))
    assert [picture.pts for picture in done] == list(range(len(frames)))
    assert [picture.frame and picture.frame.width for picture in done] == [frame and frame.width for frame in frames]


def test_progressive_pictures_are_not_touched(tmp_path: Path) -> None:
    frame = av.VideoFrame.from_ndarray(field_image(0), format="rgb24")
    deinterlacer = Deinterlacer()
    (done,) = deinterlacer.run([Picture(0, 1, frame)])
    assert done.frame is frame
    assert not deinterlacer.is_used
