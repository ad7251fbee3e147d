"""``vostool eval --ablate``: the options and the report of the memory study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vostool.cli.console import Messages, print_json, print_line, print_table
from vostool.errors import UsageError

if TYPE_CHECKING:
    from vostool.pipelines.ablation import RunProgress
    from vostool.pipelines.ablation_report import AblationReport
    from vostool.pipelines.compare import CompareOptions

PANEL_STUDY = "Memory study"
ABLATIONS = ("memory",)
BACKBONE_USER = "imagenet-features"

Ablate = Annotated[
    str | None,
    typer.Option(
        "--ablate", metavar="memory", rich_help_panel=PANEL_STUDY, show_default=False,
        help="Compare the memories that one system can have, beside any baselines that --system names.",
    ),
]  # fmt: skip
Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot", metavar="FILE.png", rich_help_panel=PANEL_STUDY, show_default=False,
        help="Draw J&F and speed against the size of the memory.",
    ),
]  # fmt: skip


def check_ablation(ablate: str | None, plot: Path | None, protocol: str, *, overwrite: bool) -> None:
    """Refuses, before anything runs, what cannot be done.

    Raises:
        UsageError: There is no such study, or an option has no use in it.
        OutputError: The plot exists and is not to be replaced, or its folder is missing.
    """
    from vostool.pipelines.score_files import check_table

    if ablate is None:
        if plot is not None:
            raise UsageError("--plot has no use here: it draws the memory study", "add --ablate memory")
        return
    if ablate not in ABLATIONS:
        raise UsageError(f"there is no study '{ablate}'", f"give --ablate {' or '.join(ABLATIONS)}")
    if protocol != "davis":
        raise UsageError("the memory study scores as DAVIS does", "leave --protocol out")
    if plot is not None and plot.suffix.lower() != ".png":
        raise UsageError(f"--plot is '{plot}'", "name a .png")
    check_table(plot, is_replaced=overwrite)


def run_ablation(
    options: CompareOptions, csv: Path | None, plot: Path | None, messages: Messages, *, as_json: bool
) -> None:
    """Runs the study, says and writes what was found; what went wrong is raised after that.

    Raises:
        UsageError: A backbone is given that nothing needs.
        Exception: The first failure of a memory or baseline, or what ended the study early.
    """
    from vostool.pipelines.ablation import ablate_memory

    if options.backbone is not None and BACKBONE_USER not in options.systems:
        raise UsageError(
            f"--backbone has no use here: --system does not name {BACKBONE_USER}", "leave it out, or name that"
        )

    def note(progress: RunProgress) -> None:
        speed = "" if progress.frames_per_second is None else f", {progress.frames_per_second:.1f} fps"
        messages.note(
            f"{progress.num_done}/{progress.num_runs} {progress.name} on {progress.scores.name}: "
            f"J&F {progress.scores.region_and_boundary:.3f}{speed}"
        )

    report = ablate_memory(options, note)
    for name, reason in report.failures.items():
        messages.warn(f"{name} failed and is in no table: {reason}")
    _report(report, csv, plot, messages, as_json)
    if report.error is not None:
        raise report.error


def _report(report: AblationReport, csv: Path | None, plot: Path | None, messages: Messages, as_json: bool) -> None:
    from vostool.pipelines.ablation_variants import LEGEND
    from vostool.pipelines.score_files import write_table

    if not report.runs:
        return
    if as_json:
        print_json(report.to_dict())
    else:
        for title, rows in report.tables():
            print_table(title, rows)
        print_line(LEGEND)
        if report.baselines:
            print_line(f"baselines, which have no memory and are not timed: {', '.join(report.baselines)}")
    if csv is not None:
        write_table(csv, report.rows())
    if plot is not None:
        report.plot(plot)
        messages.note(f"wrote {plot}")
