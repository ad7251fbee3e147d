"""Turn what the disk and FFmpeg complain about into one line for the user."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from vostool.errors import OutputError, VostoolError


@contextmanager
def disk_errors(path: Path, part: Path) -> Iterator[None]:
    """Raise OutputError for a disk that refuses, VostoolError for an encoder that does; both say what is left."""
    try:
        yield
    except OSError as error:
        raise _refused(path, part, error) from error
    except av.FFmpegError as error:
        message = f"writing {path} failed: {error.strerror} ({_kept(part)})"
        raise VostoolError(message, code="output.encoder") from error


def is_disk_full(error: Exception) -> bool:
    """True if there is no room for more: on the disk, in the quota, in the largest file that is allowed."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _refused(path: Path, part: Path, error: OSError) -> OutputError:
    if is_disk_full(error):
        reason = (error.strerror or "no space left on device").lower()
        return OutputError(f"cannot write {path}: {reason} ({_kept(part)})", "free some space", code="output.disk_full")
    return OutputError(f"cannot write {path}: {error.strerror or error} ({_kept(part)})", code="output.refused")


def _kept(part: Path) -> str:
    """What is left on the disk."""
    return f"what was written is in {part}" if part.exists() else "nothing was written"
