"""The trial of the encoders, and what it says of those that fail."""

from __future__ import annotations

import io
from dataclasses import replace

import av
import pytest

from vostool.video.writing import coders
from vostool.video.writing.coders import CoderReport, describe_libraries, try_coders
from vostool.video.writing.encoding import ENCODINGS, FFV1_ALPHA, H264


def test_all_work_here() -> None:
    reports = try_coders()
    assert [each for each in reports if each.problem] == []
    tried = {each.name.split()[0] for each in reports}
    assert {encoding.codec for kind in ENCODINGS.values() for encoding in kind.values()} <= tried


def test_versions() -> None:
    libraries = describe_libraries()
    assert libraries["pyav"] == av.__version__
    assert {"ffmpeg", "libavcodec", "libavformat"} <= libraries.keys()


def test_an_encoder_that_is_missing() -> None:
    report = coders._report("x", lambda: coders._try_picture(replace(H264, codec="nonesuch"), "mp4"))
    assert report.name == "x"
    assert "nonesuch" in report.problem


def test_a_container_that_does_not_take_it() -> None:
    assert coders._report("x", lambda: coders._try_picture(H264, "webm")).problem
    assert coders._report("x", lambda: coders._try_sound("aac", "webm")).problem


def test_alpha_that_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    opaque = replace(FFV1_ALPHA, pixel_format="bgr0")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as output:
        stream = output.add_stream("ffv1", 25)
        stream.width, stream.height, stream.pix_fmt = coders.WIDTH, coders.HEIGHT, opaque.pixel_format
        for _ in range(coders.NUM_FRAMES):
            output.mux(stream.encode(av.VideoFrame(coders.WIDTH, coders.HEIGHT, "bgr0")))
        output.mux(stream.encode(None))
    report = coders._report("x", lambda: coders._check_picture(buffer, FFV1_ALPHA))
    assert report == CoderReport("x", "alpha is lost")
    monkeypatch.setattr(coders, "NUM_FRAMES", 3)
    assert coders._report("x", lambda: coders._check_picture(buffer, FFV1_ALPHA)).problem == "2 of 3 frames can be read"
