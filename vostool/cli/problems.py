"""Whatever is raised under a command, as an error that is meant for its user."""

from __future__ import annotations

import typer

from vostool.errors import Interrupted, UsageError, VostoolError

# Typer keeps the class that all its usage errors share under another module from release to release.
TyperUsageError: type[Exception] = typer.BadParameter.__mro__[1]


def as_problem(error: BaseException) -> VostoolError:
    """The error itself if it is meant for the user, else one that says what happened."""
    if isinstance(error, VostoolError):
        return error
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return Interrupted("stopped at once; files being written may lack their last frames")
    if isinstance(error, TyperUsageError):
        return _usage_problem(error)
    text = " ".join(str(error).split()) or type(error).__name__
    return VostoolError(
        f"unexpected {type(error).__name__}: {text}", "this is a fault of vostool; VOSTOOL_DEBUG=1 shows where"
    )


def _usage_problem(error: Exception) -> UsageError:
    """Typer's message, and the command whose help says more."""
    message = error.format_message().rstrip(".")  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "vostool"
    return UsageError(message[:1].lower() + message[1:], f"see {command} --help")
