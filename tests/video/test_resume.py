"""Outputs that survive ``kill -9``: a later run goes on after the last checkpoint."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import resumed_outputs
from resumed_outputs import CHECKPOINTS, NUM_FRAMES, OUTPUTS, PTS, make_clip_results, write_outputs
from synthetic_clips import make_clip
from video_results import OBJECT_IDS, are_near, make_info, make_results, read_audio, read_frames, read_times

from vostool.errors import OutputError, UsageError, VostoolError
from vostool.types import FrameResult
from vostool.video.writing.background import background
from vostool.video.writing.pictures import PictureStyle
from vostool.video.writing.sinks import Sink, open_sink

VIDEOS = [name for name in OUTPUTS if "." in name]
EXACT = ["a.mkv", "a.mov"]
FOLDERS = [name for name in OUTPUTS if "." not in name]
GARBAGE = ("o.part-000030.mp4", "a.part-000031.mkv", "a.joined.part.mov")


def run_and_kill(folder: Path, last: int) -> None:
    command = [sys.executable, resumed_outputs.__file__, str(folder), str(last)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == -signal.SIGKILL, outcome.stderr


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Outputs of a run that was never stopped, and those of one that was killed twice; with the same checkpoints."""
    top = tmp_path_factory.mktemp("resume")
    make_clip(top / resumed_outputs.SOURCE, num_frames=NUM_FRAMES + 40, has_audio=True)
    whole, killed = top / "whole", top / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    dice = random.Random(5)
    run_and_kill(killed, dice.randrange(CHECKPOINTS[0], CHECKPOINTS[1]))
    assert json.loads((killed / "state.json").read_text())["a.mov"]["num_frames"] == CHECKPOINTS[0]
    run_and_kill(killed, dice.randrange(CHECKPOINTS[2], NUM_FRAMES))
    for name in GARBAGE:
        (killed / name).write_bytes(b"half a frame")
    assert write_outputs(killed) == write_outputs(whole)
    return whole, killed


@pytest.mark.parametrize("name", VIDEOS)
def test_every_frame_is_there_at_its_time(name: str, folders: tuple[Path, Path]) -> None:
    whole, killed = folders
    assert are_near(read_times(killed / name), PTS, Path(name).suffix)
    assert read_times(killed / name) == read_times(whole / name)
    assert len(read_frames(killed / name)) == NUM_FRAMES


@pytest.mark.parametrize("name", EXACT)
def test_pictures_are_those_of_a_run_without_interruption(name: str, folders: tuple[Path, Path]) -> None:
    for one, other in zip(*(read_frames(folder / name) for folder in folders), strict=True):
        assert one.format.name == other.format.name
        for ours, theirs in zip(one.planes, other.planes, strict=True):
            assert bytes(ours) == bytes(theirs)


@pytest.mark.parametrize("name", FOLDERS)
def test_stills_are_those_of_a_run_without_interruption(name: str, folders: tuple[Path, Path]) -> None:
    whole, killed = ({still.name: still.read_bytes() for still in (folder / name).iterdir()} for folder in folders)
    assert len(whole) == NUM_FRAMES
    assert whole == killed


def test_the_sound_is_whole(folders: tuple[Path, Path]) -> None:
    whole, killed = folders
    for name in ("a.mov", "o.mp4"):
        assert read_audio(killed / name) == read_audio(whole.parent / resumed_outputs.SOURCE)
    assert read_audio(killed / "a.webm") == read_audio(whole / "a.webm")


