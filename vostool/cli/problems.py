"""Whatever is raised under a command, as an error that is meant for its user."""

from __future__ import annotations

import errno
import os

import typer

from vostool.errors import InputError, Interrupted, UsageError, VostoolError

# Typer keeps the class that all its usage errors share under another module from release to release.
TyperUsageError: type[Exception] = typer.BadParameter.__mro__[1]

# What the system says of paths that cannot even be looked at, whatever they were for.
PATH_ERRORS = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP)


def as_problem(error: BaseException) -> VostoolError:
    """The error itself if it is meant for the user, else one that says what happened."""
    if isinstance(error, VostoolError):
        return error
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return Interrupted("stopped at once; files being written may lack their last frames")
    if isinstance(error, TyperUsageError):
        return _usage_problem(error)
    if isinstance(error, OSError) and error.errno in PATH_ERRORS and error.filename is not None:
        message = f"cannot look at {os.fsdecode(error.filename)}: {(error.strerror or '').lower()}"
        return InputError(message, "check the path and its access rights", code="path")
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
