"""The commands, and the one boundary at which errors become a line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from vostool import __version__
from vostool.cli.bench import bench_command
from vostool.cli.console import print_error, print_line, show_help_if_bare
from vostool.cli.doctor import doctor_command
from vostool.cli.evaluate import evaluate_command
from vostool.cli.frame import frame_command
from vostool.cli.mask import mask_app
from vostool.cli.problems import as_problem
from vostool.cli.segment import segment_command
from vostool.cli.systems import systems_command
from vostool.cli.train import train_command
from vostool.cli.weights import weights_app
from vostool.errors import Interrupted

EXIT_CODES = """Exit codes: 0 done; 1 failed while processing, or the input ended early; 2 usage; 3 a video or mask
cannot be used; 4 device or weights missing; 5 out of memory; 6 output exists or cannot be written; 130 Ctrl-C;
143 terminated; 141 the reader of a pipe went away."""

app = typer.Typer(
    help="Follow the objects of one mask through a video of any length, in constant memory.",
    epilog=EXIT_CODES,
    invoke_without_command=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("segment")(segment_command)
app.command("frame")(frame_command)
app.add_typer(mask_app, name="mask")
app.command("eval")(evaluate_command)
app.command("bench")(bench_command)
app.command("train")(train_command)
app.command("systems")(systems_command)
app.command("doctor")(doctor_command)
app.add_typer(weights_app, name="weights")


def _print_version(is_asked: bool) -> None:
    if is_asked:
        print_line(f"vostool {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    show_help_if_bare(context)


def run(arguments: Sequence[str]) -> int:
    """Runs one command line.

    Returns:
        The exit code. With $VOSTOOL_DEBUG set, errors are raised instead, with their traceback.
    """
    try:
        code = typer.main.get_command(app).main(list(arguments), prog_name="vostool", standalone_mode=False)
        if code == Interrupted("").exit_code:
            raise KeyboardInterrupt  # Typer has caught it, and says nothing.
        return code if isinstance(code, int) else 0
    except SystemExit as leaving:
        # Typer turns a pipe without a reader into an exit with 1.
        if isinstance(leaving.__context__, BrokenPipeError):
            return _leave_broken_pipe()
        raise
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("VOSTOOL_DEBUG"):
            raise
        if isinstance(error, BrokenPipeError):
            return _leave_broken_pipe()
        problem = as_problem(error)
        print_error(problem, as_json="--json" in arguments)
        return problem.exit_code


def _leave_broken_pipe() -> int:
    """Quietly: the reader of stdout has gone, and what Python still holds for it must not fail at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141