def test_no_part_stays_behind(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        assert {path.name for path in folder.iterdir()} == {*OUTPUTS, "state.json"}


def write_until(sink: Sink, start: int, stop: int) -> None:
    for result in make_clip_results(start):
        if result.frame.index < stop:
            sink.write(result)


def reopen(name: str, folder: Path, state: object = None, **options: object) -> Sink:
    path = folder / name
    return open_sink(OUTPUTS[name], path, make_info(path), OBJECT_IDS, resume=state, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", OUTPUTS)
class TestOrderlyStops:
    def test_an_interrupted_run_leaves_parts_in_order(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(KeyboardInterrupt), background(reopen(name, tmp_path)) as sink:  # noqa: PT012
            write_until(sink, 0, 5)
            sink.checkpoint()
            write_until(sink, 5, 9)
            state = sink.checkpoint()
            assert sink.checkpoint() == state, "nothing was written in between"
            write_until(sink, 9, 12)
            raise KeyboardInterrupt
        if name in VIDEOS:
            stem, suffix = name.split(".")
            names = [f"{stem}.part.{suffix}", f"{stem}.part-000005.{suffix}", f"{stem}.part-000009.{suffix}"]
            assert [part.name for part in sink.parts] == names
            assert [len(read_frames(part)) for part in sink.parts] == [5, 4, 3]
        else:
            assert sink.parts == (tmp_path / f"{name}.part",)
        with reopen(name, tmp_path, state) as sink:
            write_until(sink, 9, 10)
            sink.finish()
        assert self.count(tmp_path / name) == 10

    def count(self, path: Path) -> int:
        return len(list(path.iterdir())) if path.is_dir() else len(read_frames(path))

    def test_a_checkpoint_at_the_end_needs_no_more_frames(self, name: str, tmp_path: Path) -> None:
        with reopen(name, tmp_path) as sink:
            write_until(sink, 0, 5)
            state = json.loads(json.dumps(sink.checkpoint()))
        with reopen(name, tmp_path, state) as sink:
            assert sink.finish() == tmp_path / name
        assert self.count(tmp_path / name) == 5

    def test_a_run_that_was_killed_after_the_end_is_finished(self, name: str, tmp_path: Path) -> None:
        with reopen(name, tmp_path) as sink:
            write_until(sink, 0, 5)
            state = sink.checkpoint()
            sink.finish()
        for overwrite in (False, True):
            with reopen(name, tmp_path, state, overwrite=overwrite) as sink:
                assert sink.finish() == tmp_path / name
            assert self.count(tmp_path / name) == 5
        with reopen(name, tmp_path, state) as sink, pytest.raises(OutputError, match="exists"):
            write_until(sink, 5, 6)

    def test_a_checkpoint_before_the_first_frame(self, name: str, tmp_path: Path) -> None:
        with reopen(name, tmp_path) as sink:
            state = sink.checkpoint()
        assert state["num_frames"] == 0
        assert not list(tmp_path.iterdir())
        with reopen(name, tmp_path, state) as sink:
            write_until(sink, 0, 3)
            sink.finish()
        assert self.count(tmp_path / name) == 3

    def test_files_that_are_not_as_they_were_are_refused(self, name: str, tmp_path: Path) -> None:
        with reopen(name, tmp_path) as sink:
            write_until(sink, 0, 5)
            state = sink.checkpoint()
            (part,) = sink.parts
        if part.is_dir():
            (part / "00002.png").unlink()
        else:
            part.write_bytes(part.read_bytes()[:-1])
        with pytest.raises(OutputError, match="cannot be continued") as caught:
            reopen(name, tmp_path, state)
        assert "\n" not in str(caught.value)

    def test_a_run_anew_clears_what_was_there(self, name: str, tmp_path: Path) -> None:
        with reopen(name, tmp_path) as sink:
            write_until(sink, 0, 5)
            sink.checkpoint()
            write_until(sink, 5, 9)
        with reopen(name, tmp_path) as sink:
            write_until(sink, 0, 3)
            sink.finish()
        assert [path.name for path in tmp_path.iterdir()] == [name]
        assert self.count(tmp_path / name) == 3


@pytest.mark.parametrize("name", VIDEOS)
def test_a_kill_between_rename_and_removal(name: str, tmp_path: Path) -> None:
    with reopen(name, tmp_path) as sink:
        write_until(sink, 0, 5)
        state = sink.checkpoint()
        parts = {part: part.read_bytes() for part in sink.parts}
        sink.finish()
    for part, content in parts.items():
        part.write_bytes(content)
    with reopen(name, tmp_path, state) as sink:
        sink.finish()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_kill_while_stills_move_into_place(tmp_path: Path) -> None:
    """Half of the stills are in the folder that was there before, the others still in the part folder."""
    path, part = tmp_path / "masks", tmp_path / "masks.part"
    path.mkdir()
    (path / "notes.txt").write_bytes(b"mine")
    with reopen("masks", tmp_path, overwrite=True) as sink:
        write_until(sink, 0, 6)
        state = sink.checkpoint()
    (part / "moving.part").touch()
    for index in range(3):
        (part / f"{index:05d}.png").rename(path / f"{index:05d}.png")
    with reopen("masks", tmp_path, state) as sink:
        sink.finish()
    assert {still.name for still in path.iterdir()} == {"notes.txt", *(f"{index:05d}.png" for index in range(6))}
    assert not part.exists()


@pytest.mark.parametrize("name", VIDEOS)
@pytest.mark.parametrize("first", [-1024, -1001, -2])
def test_what_begins_before_zero_is_moved_there(name: str, first: int, tmp_path: Path) -> None:
    """MOV would not show these pictures; Matroska has no such times."""
    source = make_clip(tmp_path / "source.mp4", num_frames=30, has_audio=True)
    pts = tuple(512 * index + first for index in range(8))
    with reopen(name, tmp_path, source=source) as sink:
        for result in make_results(8, pts=pts):
            sink.write(result)
            if result.frame.index == 3:
                sink.checkpoint()
        sink.finish()
    tolerance = Fraction(1, 1000) if Path(name).suffix in (".mkv", ".webm") else 0
    expected = [Fraction(value - first, 12800) for value in pts]
    times = read_times(tmp_path / name)
    assert all(abs(time - true) <= tolerance for time, true in zip(times, expected, strict=True))
    assert times[0] == 0
    rounds_to_zero = first == -2 and tolerance
    assert any("begins before zero" in warning for warning in sink.warnings) is not bool(rounds_to_zero)
    if name == "o.mp4":
        moved = [(time - Fraction(first, 12800), content) for time, content in read_audio(source)]
        found = read_audio(tmp_path / name)
        assert [content for _, content in found] == [content for _, content in moved]
        assert all(abs(one - two) <= Fraction(1, 8000) for (one, _), (two, _) in zip(found, moved, strict=True))


def test_a_part_file_cannot_be_the_source(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "o.part-000012.mp4")
    with pytest.raises(UsageError, match="overwrite the source"):
        reopen("o.mp4", tmp_path, source=source)


def test_parts_of_another_encoder_are_refused(tmp_path: Path) -> None:
    with reopen("o.mp4", tmp_path) as sink:
        write_until(sink, 0, 5)
        state = sink.checkpoint()
        write_until(sink, 5, 9)
        state = sink.checkpoint()
    part = make_clip(sink.parts[1], num_frames=4, pixel_format="yuv444p")
    state["segments"][1]["num_bytes"] = part.stat().st_size
    with reopen("o.mp4", tmp_path, state) as sink, pytest.raises(VostoolError, match="not encoded as"):
        sink.finish()


def test_an_error_in_the_thread_is_raised_by_the_checkpoint(tmp_path: Path) -> None:
    (result,) = make_results(1)
    wrong = FrameResult(result.frame, np.zeros((4, 4), np.uint8), np.zeros((2, 4, 4), np.float32), OBJECT_IDS)
    with background(reopen("a.mov", tmp_path)) as sink:
        sink.write(wrong)
        with pytest.raises(Exception, match=r"."):
            sink.checkpoint()


@pytest.mark.parametrize(("name", "suffix"), [("stills", ".exr"), ("stills", ".png"), ("deep.mkv", ".png")])
def test_deep_and_premultiplied_outputs_go_on(name: str, suffix: str, tmp_path: Path) -> None:
    """The style and the source's depth count as much after the checkpoint as before."""
    contents = []
    for folder in (tmp_path / "whole", tmp_path / "stopped"):
        folder.mkdir()
        path, state = folder / name, None
        info = replace(make_info(path), bit_depth=10, pixel_format="yuv420p10le")
        style = PictureStyle(premultiplied=True, still_suffix=suffix)
        for start, stop in ((0, 3), (3, 6)):
            with open_sink("alpha", path, info, OBJECT_IDS, style=style, resume=state) as sink:
                write_until(sink, start, stop)
                state = sink.checkpoint()
                if folder.name == "stopped":
                    write_until(sink, stop, stop + 2)
        with open_sink("alpha", path, info, OBJECT_IDS, style=style, resume=state) as sink:
            sink.finish()
        if path.is_dir():
            contents.append({still.name: still.read_bytes() for still in path.iterdir()})
        else:
            contents.append({str(frame.pts): frame.to_ndarray().tobytes() for frame in read_frames(path)})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 6
    straight = tmp_path / f"straight_{name}"
    with open_sink("alpha", straight, info, OBJECT_IDS, style=PictureStyle(still_suffix=suffix)) as sink:
        write_until(sink, 0, 1)
        sink.finish()
    first = next(iter(contents[0].values()))
    other = (straight / f"00000{suffix}").read_bytes() if straight.is_dir() else read_frames(straight)[0].to_ndarray()
    assert first != bytes(other), "the style is passed on"


@pytest.mark.parametrize("name", ["a.mkv", "a.webm"])
def test_segments_that_begin_at_half_milliseconds(name: str, tmp_path: Path) -> None:
    """FFmpeg rounds 62.5 ms up, Python's round() would go down to the even 62."""
    info = make_info(tmp_path / name, time_base=Fraction(1, 2000))
    with open_sink("alpha", tmp_path / name, info, OBJECT_IDS) as sink:
        for result in make_results(6, pts=tuple(125 * index for index in range(6)), time_base=info.time_base):
            sink.write(result)
            sink.checkpoint()
        sink.finish()
    assert [time * 1000 for time in read_times(tmp_path / name)] == [0, 63, 125, 188, 250, 313]


@pytest.mark.parametrize("name", VIDEOS)
def test_what_came_after_the_checkpoint_is_gone_at_the_next_frame(name: str, tmp_path: Path) -> None:
    with reopen(name, tmp_path) as sink:
        write_until(sink, 0, 3)
        state = sink.checkpoint()
        write_until(sink, 3, 5)
        sink.checkpoint()
        write_until(sink, 5, 6)
        old = sink.parts
    with reopen(name, tmp_path, state) as sink:
        assert all(part.exists() for part in old), "nothing is touched before"
        write_until(sink, 3, 4)
        assert sink.parts == old[:2]
        assert set(tmp_path.iterdir()) == {*old[:2]}


@pytest.mark.parametrize("name", VIDEOS)
def test_an_old_output_is_not_taken_for_the_one_that_was_resumed(name: str, tmp_path: Path) -> None:
    """It has the same frames at the same times; only the part files tell that this run was not at its end."""
    path = tmp_path / name
    with reopen(name, tmp_path) as sink:
        write_until(sink, 0, 4)
        sink.finish()
    old = bytes(read_frames(path)[0].planes[0])
    with reopen(name, tmp_path, overwrite=True) as sink:
        for result in make_clip_results():
            if result.frame.index < 4:
                white = replace(result.frame, image=np.full_like(result.frame.image, 255))
                sink.write(replace(result, frame=white))
        state = sink.checkpoint()
    with reopen(name, tmp_path, state, overwrite=True) as sink:
        sink.finish()
    assert bytes(read_frames(path)[0].planes[0]) != old
