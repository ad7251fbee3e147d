"""``vostool frame``: export the picture to paint on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vostool.cli import options as shared
from vostool.cli.console import Messages


def frame_command(
    clip: shared.Clip,
    at: Annotated[
        str, typer.Option("--at", metavar="WHEN", help="Frame number from 0, seconds as 4.5s, or 00:00:04.500.")
    ] = "0",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="PNG to write.", show_default="CLIP_frameN.png"),
    ] = None,
    overwrite: shared.Overwrite = False,
    quiet: shared.Quiet = False,
) -> None:
    """Write one frame as PNG, exactly as the network's frames are decoded, to paint a mask on.

    CLIP is a video file or a folder of images.
    """
    from vostool.pipelines.frame import export_frame

    path, frame = export_frame(clip, at, output, overwrite=overwrite)
    height, width = frame.image.shape[:2]
    Messages(quiet=quiet).note(f"wrote {path} (frame {frame.index} at {frame.time:.3f} s, {width}x{height})")
