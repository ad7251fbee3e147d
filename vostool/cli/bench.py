"""``vostool bench``: speed and memory on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vostool.cli import options as shared
from vostool.cli.console import Messages, print_json, print_table

if TYPE_CHECKING:
    from vostool.pipelines.benchmark import BenchOptions
    from vostool.pipelines.benchmark_flat import FlatReport
    from vostool.pipelines.benchmark_report import BenchReport

# vostool.types has it, but loads NumPy.
MAX_OBJECTS = 64

Systems = Annotated[
    str,
    typer.Option(
        "--system", metavar="A,B", rich_help_panel=shared.PANEL_NETWORK,
        help=f"Systems to measure side by side, of {', '.join(shared.SYSTEM_NAMES)}.",
    ),
]  # fmt: skip
Clip = Annotated[
    Path | None,
    typer.Option("--clip", metavar="FILE", help="Clip to measure on.", show_default="one that is painted"),
]
Mask = Annotated[
    Path | None, typer.Option("--mask", metavar="FILE", help="Mask of the clip's first frame.", show_default=False)
]
NumObjects = Annotated[
    str | None,
    typer.Option(
        "--objects", metavar="1,3,8", help="Numbers of objects, each of which is measured.",
        show_default="1; all of the mask",
    ),
]  # fmt: skip
Size = Annotated[
    int | None,
    typer.Option(
        "--size", metavar="PIXELS", min=32, rich_help_panel=shared.PANEL_NETWORK,
        help="Short side of the picture that the network sees, in pixels.",
        show_default="480; --flat on a CPU: 112",
    ),
]  # fmt: skip
Frames = Annotated[
    int | None,
    typer.Option("--frames", metavar="NUMBER", min=1, help="Frames to measure.", show_default="60; --flat: 10000"),
]
WarmUp = Annotated[
    int, typer.Option("--warm-up", metavar="NUMBER", min=1, help="Frames before those, which do not count.")
]
Flat = Annotated[
    bool,
    typer.Option("--flat", help="Measure how time and memory grow over many frames, with lfu and with every-k memory."),
]
Budget = Annotated[
    float,
    typer.Option("--budget", metavar="MB", min=1.0, help="With --flat: where every-k memory ends."),
]
Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot", metavar="FILE.png", help="Draw time and memory against the number of the frame.", show_default=False
    ),
]
Scoring = Annotated[
    tuple[Path, Path] | None,
    typer.Option(
        "--scoring", metavar="PREDICTIONS ANNOTATIONS", show_default=False,
        help="Measure instead how fast these masks are scored, beside the steps of the definition.",
    ),
]  # fmt: skip


def bench_command(
    systems: Systems = "lite",
    clip: Clip = None,
    mask: Mask = None,
    objects: NumObjects = None,
    size: Size = None,
    frames: Frames = None,
    warm_up: WarmUp = 10,
    flat: Flat = False,
    budget: Budget = 64.0,
    plot: Plot = None,
    scoring: Scoring = None,
    weights: shared.WeightsFile = None,
    device: shared.Device = "auto",
    precision: shared.Precision = "auto",
    memory: shared.Memory = None,
    memory_frames: shared.MemoryFrames = None,
    memory_every: shared.MemoryEvery = None,
    top_k: shared.TopK = None,
    quiet: shared.Quiet = False,
    as_json: shared.Json = False,
) -> None:
    """Measure speed and memory on this machine: the network, its stages, and the whole job from file to file.

    vostool bench --system lite,stcn --objects 1,3,8

    vostool bench --flat --plot flat.png

    vostool bench --scoring predictions DAVIS
    """
    if scoring is not None:
        _bench_scoring(*scoring, Messages(quiet=quiet), as_json=as_json)
        return
    from vostool.pipelines.benchmark import DEFAULT_FRAMES, BenchOptions
    from vostool.pipelines.benchmark_flat import FLAT_FRAMES, flat_size
    from vostool.propagation.propagator import DEFAULT_SHORT_SIDE

    options = BenchOptions(
        systems=tuple(systems.split(",")), clip=clip, mask=mask, num_objects=parse_counts(objects),
        size=size or (flat_size(device) if flat else DEFAULT_SHORT_SIDE),
        num_frames=frames or (FLAT_FRAMES if flat else DEFAULT_FRAMES), num_warm_up=warm_up, weights=weights,
        device=device, precision=precision,
        memory={"memory": memory, "memory_frames": memory_frames, "memory_every": memory_every, "top_k": top_k},
    )  # fmt: skip
    messages = Messages(quiet=quiet)
    report = _measure(options, messages, budget if flat else None)
    if plot is not None:
        report.plot(plot)
        messages.note(f"wrote {plot}")
    _print(report, messages, as_json=as_json)


def _bench_scoring(predictions: Path, annotations: Path, messages: Messages, *, as_json: bool) -> None:
    from vostool.pipelines.benchmark_scoring import benchmark_scoring

    report = benchmark_scoring(predictions, annotations, messages.note)
    if as_json:
        print_json(report.to_dict())
    else:
        print_table(f"scoring {report.num_frames} frames, {report.num_objects} objects", report.rows())


def parse_counts(text: str | None) -> tuple[int, ...]:
    """``1,3,8`` as numbers; none for None.

    Raises:
        typer.BadParameter: They are no numbers of objects.
    """
    parts = text.split(",") if text is not None else []
    if not all(part.strip().isdecimal() and 1 <= int(part) <= MAX_OBJECTS for part in parts):
        raise typer.BadParameter(f"--objects is '{text}'; give numbers from 1 to {MAX_OBJECTS}, such as 1,3,8")
    return tuple(dict.fromkeys(int(part) for part in parts))


def _measure(options: BenchOptions, messages: Messages, budget: float | None) -> BenchReport | FlatReport:
    from vostool.pipelines.benchmark import benchmark
    from vostool.pipelines.benchmark_flat import benchmark_flat

    if budget is not None:
        return benchmark_flat(options, budget, messages.note)
    return benchmark(options, messages.note)


def _print(report: BenchReport | FlatReport, messages: Messages, *, as_json: bool) -> None:
    from vostool.pipelines.benchmark_report import machine_line

    if as_json:
        print_json(report.to_dict())
        return
    messages.note(machine_line(report.machine))
    for title, rows in report.tables():
        print_table(title, rows)
