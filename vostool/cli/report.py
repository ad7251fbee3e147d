"""``vostool eval --report``: the page, and what it says of the command that made it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from vostool.errors import UsageError

if TYPE_CHECKING:
    from vostool.metrics.report import Scores
    from vostool.metrics.tables import Row
    from vostool.metrics.transfer import TransferScores

Report = Annotated[
    Path | None,
    typer.Option(
        "--report", metavar="FILE.html", show_default=False,
        help="Write a page with the tables, J and F over time, their distribution and the worst frames.",
    ),
]  # fmt: skip


def check_report(report: Path | None, protocol: str, *, is_replaced: bool, is_study: bool) -> None:
    """Refuses, before anything is scored, a page that has nothing to show or that cannot be made.

    Raises:
        UsageError: What is done has no scores frame by frame.
        OutputError: It exists and is not to be replaced, or its folder is missing.
    """
    from vostool.pipelines.score_files import check_table

    if report is None:
        return
    if is_study or protocol == "jumpcut":
        what = "the memory study" if is_study else "jumpcut"
        raise UsageError(f"--report shows J frame by frame, which {what} does not have", "leave it out, or take --csv")
    check_table(report, is_replaced=is_replaced)


def kept_masks(report: Path | None, context: typer.Context) -> Path | None:
    """A folder for the masks that the page shows, removed when the command ends; None where no page is wanted."""
    if report is None:
        return None
    return Path(context.with_resource(TemporaryDirectory(prefix="vostool-eval-")))


def write_report(
    report: Path | None,
    context: typer.Context,
    kept: Path | None,
    results: Mapping[str, Scores | TransferScores],
    tables: Mapping[str, Sequence[Row]],
) -> None:
    """Writes the page, if one is wanted.

    Args:
        report: Its file.
        context: Of ``vostool eval``.
        kept: Folder of SYSTEM/SEQUENCE/*.png of systems that ran.
        results: By system.
        tables: The rows that the terminal shows, by system.
    """
    if report is None:
        return
    from vostool.metrics.report import Scores
    from vostool.pipelines.evaluate import prediction_home
    from vostool.pipelines.report_page import Scoring, write_page

    given = context.params
    if predictions := given["predictions"]:
        folders, source = {system: prediction_home(predictions) for system in results}, str(predictions)
        annotations = given["annotations"]
    else:
        assert kept is not None
        folders = {system: kept / system for system in results}
        source = f"{', '.join(results)}, from the first mask, at a short side of {given['size']} pixels"
        annotations = given["data"]
    scores = {system: each for system, each in results.items() if isinstance(each, Scores)}
    scoring = Scoring(given["protocol"], annotations, folders, source, command_line(context), given["year"])
    write_page(report, scoring, scores, tables)


def command_line(context: typer.Context) -> str:
    """The command as it was given, for a shell; options that were not given are left out."""
    words, operands = ["vostool", str(context.info_name)], []
    for parameter in context.command.params:
        name = str(parameter.name)
        source = context.get_parameter_source(name)
        if source is None or source.name != "COMMANDLINE":
            continue
        value = context.params[name]
        if parameter.param_type_name == "argument":
            operands.append(str(value))
        else:
            words.append(max(parameter.opts, key=len))
            words += [] if isinstance(value, bool) else [str(value)]
    return shlex.join(words[:2] + operands + words[2:])
