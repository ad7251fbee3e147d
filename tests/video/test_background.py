from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from video_results import (
    OBJECT_IDS,
    make_info,
    make_results,
    read_frames,
    write_all,
)

from vostool.types import Frame, FrameResult
from vostool.video.writing.background import background
from vostool.video.writing.sinks import open_sink


def test_same_file_as_without(tmp_path: Path) -> None:
    write_all("alpha", tmp_path / "a.mkv")
    with background(open_sink("alpha", tmp_path / "b.mkv", make_info(tmp_path), OBJECT_IDS), depth=2) as sink:
        for result in make_results():
            sink.write(result)
        assert sink.finish() == tmp_path / "b.mkv"
    for one, other in zip(read_frames(tmp_path / "a.mkv"), read_frames(tmp_path / "b.mkv"), strict=True):
        assert np.array_equal(one.to_ndarray(), other.to_ndarray())


def test_leaving_early_writes_all_that_was_taken(tmp_path: Path) -> None:
    path = tmp_path / "out.mov"
    sink = background(open_sink("alpha", path, make_info(path), OBJECT_IDS))
    with pytest.raises(KeyboardInterrupt), sink:  # noqa: PT012
        for result in make_results():
            sink.write(result)
        raise KeyboardInterrupt
    assert len(read_frames(tmp_path / "out.part.mov")) == 8


def test_an_error_comes_back_and_nothing_hangs(tmp_path: Path) -> None:
    wrong = Frame(0, 0, Fraction(1, 25), np.zeros((10, 10, 3), np.uint8))
    result = FrameResult(wrong, np.zeros((48, 64), np.uint8), np.zeros((2, 48, 64), np.float32), OBJECT_IDS)
    sink = background(open_sink("alpha", tmp_path / "out.mov", make_info(tmp_path), OBJECT_IDS), depth=1)
    with pytest.raises(Exception, match=r"."), sink:  # noqa: PT012
        for _ in range(50):
            sink.write(result)
        sink.finish()
    assert not list(tmp_path.glob("out.mov"))
