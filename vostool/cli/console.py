"""The only place that prints: data to stdout; notes, warnings, errors and progress to stderr.

A bar is drawn only where stderr is a terminal; elsewhere a plain line is printed now and then. ``quiet`` silences notes
and progress, never warnings and errors.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from vostool.errors import VostoolError

if TYPE_CHECKING:
    from vostool.pipelines.report import FrameProgress, StepProgress
    from vostool.pipelines.training_options import TrainProgress

PLAIN_LINE_SECONDS = 10.0
# No table is as wide, and rich asks for some bound.
MAX_TABLE_WIDTH = 10_000


def print_error(error: VostoolError, *, as_json: bool = False) -> None:
    """One line on stderr, and with ``--json`` the same as an object on stdout."""
    print(f"vostool: error: {one_line(str(error))}", file=sys.stderr)
    if as_json:
        record = {"error": {"code": error.code, "exit": error.exit_code, "message": error.message, "hint": error.hint}}
        print_json(record)


def print_failure(clip: str, text: str) -> None:
    """One of several clips that could not be done, on stderr."""
    print(f"vostool: error: {clip}: {text}", file=sys.stderr)


def one_line(text: str) -> str:
    """Without line breaks and without what would steer a terminal, both of which names of files may hold."""
    return "".join(character if character.isprintable() else "?" for character in " ".join(text.split()))


def print_json(record: Any) -> None:
    """One JSON document on stdout, figures at full precision."""
    print(json.dumps(record, indent=2, default=str))


def print_json_with(record: dict[str, Any], name: str, items: Iterable[Any]) -> None:
    """One JSON document on stdout with a list under one more name, which is never held as a whole."""
    head = json.dumps(record, indent=2, default=str)
    print(f'{head[:-2]},\n  "{name}": [', end="")
    separator = "\n    "
    for item in items:
        print(separator + json.dumps(item, default=str), end="")
        separator = ",\n    "
    print("\n  ]\n}")


def print_line(text: str) -> None:
    """One line of what was asked for, on stdout."""
    print(text)


def show_help_if_bare(context: typer.Context) -> None:
    """A group of commands without a command: its help, and exit code 2."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(2)


def print_table(title: str, rows: Sequence[dict[str, Any]]) -> None:
    """Rows of equal keys as a table on stdout, whole also where stdout is not a terminal."""
    table = Table(title=title)
    for name in rows[0] if rows else ():
        justify: Literal["left", "right"] = "left" if all(isinstance(row[name], str) for row in rows) else "right"
        table.add_column(name, justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()))
    console = Console(width=None if sys.stdout.isatty() else 200)
    if not sys.stdout.isatty():
        unbounded = console.options.update(width=MAX_TABLE_WIDTH)
        console.width = max(console.width, Measurement.get(console, unbounded, table).maximum)
    console.print(table)


class Messages:
    """Notes and warnings of one command."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet

    def note(self, text: str) -> None:
        """Something that was detected or decided."""
        if not self._quiet:
            print(f"note: {one_line(text)}", file=sys.stderr)

    def warn(self, text: str) -> None:
        """Something that may not be as wished; shown even when quiet."""
        print(f"warning: {one_line(text)}", file=sys.stderr)


@contextmanager
def frame_progress(*, quiet: bool) -> Iterator[FrameDisplay]:
    """Shows the progress over frames while the block runs."""
    display: FrameDisplay
    if quiet:
        display = FrameDisplay()
    elif sys.stderr.isatty():
        display = _BarDisplay()
    else:
        display = _LineDisplay()
    try:
        yield display
    finally:
        display.close()


class FrameDisplay:
    """Shows nothing."""

    def update(self, progress: FrameProgress) -> None:
        """Takes one frame."""

    def update_step(self, progress: StepProgress) -> None:
        """Takes one step of fine-tuning."""

    def update_backward(self, num_done: int, num_frames: int) -> None:
        """Takes one frame of a backward pass."""

    def close(self) -> None:
        """Leaves the terminal in order."""


class _LineDisplay(FrameDisplay):
    """A plain line every few seconds."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def update(self, progress: FrameProgress) -> None:
        if time.monotonic() - self._last >= PLAIN_LINE_SECONDS:
            self._last = time.monotonic()
            print(_describe(progress), file=sys.stderr)

    def update_step(self, progress: StepProgress) -> None:
        if time.monotonic() - self._last >= PLAIN_LINE_SECONDS:
            self._last = time.monotonic()
            print(_describe_step(progress), file=sys.stderr)

    def update_backward(self, num_done: int, num_frames: int) -> None:
        if time.monotonic() - self._last >= PLAIN_LINE_SECONDS:
            self._last = time.monotonic()
            print(_describe_backward(num_done, num_frames), file=sys.stderr)


