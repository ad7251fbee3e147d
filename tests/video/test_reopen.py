"""Finished outputs that are redone from a checkpoint on: what came before it stays the very same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from synthetic_clips import make_clip
from video_results import OBJECT_IDS, TICK, are_near, make_info, make_results, read_audio, read_frames, read_times

from vostool.errors import OutputError
from vostool.types import FrameResult, VideoInfo
from vostool.video.writing.output_kind import is_folder_path, part_path
from vostool.video.writing.pictures import PictureStyle
from vostool.video.writing.reopen import reopen
from vostool.video.writing.sinks import Sink, open_sink
from vostool.video.writing.verify import BLOCK_ADDITIONAL

OUTPUTS = [
    ("overlay", "o.mp4", ".png"),
    ("overlay", "o.mov", ".png"),
    ("overlay", "o.mkv", ".png"),
    ("alpha", "a.mov", ".png"),
    ("matte", "m.mov", ".png"),
    ("alpha", "a.webm", ".png"),
    ("alpha", "a.mkv", ".png"),
    ("masks", "masks", ".png"),
    ("alpha", "stills", ".png"),
    ("alpha", "stills", ".exr"),
]
VIDEOS = [output for output in OUTPUTS if not is_folder_path(Path(output[1]))]
FOLDERS = [output for output in OUTPUTS if is_folder_path(Path(output[1]))]
NUM_FRAMES, CHECKPOINTS = 14, (4, 9)
State = dict[str, Any]


def pts_from(first: int) -> tuple[int, ...]:
    return tuple(first + 512 * index + index * index * 37 % 300 for index in range(NUM_FRAMES))


def results(start: int, stop: int, first: int, is_redone: bool = False) -> Iterator[FrameResult]:
    """Those of a correction have the objects turned upside down."""
    for result in make_results(stop, pts=pts_from(first)):
        if result.frame.index >= start:
            alpha, labels = result.alpha, result.labels
            if is_redone:
                alpha, labels = np.ascontiguousarray(alpha[:, ::-1]), np.ascontiguousarray(labels[::-1])
            frame = replace(result.frame, duration=pts_from(first + 512)[0] - first)
            yield replace(result, frame=frame, alpha=alpha, labels=labels)


class Job:
    """One output of a made-up clip, written, and written again in part."""

    def __init__(self, kind: str, path: Path, suffix: str, source: Path | None = None, **options: object) -> None:
        self.kind, self.path, self.style, self.source = kind, path, PictureStyle(still_suffix=suffix), source
        self.first, self.options = 0, options
        self.info: VideoInfo = make_info(path)

    def open(self, state: State | None = None, overwrite: bool = False) -> Sink:
        return open_sink(
            self.kind, self.path, self.info, OBJECT_IDS, source=self.source, style=self.style, resume=state,
            overwrite=overwrite, **self.options,  # type: ignore[arg-type]
        )  # fmt: skip

    def write(self) -> list[State]:
        """The whole output; a state before every checkpoint, as JSON brings it back."""
        states, begin = [], 0
        with self.open() as sink:
            for stop in (*CHECKPOINTS, NUM_FRAMES):
                for result in results(begin, stop, self.first):
                    sink.write(result)
                states.append(json.loads(json.dumps(sink.checkpoint())))
                begin = stop
            sink.finish()
        return states

    def reopen(self, state: State) -> State:
        return reopen(self.kind, self.path, self.info, state, style=self.style)  # type: ignore[arg-type]

    def redo(self, state: State, stop: int = NUM_FRAMES) -> list[str]:
        with self.open(state) as sink:
            for result in results(state["num_frames"], stop, self.first, is_redone=True):
                sink.write(result)
            sink.finish()
        return sink.warnings

    def contents(self) -> list[tuple[object, ...]]:
        """Everything of every frame, in order."""
        if self.path.is_dir():
            return [(still.name, still.read_bytes()) for still in sorted(self.path.iterdir())]
        with av.open(str(self.path)) as container:
            return [
                (packet.pts, packet.duration, bytes(packet), alpha_of(packet))
                for packet in container.demux(video=0)
                if packet.size
            ]

    def stamp(self) -> object:
        """Changes when anything is done to the output."""
        paths = sorted(self.path.iterdir()) if self.path.is_dir() else [self.path]
        return [(path.name, path.stat().st_mtime_ns, path.read_bytes()) for path in paths]


def alpha_of(packet: av.Packet) -> bytes:
    return bytes(packet.get_sidedata(BLOCK_ADDITIONAL)) if packet.has_sidedata(BLOCK_ADDITIONAL) else b""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("reopen") / "source.mp4", num_frames=60, has_audio=True)


@pytest.mark.parametrize(("kind", "name", "suffix"), OUTPUTS)
@pytest.mark.parametrize("number", range(len(CHECKPOINTS) + 1))
def test_the_first_frames_stay(
    kind: str, name: str, suffix: str, number: int, source: Path, tmp_path: Path
) -> None:  # fmt: skip
    job = Job(kind, tmp_path / name, suffix, source)
    state = job.write()[number]
    before, stamp, sound = job.contents(), job.stamp(), None if job.path.is_dir() else read_audio(job.path)
    again = json.loads(json.dumps(job.reopen(state)))
    assert job.stamp() == stamp, "the finished output is only read"
    num_kept = state["num_frames"]
    expected = before
    if num_kept < NUM_FRAMES:
        (tmp_path / "other").mkdir()
        anew = Job(kind, tmp_path / "other" / name, suffix, source)
        with anew.open() as sink:
            for result in [*results(0, num_kept, 0), *results(num_kept, NUM_FRAMES, 0, is_redone=True)]:
                if result.frame.index in CHECKPOINTS and result.frame.index <= num_kept:
                    sink.checkpoint()
                sink.write(result)
            sink.finish()
        expected = anew.contents()
        assert expected[num_kept:] != before[num_kept:]
    job.redo(again)
    after = job.contents()
    assert after[:num_kept] == before[:num_kept]
    assert after == expected, "as if the correction had been there from the start"
    assert sound is None or read_audio(job.path) == sound
    assert {path.name for path in tmp_path.iterdir()} <= {name, "other"}


@pytest.mark.parametrize(("kind", "name", "suffix"), VIDEOS)
@pytest.mark.parametrize("first", [17921, -1024, -1001])
def test_times_stay_exact(kind: str, name: str, suffix: str, first: int, source: Path, tmp_path: Path) -> None:
    job = Job(kind, tmp_path / name, suffix, source)
    job.first = first
    state = job.write()[1]
    times, sound = read_times(job.path), read_audio(job.path)
    job.redo(job.reopen(state))
    assert read_times(job.path) == times
    if first >= 0:
        assert are_near(times, pts_from(first), job.path.suffix)
    assert read_audio(job.path) == sound
    assert len(read_frames(job.path)) == NUM_FRAMES


@pytest.mark.parametrize(("kind", "name", "suffix"), VIDEOS)
def test_a_range_is_redone(kind: str, name: str, suffix: str, source: Path, tmp_path: Path) -> None:
    job = Job(kind, tmp_path / name, suffix, source, is_part=True)
    job.first = 6413
    state = job.write()[1]
    before, times, sound = job.contents(), read_times(job.path), read_audio(job.path)
    assert times[0] == 0
    assert sound
    job.redo(job.reopen(state))
    assert job.contents()[:9] == before[:9]
    assert (read_times(job.path), read_audio(job.path)) == (times, sound)


@pytest.mark.parametrize(("kind", "name", "suffix"), VIDEOS)
def test_the_part_file_can_be_watched(kind: str, name: str, suffix: str, tmp_path: Path) -> None:
    """Like any part file of a run that was interrupted."""
    job = Job(kind, tmp_path / name, suffix)
    job.info = replace(job.info, sample_aspect_ratio=Fraction(4, 3))
    state = job.write()[1]
    job.reopen(state)
    part = part_path(job.path)
    for one, other in zip(read_frames(part), read_frames(job.path)[:9], strict=True):
        assert one.format.name == other.format.name
        for ours, theirs in zip(one.planes, other.planes, strict=True):
            assert bytes(ours) == bytes(theirs)
    assert header_of(part) == header_of(job.path)


def header_of(path: Path) -> tuple[object, ...]:
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        return video.sample_aspect_ratio, video.metadata.get("alpha_mode"), video.codec_context.extradata


@pytest.mark.parametrize(("kind", "name", "suffix"), OUTPUTS)
class TestStops:
    def test_a_redone_run_can_be_resumed(self, kind: str, name: str, suffix: str, tmp_path: Path) -> None:
        """Interrupted after a checkpoint, and gone on with without asking for an overwrite again."""
        job = Job(kind, tmp_path / name, suffix)
        state = job.write()[0]
        stamp, before = job.stamp(), job.contents()
        with job.open(job.reopen(state)) as sink:
            for result in results(4, NUM_FRAMES, 0, is_redone=True):
                sink.write(result)
            state = sink.checkpoint()
        assert job.stamp() == stamp
        with job.open(state) as sink:
            sink.finish()
        after = job.contents()
        assert len(after) == NUM_FRAMES
        assert after[:4] == before[:4]
        assert after != before, "the old output was not taken for the redone one"
        assert [path.name for path in tmp_path.iterdir()] == [name]

    def test_a_shorter_redone_run(self, kind: str, name: str, suffix: str, tmp_path: Path) -> None:
        job = Job(kind, tmp_path / name, suffix)
        state = job.write()[0]
        job.redo(job.reopen(state), stop=7)
        assert len(job.contents()) == 7

    def test_leftovers_are_replaced(self, kind: str, name: str, suffix: str, tmp_path: Path) -> None:
        """Of another run that was stopped, or of a reopening that was killed."""
        job = Job(kind, tmp_path / name, suffix)
        state = job.write()[0]
        before = job.contents()
        with job.open(overwrite=True) as sink:
            for result in results(0, 8, 0, is_redone=True):
                sink.write(result)
                sink.checkpoint()
        part = part_path(job.path)
        if part.is_dir():
            (part / "moving.part").touch()
        again = job.reopen(state)
        assert not (part / "moving.part").exists()
        job.redo(again)
        assert job.contents()[:4] == before[:4]
        assert len(job.contents()) == NUM_FRAMES
        assert [path.name for path in tmp_path.iterdir()] == [name]

    def test_a_checkpoint_before_the_first_frame(self, kind: str, name: str, suffix: str, tmp_path: Path) -> None:
        job = Job(kind, tmp_path / name, suffix)
        with job.open() as sink:
            empty = sink.checkpoint()
        job.write()
        job.redo(job.reopen(empty), stop=3)
        assert len(job.contents()) == 3

    def test_what_is_not_there(self, kind: str, name: str, suffix: str, tmp_path: Path) -> None:
        job = Job(kind, tmp_path / name, suffix)
        state = job.write()[1]
        job.path.rename(tmp_path / "gone")
        assert "cannot be continued" in refusal(job, state)
        assert [path.name for path in tmp_path.iterdir()] == ["gone"]

    def test_another_size(self, kind: str, name: str, suffix: str, tmp_path: Path) -> None:
        job = Job(kind, tmp_path / name, suffix)
        state = job.write()[1]
        job.info = make_info(job.path, (40, 64))
        assert "64x48 and not 64x40" in refusal(job, state)


def refusal(job: Job, state: State) -> str:
    """What is said; nothing is left behind and nothing done to the output."""
    stamp = job.stamp() if job.path.exists() else None
    with pytest.raises(OutputError) as caught:
        job.reopen(state)
    assert caught.value.code == "output.resume"
    assert "\n" not in str(caught.value)
    assert not part_path(job.path).exists()
    assert stamp is None or job.stamp() == stamp
    return str(caught.value)


@pytest.mark.parametrize(("kind", "name", "suffix"), VIDEOS)
class TestOtherVideos:
    def test_fewer_frames(self, kind: str, name: str, suffix: str, tmp_path: Path) -> None:
        job = Job(kind, tmp_path / name, suffix)
        state = job.write()[1]
        job.path.unlink()
        with job.open() as sink:
            for result in results(0, 6, 0):
                sink.write(result)
            sink.finish()
        assert "holds 6 frames of 9" in refusal(job, state)

    def test_other_times(self, kind: str, name: str, suffix: str, tmp_path: Path) -> None:
        job = Job(kind, tmp_path / name, suffix)
        state = job.write()[1]
        for first in (0, 6400):
            job.path.unlink()
            with job.open() as sink:
                for result in make_results(NUM_FRAMES, pts=tuple(512 * index for index in range(NUM_FRAMES))):
                    shown = replace(result.frame, pts=result.frame.pts + first)
                    sink.write(replace(result, frame=shown))
                sink.finish()
            assert "at other times" in refusal(job, state)

    def test_another_codec_or_none(self, kind: str, name: str, suffix: str, tmp_path: Path) -> None:
        job = Job(kind, tmp_path / name, suffix)
        state = job.write()[1]
        make_clip(job.path, codec="mpeg4", options={}, container_format="mp4", num_frames=NUM_FRAMES)
        assert "mpeg4 and not" in refusal(job, state)
        job.path.write_bytes(b"no video at all")
        assert "it is no video" in refusal(job, state)


@pytest.mark.parametrize(("kind", "name", "suffix"), FOLDERS)
class TestOtherFolders:
    def test_a_still_is_missing(self, kind: str, name: str, suffix: str, tmp_path: Path) -> None:
        job = Job(kind, tmp_path / name, suffix)
        state = job.write()[1]
        (job.path / f"00003{suffix}").unlink()
        assert "8 files of 9" in refusal(job, state)

    def test_a_still_was_painted_over(self, kind: str, name: str, suffix: str, tmp_path: Path) -> None:
        job = Job(kind, tmp_path / name, suffix)
        state = job.write()[1]
        (job.path / f"00003{suffix}").write_bytes(b"mine")
        assert f"00003{suffix} is of another program" in refusal(job, state)

    def test_what_others_put_there_stays(self, kind: str, name: str, suffix: str, tmp_path: Path) -> None:
        job = Job(kind, tmp_path / name, suffix)
        state = job.write()[1]
        (job.path / "notes.txt").write_bytes(b"mine")
        job.redo(job.reopen(state), stop=11)
        assert [path.name for path in sorted(job.path.iterdir())][-2:] == [f"00010{suffix}", "notes.txt"]

    def test_where_there_are_no_links(
        self, kind: str, name: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*arguments: object) -> None:
            raise OSError("not here")

        job = Job(kind, tmp_path / name, suffix)
        state = job.write()[1]
        before = job.contents()
        monkeypatch.setattr("os.link", refuse)
        job.redo(job.reopen(state))
        assert job.contents()[:9] == before[:9]


def test_a_folder_of_images_keeps_its_names(tmp_path: Path) -> None:
    job = Job("masks", tmp_path / "masks", ".png")
    job.info = make_info(job.path, frame_names=tuple(f"shot_{index:02d}" for index in range(NUM_FRAMES)))
    state = job.write()[1]
    before = job.contents()
    job.redo(job.reopen(state))
    assert [name for name, _ in job.contents()] == [name for name, _ in before]
    assert job.contents()[:9] == before[:9]
    assert job.contents()[9] != before[9]


def test_deep_and_odd_outputs(tmp_path: Path) -> None:
    for name, kind, more in (("deep.mkv", "alpha", {"bit_depth": 10}), ("odd.mp4", "overlay", {})):
        job = Job(kind, tmp_path / name, ".png")
        job.info = replace(make_info(job.path, (48, 64)), sample_aspect_ratio=Fraction(4, 3), **more)  # type: ignore[arg-type]
        if name == "odd.mp4":
            job.info = replace(job.info, height=47, width=63)
        state, written = None, (size_of(result, job.info) for result in results(0, NUM_FRAMES, 0))
        with job.open() as sink:
            for result in written:
                sink.write(result)
                state = sink.checkpoint() if result.frame.index == 8 else state
            sink.finish()
        assert state is not None
        before = job.contents()
        with job.open(job.reopen(state)) as sink:
            for result in results(9, NUM_FRAMES, 0, is_redone=True):
                sink.write(size_of(result, job.info))
            sink.finish()
        assert job.contents()[:9] == before[:9]
        assert len(read_frames(job.path)) == NUM_FRAMES
        assert read_times(job.path)[:2] == [0, TICK * (512 + 37)] or name == "deep.mkv"


def size_of(result: FrameResult, info: VideoInfo) -> FrameResult:
    """The same with the last rows and columns left out."""
    rows, columns = slice(info.height), slice(info.width)
    frame = replace(result.frame, image=np.ascontiguousarray(result.frame.image[rows, columns]))
    labels, alpha = result.labels[rows, columns], result.alpha[:, rows, columns]
    return replace(result, frame=frame, labels=np.ascontiguousarray(labels), alpha=np.ascontiguousarray(alpha))
