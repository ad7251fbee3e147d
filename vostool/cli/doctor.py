"""``vostool doctor``: what works on this machine."""

from __future__ import annotations

import typer

from vostool.cli import options as shared
from vostool.cli.console import print_json, print_line


def doctor_command(as_json: shared.Json = False) -> None:
    """Try devices, encoders, weights and the network, and say what works: ok, fail, or none for what is not there.

    Exit code 4 if something fails that is needed.
    """
    from vostool.pipelines.doctor import diagnose

    diagnosis = diagnose()
    if as_json:
        print_json(diagnosis.to_dict())
    else:
        for check in diagnosis.checks:
            print_line(check.line)
    raise typer.Exit(diagnosis.exit_code)
