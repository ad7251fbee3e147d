"""The reference page of all commands, from what ``--help`` says: ``python -m vostool.cli.reference docs/cli.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from vostool.cli.app import EXIT_CODES, app

HEADER = "# Command line\n\nMade by `make docs` from what `--help` says; a test holds the two equal.\n"


def reference_page() -> str:
    """Markdown, one section a command."""
    root = typer.main.get_command(app)
    sections = [_section(name, command) for name, command in _commands("vostool", root)]
    return "\n".join([HEADER, *sections, "## Exit codes\n", EXIT_CODES, ""])


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its full name."""
    children = getattr(command, "commands", None)
    if not children:
        yield name, command
        return
    for child_name, child in children.items():
        yield from _commands(f"{name} {child_name}", child)


def _section(name: str, command: Any) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and each.name != "help"]
    usage = " ".join([name, *(each.metavar or each.name.upper() for each in arguments), "[OPTIONS]"])
    lines = [f"## {name}\n", f"    {usage}\n", *(f"{each}\n" for each in _paragraphs(command.help))]
    lines += ["| option | meaning | default |", "|---|---|---|"]
    lines += [_row(each) for each in options]
    return "\n".join(lines) + "\n"


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs of a docstring; those that are command lines as code."""
    for paragraph in text.split("\n\n"):
        joined = " ".join(paragraph.split())
        yield f"    {joined}" if joined.startswith("vostool ") else joined


def _row(parameter: Any) -> str:
    value = "" if parameter.is_flag else f" {parameter.metavar}"
    names = ", ".join([*parameter.opts, *parameter.secondary_opts]) + value
    return f"| `{names}` | {parameter.help} | {_default(parameter)} |"


def _default(parameter: Any) -> str:
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    if parameter.required:
        return "required"
    default = parameter.default
    if default is None or default == [] or default is False:
        return ""
    return f"`{default}`"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference_page(), encoding="utf-8")
