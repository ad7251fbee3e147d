"""``vostool mask``: what is seen in a mask."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vostool.cli import options as shared
from vostool.cli.console import print_json, print_line, print_table, show_help_if_bare

mask_app = typer.Typer(help="Look at masks before they are used.", invoke_without_command=True)


@mask_app.callback()
def _mask(context: typer.Context) -> None:
    show_help_if_bare(context)


@mask_app.command("check")
def check_command(
    mask: Annotated[Path | None, typer.Argument(metavar="[MASK]", help="Picture with all objects.")] = None,
    objects: shared.Objects = None,
    object_folder: shared.ObjectFolder = None,
    video: Annotated[
        Path | None, typer.Option("--video", metavar="CLIP", help="The clip that it is for, whose size it must fit.")
    ] = None,
    mask_mode: shared.MaskMode = "auto",
    as_json: shared.Json = False,
) -> None:
    """Print what vostool sees in a mask: its objects, their pixels and boxes, and what had to be repaired.

    vostool mask check first.png --video clip.mp4
    """
    from vostool.pipelines.masks import MaskSource, check_mask

    report, summary = check_mask(MaskSource(mask, tuple(objects or ()), object_folder, mask_mode), video)
    if as_json:
        print_json(report.to_dict())
        return
    print_line(summary)
    rows = [
        {"object": seen.object_id, "pixels": seen.num_pixels, "share": seen.share, "box": str(seen.box)}
        for seen in report.objects
    ]
    print_table("box: left, top, right, bottom", rows)
