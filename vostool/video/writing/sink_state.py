"""What a sink says of itself at a checkpoint, so that another process can go on from there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vostool.errors import OutputError

# Numbers, strings, lists and dicts only. Every sink's has "num_frames": the results that it holds for good.
SinkState = dict[str, Any]

CANNOT_RESUME = "output.resume"


def cannot_resume(path: Path, found: str) -> OutputError:
    """The error for files that are not as the checkpoint left them."""
    return OutputError(f"{path} cannot be continued: {found}", "run it anew from the start", code=CANNOT_RESUME)
