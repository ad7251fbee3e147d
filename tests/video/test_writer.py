from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from video_results import OBJECT_IDS, make_info, make_results, read_frames, read_times

from vostool.errors import OutputError, VostoolError
from vostool.video.writing import video_sink
from vostool.video.writing.encoding import ENCODINGS
from vostool.video.writing.segments import Segment
from vostool.video.writing.sinks import open_sink

VIDEOS = [(kind, extension) for kind, encodings in ENCODINGS.items() for extension in encodings]
TESTS = Path(__file__).resolve().parent.parent
NUM_FRAMES = 60
# Written by one process and killed by another; it says when all frames were given.
WRITE_AND_WAIT = f"""
import sys, time
from pathlib import Path
sys.path[:0] = [{str(TESTS)!r}, {str(TESTS.parent)!r}]
from video_results import OBJECT_IDS, make_info, make_results
from vostool.video.writing.sinks import open_sink
path = Path(sys.argv[2])
with open_sink(sys.argv[1], path, make_info(path), OBJECT_IDS) as sink:
    for result in make_results({NUM_FRAMES}):
        sink.write(result)
    print("written", flush=True)
    time.sleep(100)
"""


@pytest.mark.parametrize(("kind", "extension"), VIDEOS)
def test_a_killed_process_leaves_most_frames(kind: str, extension: str, tmp_path: Path) -> None:
    script = tmp_path / "write.py"
    script.write_text(WRITE_AND_WAIT)
    path = tmp_path / f"out{extension}"
    with subprocess.Popen([sys.executable, script, kind, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    assert not path.exists()
    times = read_times(tmp_path / f"out.part{extension}")
    assert NUM_FRAMES - 16 <= len(times) <= NUM_FRAMES
    assert len(read_frames(tmp_path / f"out.part{extension}")) >= len(times) - 1


@pytest.mark.parametrize(("kind", "extension"), VIDEOS)
def test_an_error_leaves_every_frame(kind: str, extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{extension}"
    with pytest.raises(RuntimeError), open_sink(kind, path, make_info(path), OBJECT_IDS) as sink:  # type: ignore[arg-type]  # noqa: PT012
        for result in make_results(NUM_FRAMES):
            sink.write(result)
        raise RuntimeError
    assert [file.name for file in tmp_path.iterdir()] == [f"out.part{extension}"]
    assert len(read_frames(tmp_path / f"out.part{extension}")) == NUM_FRAMES


def test_an_earlier_part_stays_until_the_first_frame(tmp_path: Path) -> None:
    path, part = tmp_path / "out.mp4", tmp_path / "out.part.mp4"
    part.write_bytes(b"hours of work")
    with open_sink("overlay", path, make_info(path), OBJECT_IDS):
        pass
    assert part.read_bytes() == b"hours of work"
    with open_sink("overlay", path, make_info(path), OBJECT_IDS) as sink:
        for result in make_results():
            sink.write(result)
        sink.finish()
    assert not part.exists()


def test_frames_that_the_join_loses_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check reads the file itself."""
    path = tmp_path / "out.mkv"
    whole = video_sink.join

    def lossy(segments: Sequence[Segment], *arguments: object, **more: object) -> list[str]:
        with open_sink("alpha", tmp_path / "short.mkv", make_info(path), OBJECT_IDS) as short:
            for result in make_results(5):
                short.write(result)
        parts = [replace(segments[0], path=tmp_path / "short.part.mkv")]
        return whole(parts, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(video_sink, "join", lossy)
    with open_sink("alpha", path, make_info(path), OBJECT_IDS) as sink:
        for result in make_results():
            sink.write(result)
        with pytest.raises(VostoolError, match="5 frames of 8"):
            sink.finish()
    assert not path.exists()
    assert len(read_frames(tmp_path / "out.part.mkv")) == 8


WRITE_TOO_MUCH = f"""
import resource, signal, sys
from pathlib import Path
sys.path[:0] = [{str(TESTS)!r}, {str(TESTS.parent)!r}]
from video_results import OBJECT_IDS, make_info, make_results
from vostool.errors import VostoolError
from vostool.video.writing.sinks import open_sink
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
path = Path(sys.argv[2])
try:
    with open_sink(sys.argv[1], path, make_info(path), OBJECT_IDS) as sink:
        for result in make_results(400):
            sink.write(result)
        sink.finish()
except VostoolError as error:
    print(type(error).__name__, error.code, error)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize(
    ("kind", "extension"), [("overlay", ".mp4"), ("alpha", ".mov"), ("alpha", ".mkv"), ("alpha", ".webm")]
)
def test_a_disk_that_takes_no_more(kind: str, extension: str, tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk: it needs no rights and breaks in the same calls."""
    script = tmp_path / "write.py"
    script.write_text(WRITE_TOO_MUCH)
    path = tmp_path / f"out{extension}"
    outcome = subprocess.run([sys.executable, script, kind, path], capture_output=True, text=True, check=False)
    assert outcome.returncode == 6, outcome.stderr
    assert outcome.stdout.startswith("OutputError output.disk_full cannot write")
    assert outcome.stdout.count("\n") == 1
    assert not path.exists()
    assert len(read_times(tmp_path / f"out.part{extension}")) > 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    (tmp_path / "out.part.mp4").symlink_to("/dev/full")
    sink = open_sink("overlay", path, make_info(path), OBJECT_IDS)
    with pytest.raises(OutputError, match="no space left on device") as caught, sink:  # noqa: PT012
        for result in make_results(NUM_FRAMES):
            sink.write(result)
        sink.finish()
    assert caught.value.exit_code == 6
    assert "\n" not in str(caught.value)
