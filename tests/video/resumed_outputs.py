"""Write several outputs of a made-up clip with checkpoints; run as a program it can be killed and run again.

    python resumed_outputs.py FOLDER LAST

writes frames from the last checkpoint in FOLDER up to LAST and then kills itself as ``kill -9`` would.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[number]) for number in (1, 2)]

from video_results import OBJECT_IDS, make_info, make_results

from vostool.types import FrameResult
from vostool.video.writing.background import background
from vostool.video.writing.sinks import Sink, open_sink

NUM_FRAMES = 40
CHECKPOINTS = (7, 19, 30)
# Uneven, no whole milliseconds, and beginning late.
PTS = tuple(17921 + 512 * index + index * index * 37 % 300 for index in range(NUM_FRAMES))
OUTPUTS = {
    "a.mkv": "alpha",
    "a.mov": "alpha",
    "a.webm": "alpha",
    "o.mp4": "overlay",
    "masks": "masks",
    "alpha": "alpha",
}
SOURCE = "source.mp4"


def make_clip_results(start: int = 0) -> Iterator[FrameResult]:
    results = make_results(NUM_FRAMES, pts=PTS)
    return (result for result in results if result.frame.index >= start)


def write_outputs(folder: Path, last: int | None = None, checkpoints: tuple[int, ...] = CHECKPOINTS) -> list[str]:
    """Go on from the state in the folder; up to ``last`` and then die, or to the end. The warnings."""
    state_file = folder / "state.json"
    state = json.loads(state_file.read_text()) if state_file.exists() else {}
    start = state[next(iter(OUTPUTS))]["num_frames"] if state else 0
    with ExitStack() as stack:
        sinks = {
            name: stack.enter_context(background(_open(folder, name, kind, state))) for name, kind in OUTPUTS.items()
        }
        for result in make_clip_results(start):
            for sink in sinks.values():
                sink.write(result)
            if result.frame.index == last:
                os.kill(os.getpid(), signal.SIGKILL)
            if result.frame.index + 1 in checkpoints:
                temporary = state_file.with_suffix(".new")
                temporary.write_text(json.dumps({name: sink.checkpoint() for name, sink in sinks.items()}))
                temporary.replace(state_file)
        for sink in sinks.values():
            sink.finish()
        return [warning for sink in sinks.values() for warning in sink.warnings]


def _open(folder: Path, name: str, kind: str, state: dict[str, dict[str, object]]) -> Sink:
    source = folder.parent / SOURCE
    path = folder / name
    return open_sink(kind, path, make_info(path), OBJECT_IDS, source=source, resume=state.get(name))  # type: ignore[arg-type]


if __name__ == "__main__":
    write_outputs(Path(sys.argv[1]), int(sys.argv[2]))
