"""Titles that are not written in UTF-8."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from synthetic_clips import make_clip

from vostool.video.pipes.sound import FileSound
from vostool.video.reading.reader import open_video


@pytest.fixture
def foreign_clip(tmp_path: Path) -> Path:
    """A clip with the title of Latin-1 that old cameras and Windows programs write."""
    plain, clip = make_clip(tmp_path / "plain.mkv", has_audio=True), tmp_path / "clip.mkv"
    with av.open(str(plain)) as source, av.open(str(clip), "w") as target:
        target.metadata["title"] = "Cafe noir"
        streams = [target.add_stream_from_template(stream) for stream in source.streams]
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    clip.write_bytes(clip.read_bytes().replace(b"Cafe noir", b"Caf\xe9 noir"))
    return clip


def test_a_title_of_another_encoding_does_not_matter(foreign_clip: Path) -> None:
    with pytest.raises(UnicodeDecodeError), av.open(str(foreign_clip)):
        pass
    with open_video(foreign_clip) as reader:
        assert len(list(reader)) == 10
    assert len(FileSound(foreign_clip).streams) == 1
