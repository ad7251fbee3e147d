"""The options of ``vostool segment`` that no other command has, as annotated types."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vostool.cli.options import PANEL_MASKS, PANEL_NETWORK

PANEL_FRAMES, PANEL_OUTPUTS, PANEL_MATTE = "Which frames", "Outputs", "Matte finesse"
PANEL_RUN, PANEL_BATCH = "Interruptions and corrections", "Several clips"

Clips = Annotated[
    list[Path],
    typer.Argument(metavar="CLIP...", help="Video file or folder of images; - for standard input.", show_default=False),
]
Masks = Annotated[
    list[str] | None,
    typer.Option(
        "--mask", "-m", metavar="[MOMENT=]FILE", rich_help_panel=PANEL_MASKS,
        help="Picture of the first frame with all objects, or of a moment: 120=fix.png, 00:00:07.5=new.png; may be "
        "repeated.",
    ),
]  # fmt: skip
MaskFolder = Annotated[
    Path | None,
    typer.Option(
        "--masks", metavar="FOLDER", rich_help_panel=PANEL_MASKS,
        help="Masks of several frames; the last number in a name is that of the frame.",
    ),
]  # fmt: skip
MaskBase = Annotated[
    int | None,
    typer.Option(
        "--mask-base", metavar="NUMBER", rich_help_panel=PANEL_MASKS, min=0, show_default="0",
        help="Number that the names in --masks give to the first frame.",
    ),
]  # fmt: skip
MaskExact = Annotated[
    bool,
    typer.Option(
        "--mask-exact", rich_help_panel=PANEL_MASKS,
        help="Objects that a mask does not show are absent there; else they go on being followed.",
    ),
]  # fmt: skip
Drops = Annotated[
    list[str] | None,
    typer.Option(
        "--drop", metavar="ID@MOMENT", rich_help_panel=PANEL_MASKS,
        help="Follow an object no longer: 2@300 or 1,2@00:00:12.5; may be repeated.",
    ),
]  # fmt: skip
Start = Annotated[
    str | None,
    typer.Option(
        "--start", metavar="MOMENT", rich_help_panel=PANEL_FRAMES, show_default="the clip's first frame",
        help="First frame: a number (120), seconds (4.5s) or a timecode (00:00:04.5, 00:00:04:12).",
    ),
]  # fmt: skip
End = Annotated[
    str | None,
    typer.Option(
        "--end", metavar="MOMENT", rich_help_panel=PANEL_FRAMES, show_default="the clip's end",
        help="First frame that is not taken.",
    ),
]  # fmt: skip
DirectionOption = Annotated[
    str | None,
    typer.Option(
        "--direction", metavar="NAME", rich_help_panel=PANEL_FRAMES,
        help="forward, backward or both.", show_default="forward; both if the first mask comes later",
    ),
]  # fmt: skip
SceneCutsOption = Annotated[
    str,
    typer.Option(
        "--scene-cuts", metavar="NAME", rich_help_panel=PANEL_FRAMES,
        help="At a new shot: warn, stop (follow nothing until the next mask), reset (forget all but masks) or off.",
    ),
]  # fmt: skip
Deinterlace = Annotated[
    bool,
    typer.Option(
        "--deinterlace/--no-deinterlace", rich_help_panel=PANEL_FRAMES, help="Make interlaced video progressive."
    ),
]
FrameRate = Annotated[
    str | None,
    typer.Option(
        "--fps", help="Frame rate of a folder of images, as 25 or 30000/1001.", metavar="RATE", show_default="24",
        rich_help_panel=PANEL_FRAMES,
    ),
]  # fmt: skip
Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "-o", "--output", metavar="PATH", rich_help_panel=PANEL_OUTPUTS,
        help="Where to write; may be repeated. No extension: folder of masks; .mp4: overlay; .mov (ProRes 4444), "
        ".webm (VP9), .mkv (FFV1): alpha; - standard output. {object} in it makes one output for each object.",
    ),
]  # fmt: skip
Emits = Annotated[
    list[str] | None,
    typer.Option(
        "--emit", metavar="KIND", rich_help_panel=PANEL_OUTPUTS,
        help="masks, alpha, overlay, matte or cutout: for all outputs, or one for each in order.",
    ),
]  # fmt: skip
PresetName = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        rich_help_panel=PANEL_OUTPUTS,
        help="What the next tool takes: corridorkey, propainter.",
    ),
]
Premultiply = Annotated[
    bool,
    typer.Option(
        "--premultiply", rich_help_panel=PANEL_OUTPUTS, help="Multiply colours with alpha; straight otherwise."
    ),
]
Stills = Annotated[
    str,
    typer.Option(
        "--stills",
        metavar="NAME",
        rich_help_panel=PANEL_OUTPUTS,
        help="Pictures in folders, other than masks: png or exr.",
    ),
]
Audio = Annotated[
    bool,
    typer.Option("--audio/--no-audio", rich_help_panel=PANEL_OUTPUTS, help="Copy the sound and subtitles into videos."),
]
Exports = Annotated[
    list[str] | None,
    typer.Option(
        "--export", metavar="FORMAT=PATH", rich_help_panel=PANEL_OUTPUTS,
        help="Data set as well: coco=FILE.json, yolo=FOLDER, davis=FOLDER or labelme=FOLDER; may be repeated.",
    ),
]  # fmt: skip
Records = Annotated[
    Path | None,
    typer.Option(
        "--records", metavar="FILE", rich_help_panel=PANEL_OUTPUTS,
        help="One line of JSON for each frame: area, confidence and state of every object.",
    ),
]  # fmt: skip
StreamFormat = Annotated[
    str | None,
    typer.Option(
        "--stdout-format", metavar="NAME", rich_help_panel=PANEL_OUTPUTS, show_default="nut",
        help="Of standard output: nut, mkv, y4m or rawvideo.",
    ),
]  # fmt: skip
Grow = Annotated[
    float, typer.Option("--grow", metavar="PIXELS", rich_help_panel=PANEL_MATTE, min=0, help="Grow the objects.")
]
Shrink = Annotated[
    float, typer.Option("--shrink", metavar="PIXELS", rich_help_panel=PANEL_MATTE, min=0, help="Shrink the objects.")
]
Feather = Annotated[
    float, typer.Option("--feather", metavar="PIXELS", rich_help_panel=PANEL_MATTE, min=0, help="Soften the edges.")
]
FillHoles = Annotated[
    int,
    typer.Option(
        "--fill-holes", metavar="AREA", rich_help_panel=PANEL_MATTE, min=0, help="Fill holes of up to so many pixels."
    ),
]
DropIslands = Annotated[
    int,
    typer.Option(
        "--drop-islands", metavar="AREA", rich_help_panel=PANEL_MATTE, min=0,
        help="Drop pieces of up to so many pixels beside an object's largest.",
    ),
]  # fmt: skip
CleanBlack = Annotated[
    float,
    typer.Option(
        "--clean-black", metavar="SHARE", rich_help_panel=PANEL_MATTE, min=0, max=1, help="Alpha up to this becomes 0."
    ),
]
CleanWhite = Annotated[
    float,
    typer.Option(
        "--clean-white", metavar="SHARE", rich_help_panel=PANEL_MATTE, min=0, max=1,
        help="Alpha from 1 less this on becomes 1.",
    ),
]  # fmt: skip
Refine = Annotated[
    str,
    typer.Option(
        "--refine",
        metavar="NAME",
        rich_help_panel=PANEL_MATTE,
        help="none, or guided: edges follow those of the picture.",
    ),
]
Temporal = Annotated[
    int,
    typer.Option(
        "--temporal", metavar="FRAMES", rich_help_panel=PANEL_MATTE, help="Median over 3 or 5 frames; 0 for none."
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume", rich_help_panel=PANEL_RUN, help="Go on with what an interrupted run left.")
]
ResumeFrom = Annotated[
    str | None,
    typer.Option(
        "--resume-from", metavar="MOMENT", rich_help_panel=PANEL_RUN,
        help="Do a finished run again from there on, with more masks.",
    ),
]  # fmt: skip
CheckpointEvery = Annotated[
    int,
    typer.Option(
        "--checkpoint-every", metavar="FRAMES", rich_help_panel=PANEL_RUN, min=0,
        help="How often the state is saved; 0 never.",
    ),
]  # fmt: skip
KeepStates = Annotated[
    bool,
    typer.Option(
        "--keep-states/--no-keep-states", rich_help_panel=PANEL_RUN,
        help="Keep a few states in the cache for --resume-from.",
    ),
]  # fmt: skip
MaxVram = Annotated[
    str | None,
    typer.Option(
        "--max-vram", metavar="SIZE", rich_help_panel=PANEL_NETWORK, help="Choose size and memory to fit: 8G, 500M.",
        show_default="no bound",
    ),
]  # fmt: skip
MaxRam = Annotated[
    str | None,
    typer.Option(
        "--max-ram", metavar="SIZE", rich_help_panel=PANEL_NETWORK, help="The same for the main memory, on a CPU.",
        show_default="no bound",
    ),
]  # fmt: skip
Fallback = Annotated[
    bool,
    typer.Option(
        "--fallback/--no-fallback", rich_help_panel=PANEL_NETWORK,
        help="Out of memory: go on with a smaller memory or picture, or stop with exit code 5.",
    ),
]  # fmt: skip
ProgressStyle = Annotated[
    str, typer.Option("--progress", metavar="NAME", help="auto, none, or json: one object a line on stderr.")
]
ProgressDescriptor = Annotated[
    int | None,
    typer.Option(
        "--progress-fd", metavar="NUMBER", min=0, help="File descriptor for --progress json.", show_default="2"
    ),
]
ProgressInterval = Annotated[
    float, typer.Option("--progress-interval", metavar="SECONDS", min=0, help="Shortest time between two such lines.")
]
MaskDirectory = Annotated[
    Path | None,
    typer.Option(
        "--mask-dir", metavar="FOLDER", rich_help_panel=PANEL_BATCH,
        help="Masks of several clips: STEM.png, or STEM/ with masks of several frames. Outputs then need {stem}.",
    ),
]  # fmt: skip
SkipExisting = Annotated[
    bool, typer.Option("--skip-existing", rich_help_panel=PANEL_BATCH, help="Leave out clips whose outputs are there.")
]
FailFast = Annotated[
    bool, typer.Option("--fail-fast", rich_help_panel=PANEL_BATCH, help="Stop at the first clip that fails.")
]