class _BarDisplay(FrameDisplay):
    """rich's bar with frames per second and the time left."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}"), BarColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task("starting", total=None)
        self._progress.start()

    def update(self, progress: FrameProgress) -> None:
        self._progress.update(
            self._task, completed=progress.num_done, total=progress.num_frames, description=_describe(progress)
        )

    def update_step(self, progress: StepProgress) -> None:
        self._progress.update(
            self._task, completed=progress.num_done, total=progress.num_steps, description=_describe_step(progress)
        )

    def update_backward(self, num_done: int, num_frames: int) -> None:
        self._progress.update(
            self._task, completed=num_done, total=num_frames, description=_describe_backward(num_done, num_frames)
        )

    def close(self) -> None:
        self._progress.stop()


@contextmanager
def byte_progress(*, quiet: bool) -> Iterator[Callable[[int, int | None], None]]:
    """Shows the progress of a download while the block runs; takes the bytes so far and in all."""
    if quiet:
        yield lambda num_done, total: None
    elif sys.stderr.isatty():
        from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

        columns = (DownloadColumn(), BarColumn(), TransferSpeedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None)
            yield lambda num_done, total: bar.update(task, completed=num_done, total=total)
    else:
        yield _ByteLines().update


class _ByteLines:
    """A plain line every few seconds."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def update(self, num_done: int, total: int | None) -> None:
        if time.monotonic() - self._last >= PLAIN_LINE_SECONDS:
            self._last = time.monotonic()
            of_total = f" of {total / 1e6:.1f}" if total else ""
            print(f"{num_done / 1e6:.1f}{of_total} MB", file=sys.stderr)


@contextmanager
def training_progress(*, quiet: bool) -> Iterator[Callable[[TrainProgress], None]]:
    """Shows the progress of a training run while the block runs."""
    if quiet:
        yield lambda progress: None
    elif sys.stderr.isatty():
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}"), BarColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("reading the clips", total=None)
            yield lambda progress: bar.update(
                task, completed=progress.num_done, total=progress.num_steps, description=_describe_training(progress)
            )
    else:
        yield _TrainingLines().update


class _TrainingLines:
    """A plain line for the first step, for the last, and every few seconds."""

    def __init__(self) -> None:
        self._last = -PLAIN_LINE_SECONDS

    def update(self, progress: TrainProgress) -> None:
        now = time.monotonic()
        if now - self._last >= PLAIN_LINE_SECONDS or progress.num_done == progress.num_steps:
            self._last = now
            print(_describe_training(progress), file=sys.stderr)


def _describe(progress: FrameProgress) -> str:
    total = f"/{progress.num_frames}" if progress.num_frames else ""
    left = progress.seconds_left
    remaining = f", {_clock(left)} left" if left is not None else ""
    return f"frame {progress.num_done}{total}, {progress.frames_per_second:.1f} fps{remaining}"


def _describe_step(progress: StepProgress) -> str:
    left = _clock(progress.seconds / progress.num_done * (progress.num_steps - progress.num_done))
    return f"fine-tuning {progress.num_done}/{progress.num_steps}, loss {progress.loss:.3f}, {left} left"


def _describe_backward(num_done: int, num_frames: int) -> str:
    return f"backward pass {num_done}/{num_frames}"


def _describe_training(progress: TrainProgress) -> str:
    score = f", J&F {progress.score:.3f}" if progress.score is not None else ""
    rate = f"{progress.samples_per_second:.1f} clips/s, {_clock(progress.seconds_left)} left"
    return f"step {progress.num_done}/{progress.num_steps}, loss {progress.loss:.3f}{score}, {rate}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
