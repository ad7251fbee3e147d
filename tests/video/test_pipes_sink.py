from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from pipe_ends import Collector, Dribble
from synthetic_clips import make_clip
from video_results import (
    OBJECT_IDS,
    UNEVEN_PTS,
    make_info,
    make_results,
    read_alpha,
    read_audio,
    read_frames,
    read_times,
)

from vostool.errors import OutputError, UsageError, VostoolError
from vostool.types import FrameResult, VideoInfo
from vostool.video.pipes.formats import STREAM_FORMATS
from vostool.video.pipes.reader import open_pipe
from vostool.video.pipes.sink import StreamSink
from vostool.video.writing.output_kind import KINDS
from vostool.video.writing.pictures import PictureStyle, combined_alpha, compose, quantise

TESTS = Path(__file__).resolve().parent.parent
CARRIED = [
    (kind, name)
    for kind in KINDS
    for name, stream_format in STREAM_FORMATS.items()
    if stream_format.has_alpha or kind not in ("alpha", "cutout")
]
EVEN_PTS = tuple(range(0, 8 * 512, 512))
INFO = make_info(Path("clip"))


class FullDisk(Collector):
    def write(self, content: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


def stream(
    kind: str,
    stream_format: str = "nut",
    file: Collector | None = None,
    results: Iterable[FrameResult] | None = None,
    info: VideoInfo = INFO,
    **options: object,
) -> tuple[Collector, StreamSink]:
    """Write a whole stream."""
    target = file or Collector()
    with StreamSink(kind, target, info, OBJECT_IDS, stream_format=stream_format, **options) as sink:  # type: ignore[arg-type]
        for result in make_results() if results is None else results:
            sink.write(result)
        assert sink.finish() == Path("-") == sink.path
    return target, sink


def save(target: Collector, folder: Path, stream_format: str) -> Path:
    return target.save(folder / f"out.{stream_format}")


def expected_pixels(kind: str, result: FrameResult) -> np.ndarray:
    """What a lossless stream shows: HxW labels or matte, HxWx3 RGB, HxWx4 BGRA."""
    if kind == "masks":
        return result.labels
    picture = compose(kind, result)  # type: ignore[arg-type]
    if picture.colour is None:
        assert picture.alpha is not None
        return quantise(picture.alpha, 255)
    if picture.alpha is None:
        return picture.colour
    return np.dstack([picture.colour[:, :, ::-1], quantise(picture.alpha, 255)])


@pytest.mark.parametrize(("kind", "stream_format"), [pair for pair in CARRIED if pair[1] in ("nut", "mkv")])
def test_every_pixel_and_every_time_arrives(kind: str, stream_format: str, tmp_path: Path) -> None:
    path = save(stream(kind, stream_format)[0], tmp_path, stream_format)
    frames = read_frames(path)
    assert len(frames) == len(UNEVEN_PTS)
    for frame, result in zip(frames, make_results(), strict=True):
        shown = expected_pixels(kind, result)
        name = {2: "gray", 3: "rgb24"}.get(shown.ndim, "bgra") if kind != "overlay" else "rgb24"
        name = "bgra" if kind in ("alpha", "cutout") else name
        assert np.array_equal(frame.to_ndarray(format=name), shown)
    times, tolerance = read_times(path), 0 if stream_format == "nut" else Fraction(1, 2000)
    assert all(abs(time - Fraction(pts, 12800)) <= tolerance for time, pts in zip(times, UNEVEN_PTS, strict=True))


@pytest.mark.parametrize("kind", ["masks", "matte", "overlay"])
def test_y4m_shows_every_frame_at_a_constant_rate(kind: str, tmp_path: Path) -> None:
    target, sink = stream(kind, "y4m", results=make_results(pts=EVEN_PTS))
    frames = read_frames(save(target, tmp_path, "y4m"))
    assert sink.warnings == []
    assert [frame.pts * frame.time_base for frame in frames] == [Fraction(index, 25) for index in range(8)]
    for frame, result in zip(frames, make_results(), strict=True):
        shown = expected_pixels(kind, result)
        if kind == "overlay":
            assert frame.format.name == "yuv444p"
            assert np.abs(frame.to_ndarray(format="rgb24") - shown.astype(float)).max() <= 3
        else:
            assert np.array_equal(frame.to_ndarray(), shown)
    _, sink = stream(kind, "y4m")
    assert ["uneven" in line for line in sink.warnings] == [True]


def test_rawvideo_is_the_pixels_and_says_how_to_read_them() -> None:
    target, sink = stream("alpha", "rawvideo", results=make_results(pts=EVEN_PTS))
    shown = [expected_pixels("alpha", result) for result in make_results()]
    assert bytes(target.content) == np.stack(shown).tobytes()
    assert sink.ffmpeg_line == "-f rawvideo -pix_fmt bgra -s 64x48 -r 25"
    assert sink.notes == (f"standard output is read by: ffmpeg {sink.ffmpeg_line} -i -",)
    film = replace(INFO, frame_rate=Fraction(30000, 1001))
    line = StreamSink("matte", Collector(), film, OBJECT_IDS, stream_format="rawvideo").ffmpeg_line
    assert line == "-f rawvideo -pix_fmt gray -s 64x48 -r 30000/1001"


@pytest.mark.parametrize(("depth", "pixel_format", "exactness"), [(10, "yuva444p10le", 1023), (12, "gbrap16le", 65535)])
def test_deep_sources_keep_their_bits(depth: int, pixel_format: str, exactness: int, tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 48 * 64 * 3).reshape(48, 64, 3).astype(np.uint16)
    results = [replace(each, frame=replace(each.frame, deep=ramp)) for each in make_results()]
    target, _ = stream("alpha", results=results, info=replace(INFO, bit_depth=depth))
    frame = read_frames(save(target, tmp_path, "nut"))[0]
    assert frame.format.name == pixel_format
    alpha = combined_alpha(results[0].alpha)
    assert np.array_equal(np.rint(read_alpha(frame) * exactness), quantise(alpha, exactness))
    if depth == 12:
        assert np.array_equal(frame.to_ndarray(format="rgba64le")[:, :, :3], ramp)


def test_style_is_followed(tmp_path: Path) -> None:
    style = PictureStyle(object_id=7, is_binary=True)
    frame = read_frames(save(stream("masks", style=style)[0], tmp_path, "nut"))[0]
    result = next(make_results())
    assert np.array_equal(frame.to_ndarray(), np.where(result.labels == 7, 255, 0))


@pytest.mark.parametrize("stream_format", ["nut", "mkv"])
def test_sound_of_a_file_is_copied_bit_for_bit(stream_format: str, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", has_audio=True, pts=UNEVEN_PTS, num_frames=8)
    info = replace(make_info(clip), num_audio_streams=1)
    target, sink = stream("matte", stream_format, info=info, source=clip)
    path, expected = save(target, tmp_path, stream_format), [each for each in read_audio(clip) if each[0] >= 0]
    found = read_audio(path)
    assert [content for _, content in found] == [content for _, content in expected]
    assert all(abs(one[0] - two[0]) <= Fraction(1, 2000) for one, two in zip(found, expected, strict=True))
    assert stream_format != "nut" or found == expected
    assert sink.warnings == []
    target, _ = stream("matte", stream_format, info=info, source=clip, copy_audio=False)
    assert read_audio(save(target, tmp_path, stream_format)) == []


def test_sound_goes_from_pipe_to_pipe_beside_its_pictures(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.mkv", has_audio=True, num_frames=50)
    target = Collector()
    with (
        clip.open("rb") as file,
        open_pipe(file) as reader,
        StreamSink("masks", target, reader.info, (1,), sound=reader.sound) as sink,
    ):
        for frame in reader:
            labels = np.zeros(frame.image.shape[:2], np.uint8)
            sink.write(FrameResult(frame, labels, labels[None].astype(np.float32), (1,)))
        sink.finish()
    path = save(target, tmp_path, "nut")
    # No stream has times before zero: the silence with which AAC begins is left out.
    assert read_audio(path) == [each for each in read_audio(clip) if each[0] >= 0]
    assert read_times(path) == read_times(clip)
    with av.open(str(path)) as container:
        positions = [(packet.stream.type, packet.pts * packet.time_base) for packet in container.demux() if packet.size]
    last_sound = Fraction(0)
    for kind, time in positions:
        last_sound = time if kind == "audio" else last_sound
        assert kind == "audio" or time - last_sound < Fraction(1, 4)


def test_a_part_gets_its_part_of_the_sound(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", has_audio=True, num_frames=50)
    results = list(make_results(20, pts=tuple(20 * 512 + 512 * index for index in range(20))))
    target, _ = stream("matte", results=results, info=make_info(clip), source=clip, is_part=True)
    times = [time for time, _ in read_audio(save(target, tmp_path, "nut"))]
    assert times == [time for time, _ in read_audio(clip) if Fraction(20, 25) <= time < Fraction(40, 25)]
    assert times


def test_a_stream_from_before_zero_is_moved_as_a_whole(tmp_path: Path) -> None:
    target, _ = stream("matte", results=make_results(pts=tuple(pts - 1000 for pts in UNEVEN_PTS)))
    assert read_times(save(target, tmp_path, "nut")) == [Fraction(pts, 12800) for pts in UNEVEN_PTS]


def test_sound_moves_with_a_stream_from_before_zero(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", has_audio=True)
    sound = read_audio(clip)
    assert sound[0][0] < 0
    target, _ = stream("matte", results=make_results(pts=tuple(pts - 3200 for pts in UNEVEN_PTS)), source=clip)
    path = save(target, tmp_path, "nut")
    assert read_audio(path) == [(time + Fraction(1, 4), content) for time, content in sound]
    assert read_times(path) == [Fraction(pts, 12800) for pts in UNEVEN_PTS]


def test_what_is_lost_is_told(tmp_path: Path) -> None:
    info = replace(INFO, num_audio_streams=1, sample_aspect_ratio=Fraction(4, 3))
    _, sink = stream("matte", "y4m", info=info, results=make_results(pts=EVEN_PTS))
    assert sink.warnings[0] == "y4m carries no sound; that of the source is left out"
    assert "4:3" in sink.warnings[1]
    clip = make_clip(tmp_path / "clip.mov", has_audio=True, audio_codec="alac")
    _, sink = stream("matte", source=clip)
    assert sink.warnings == ["alac sound does not fit nut and was left out"]


@pytest.mark.parametrize(
    ("kind", "stream_format", "words"),
    [("alpha", "y4m", "cannot carry alpha"), ("cutout", "y4m", "--emit matte"), ("matte", "avi", "nut, mkv, y4m")],
)
def test_what_cannot_be_carried_is_refused(kind: str, stream_format: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        StreamSink(kind, Collector(), INFO, OBJECT_IDS, stream_format=stream_format)  # type: ignore[arg-type]


def test_a_terminal_and_a_checkpoint_are_refused() -> None:
    with pytest.raises(UsageError, match="terminal"):
        StreamSink("matte", Terminal(), INFO, OBJECT_IDS)
    target = Collector()
    with StreamSink("matte", target, INFO, OBJECT_IDS) as sink:
        with pytest.raises(UsageError, match="cannot be continued"):
            sink.checkpoint()
        with pytest.raises(VostoolError, match="no frame"):
            sink.finish()
    assert (target.content, sink.parts) == (b"", ())


def test_partial_writes_lose_nothing() -> None:
    whole, _ = stream("alpha")
    pieces, _ = stream("alpha", file=Dribble())
    assert pieces.content == whole.content


@pytest.mark.parametrize("stream_format", STREAM_FORMATS)
def test_each_frame_is_on_its_way_before_the_next(stream_format: str) -> None:
    target, sizes = Collector(), [0]
    with StreamSink("matte", target, INFO, OBJECT_IDS, stream_format=stream_format) as sink:
        for result in make_results():
            sink.write(result)
            sizes.append(len(target.content))
    assert all(after - before > 100 for before, after in pairwise(sizes))


def test_frames_do_not_wait_for_sound_that_has_ended(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", has_audio=True, num_frames=3)
    target, sizes = Collector(), []
    with StreamSink("alpha", target, INFO, OBJECT_IDS, source=clip) as sink:
        for result in make_results(40):
            sink.write(result)
            sizes.append(len(target.content))
    # All but the last.
    assert all(size > index * 64 * 48 * 4 for index, size in enumerate(sizes))


def write_then_fail(sink: StreamSink, num_frames: int) -> None:
    with sink:
        for result in make_results(num_frames):
            sink.write(result)
        raise KeyboardInterrupt


def test_an_interrupted_stream_ends_in_order(tmp_path: Path) -> None:
    target = Collector()
    with pytest.raises(KeyboardInterrupt):
        write_then_fail(StreamSink("alpha", target, INFO, OBJECT_IDS, stream_format="mkv"), 5)
    assert len(read_frames(save(target, tmp_path, "mkv"))) == 5


@pytest.mark.parametrize("stream_format", STREAM_FORMATS)
def test_a_reader_that_leaves_ends_it_quietly(stream_format: str, recwarn: pytest.WarningsRecorder) -> None:
    read_end, write_end = os.pipe()
    reader = threading.Thread(target=lambda: (os.read(read_end, 100), os.close(read_end)))
    reader.start()
    with os.fdopen(write_end, "wb") as file:
        sink = StreamSink("matte", file, INFO, OBJECT_IDS, stream_format=stream_format)
        with pytest.raises(BrokenPipeError):
            write_then_fail(sink, 300)
    reader.join()
    assert not recwarn.list


def test_a_full_disk_is_an_output_error() -> None:
    with pytest.raises(OutputError, match="no space left") as caught:
        stream("alpha", file=FullDisk())
    assert caught.value.exit_code == 6


WRITE_TO_STDOUT = f"""
import sys
from pathlib import Path
sys.path[:0] = [{str(TESTS)!r}, {str(TESTS.parent)!r}]
from video_results import OBJECT_IDS, make_info, make_results
from vostool.video.pipes.sink import StreamSink
with StreamSink("alpha", sys.stdout.buffer, make_info(Path("clip")), OBJECT_IDS) as sink:
    for result in make_results():
        sink.write(result)
    sink.finish()
"""


def test_nothing_but_the_stream_is_on_standard_output() -> None:
    done = subprocess.run([sys.executable, "-c", WRITE_TO_STDOUT], capture_output=True, check=True)
    assert done.stdout == bytes(stream("alpha")[0].content)
    assert done.stderr == b""
