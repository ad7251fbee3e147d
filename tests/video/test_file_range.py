"""Ranges at the very end of a file."""

from __future__ import annotations

from pathlib import Path

from synthetic_clips import make_clip, pattern_images

from vostool.video.reading.backward import read_range

NUM_FRAMES = 20


def test_a_range_after_the_last_frame_is_not_short(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pattern_images(NUM_FRAMES))
    with read_range(clip, NUM_FRAMES) as reader:
        assert list(reader) == []
        assert not reader.is_short


def test_a_range_after_the_last_frame_of_a_cut_file_is_short(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pattern_images(NUM_FRAMES), container_options={"movflags": "faststart"})
    content = clip.read_bytes()
    clip.write_bytes(content[: len(content) * 8 // 10])
    with read_range(clip, 1) as reader:
        num_frames = 1 + len(list(reader))
    with read_range(clip, num_frames) as reader:
        assert list(reader) == []
        assert reader.is_short
