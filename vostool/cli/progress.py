"""What is shown while frames go by: a bar, plain lines, or one JSON object a line for programs."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from vostool import __version__
from vostool.cli.console import FrameDisplay, Messages, frame_progress, print_failure
from vostool.cli.problems import as_problem
from vostool.errors import UsageError, VostoolError

if TYPE_CHECKING:
    from vostool.pipelines.report import FrameProgress, Listeners, SegmentReport, StepProgress

STYLES = ("auto", "none", "json")
# Of the layout of the events.
SCHEMA_VERSION = 1


class Narrator:
    """Tells of a job as it goes on.

    Attributes:
        listeners: To be handed to the job.
    """

    def __init__(self, display: FrameDisplay, messages: Messages) -> None:
        from vostool.pipelines.report import Listeners

        self.listeners: Listeners = Listeners(
            display.update, messages.note, messages.warn, display.update_step, display.update_backward
        )
        self.note = messages.note

    def end(self, report: SegmentReport) -> None:
        """The job is done."""
        for written in report.outputs:
            self.note(f"wrote {written['path']} ({written['kind']}, {report.frames_out} frames)")

    def fail(self, clip: str, text: str, code: str) -> None:
        """One of several clips could not be done."""
        print_failure(clip, text)


class JsonNarrator(Narrator):
    """Events, each a JSON object on a line of its own: start, note, warning, step, backward, frame, error, end.

    Args:
        stream: Where they go, flushed after each.
        interval: Shortest time in seconds between two events of frames or steps; the last one always comes.
    """

    def __init__(self, stream: TextIO, interval: float) -> None:
        from vostool.pipelines.report import Listeners

        self._stream, self._interval = stream, interval
        self._last_time = -interval
        self._waiting: dict[str, Any] | None = None
        self.listeners = Listeners(self._frame, self.note, self._warning, self._step, self._backward)

    def start(self, clips: Sequence[Path]) -> None:
        """The first event."""
        self._send({"event": "start", "schema": SCHEMA_VERSION, "vostool": __version__, "clips": list(map(str, clips))})

    def end(self, report: SegmentReport) -> None:
        """The last event of a clip."""
        self._flush()
        told = {"clip": report.source, "frames_in": report.frames_in, "frames_out": report.frames_out}
        self._send({"event": "end", **told, "seconds": report.seconds, "outputs": report.outputs})

    def error(self, error: VostoolError) -> None:
        """The last event of a clip that failed."""
        self._flush()
        told = {"code": error.code, "exit": error.exit_code, "message": error.message, "hint": error.hint}
        self._send({"event": "error", **told})

    def fail(self, clip: str, text: str, code: str) -> None:
        """The last event of one of several clips."""
        self._flush()
        self._send({"event": "error", "clip": clip, "code": code, "message": text})

    def note(self, text: str) -> None:
        """Something that was detected or decided."""
        self._send({"event": "note", "text": text})

    def _warning(self, text: str) -> None:
        self._send({"event": "warning", "text": text})

    def _frame(self, progress: FrameProgress) -> None:
        frame, record = progress.result.frame, progress.record
        objects = {
            str(each.object_id): {"area": each.area, "conf": each.confidence, "status": each.status}
            for each in (record.objects if record else ())
        }
        self._send_now_and_then(
            {
                "event": "frame", "n": frame.index, "time": frame.time, "done": progress.num_done,
                "total": progress.num_frames, "fps": progress.frames_per_second, "eta_s": progress.seconds_left,
                "cut": bool(record and record.is_cut), "objects": objects, **_memory_now(),
            }
        )  # fmt: skip

    def _step(self, progress: StepProgress) -> None:
        done = {"done": progress.num_done, "total": progress.num_steps}
        self._send_now_and_then({"event": "step", **done, "loss": progress.loss})

    def _backward(self, num_done: int, num_frames: int) -> None:
        self._send_now_and_then({"event": "backward", "done": num_done, "total": num_frames})

    def _send_now_and_then(self, event: dict[str, Any]) -> None:
        if self._waiting is not None and self._waiting["event"] != event["event"]:
            self._flush()
        self._waiting = event
        if time.monotonic() - self._last_time >= self._interval:
            self._flush()

    def _flush(self) -> None:
        if self._waiting is not None:
            self._last_time = time.monotonic()
            self._send(self._waiting)
            self._waiting = None

    def _send(self, event: dict[str, Any]) -> None:
        self._stream.write(json.dumps(event, separators=(",", ":")) + "\n")
        self._stream.flush()


@contextmanager
def narrate(
    style: str, descriptor: int | None, interval: float, *, quiet: bool, clips: Sequence[Path]
) -> Iterator[Narrator]:
    """Tells of what happens while the block runs.

    Args:
        style: ``auto``, ``none`` or ``json``.
        descriptor: File descriptor of the events; None for standard error.

    Raises:
        UsageError: There is no such style or descriptor.
    """
    if style not in STYLES:
        raise UsageError(f"there is no --progress '{style}'", f"give {', '.join(STYLES)}", code="usage.progress")
    if style != "json":
        with frame_progress(quiet=quiet or style == "none") as display:
            yield Narrator(display, Messages(quiet=quiet))
        return
    with _open_events(descriptor) as stream:
        narrator = JsonNarrator(stream, interval)
        narrator.start(clips)
        try:
            yield narrator
        except BrokenPipeError:
            raise
        except (Exception, KeyboardInterrupt) as error:
            narrator.error(as_problem(error))
            raise


@contextmanager
def _open_events(descriptor: int | None) -> Iterator[TextIO]:
    if descriptor is None:
        yield sys.stderr
        return
    try:
        os.write(descriptor, b"")  # Nothing, which is refused by what is open for reading only.
        stream = os.fdopen(descriptor, "w", closefd=False, encoding="utf-8")
    except (OSError, OverflowError, TypeError) as error:
        reason = getattr(error, "strerror", None) or "there is no such descriptor"
        message = f"--progress-fd {descriptor} cannot be written to: {reason}"
        raise UsageError(message, "open it in the shell, as in 3>events.jsonl", code="usage.progress") from error
    with stream:
        yield stream


def _memory_now() -> dict[str, float]:
    """Resident memory of the process and, on a GPU, the memory that tensors take, in MiB."""
    from vostool.pipelines.report import gpu_bytes, rss_bytes

    used = {"rss_mib": rss_bytes() / 2**20}
    vram = gpu_bytes()
    return used if vram is None else {**used, "vram_mib": vram / 2**20}
