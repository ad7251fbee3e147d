"""Options that commands share, as annotated types."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

# Known without loading torch; vostool.systems has them as data.
SYSTEM_NAMES = ("lite", "stcn", "stm", "scm", "stm-refine50", "rgmp")
PANEL_MASKS, PANEL_NETWORK = "The objects", "Network and memory"

Clip = Annotated[Path, typer.Argument(metavar="CLIP", help="Video file, or folder of images.", show_default=False)]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No notes and no progress; warnings and errors stay.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON report on stdout.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        rich_help_panel=PANEL_NETWORK,
        envvar="VOSTOOL_DEVICE",
        help="auto, cpu, cuda, cuda:N or mps.",
        metavar="NAME",
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        "--precision", rich_help_panel=PANEL_NETWORK, help="auto, float32, float16 or bfloat16.", metavar="NAME"
    ),
]
SystemName = Annotated[
    str,
    typer.Option(
        "--system",
        metavar="NAME",
        rich_help_panel=PANEL_NETWORK,
        help=f"One of {', '.join(SYSTEM_NAMES)}.",
    ),
]
WeightsFile = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        metavar="FILE",
        rich_help_panel=PANEL_NETWORK,
        help="Weights file; default: $VOSTOOL_WEIGHTS, then those shipped.",
        show_default=False,
    ),
]
Size = Annotated[
    int,
    typer.Option(
        "--size",
        metavar="PIXELS",
        rich_help_panel=PANEL_NETWORK,
        min=32,
        help="Short side of the picture that the network sees, in pixels.",
    ),
]
Memory = Annotated[
    str | None,
    typer.Option(
        "--memory",
        rich_help_panel=PANEL_NETWORK,
        help="lfu, every-k or first-latest.",
        metavar="NAME",
        show_default="the system's; lite: lfu",
    ),
]
MemoryFrames = Annotated[
    float | None,
    typer.Option(
        "--memory-frames",
        metavar="NUMBER",
        rich_help_panel=PANEL_NETWORK,
        help="Capacity of the LFU memory in frames.",
        show_default="4",
    ),
]
MemoryEvery = Annotated[
    int | None,
    typer.Option(
        "--memory-every",
        metavar="NUMBER",
        rich_help_panel=PANEL_NETWORK,
        min=1,
        help="Remember every so many frames one.",
        show_default="5; first-latest 1",
    ),
]
TopK = Annotated[
    int | None,
    typer.Option(
        "--top-k",
        metavar="NUMBER",
        rich_help_panel=PANEL_NETWORK,
        min=0,
        help="Memory slots that each position reads; 0 all.",
        show_default="the system's; lite, stcn: 20",
    ),
]
Pin = Annotated[
    bool | None,
    typer.Option(
        "--pin/--no-pin",
        rich_help_panel=PANEL_NETWORK,
        help="Keep annotated frames in memory, whatever is used least.",
        show_default="pin",
    ),
]
MemoryCount = Annotated[
    str | None,
    typer.Option(
        "--memory-count", metavar="NAME", rich_help_panel=PANEL_NETWORK, show_default="top-k",
        help="What a read adds to the use of a slot: top-k, softmax or log-top-k.",
    ),
]  # fmt: skip
MemoryFloor = Annotated[
    float | None,
    typer.Option(
        "--memory-floor", metavar="SHARE", rich_help_panel=PANEL_NETWORK, min=0.0, max=1.0, show_default="0.25",
        help="Share of the LFU memory that the objects are sure to keep.",
    ),
]  # fmt: skip
MemoryPrevious = Annotated[
    bool | None,
    typer.Option(
        "--memory-previous/--no-memory-previous", rich_help_panel=PANEL_NETWORK, show_default="the system's",
        help="Always read the frame before, remembered or not.",
    ),
]  # fmt: skip
MemoryRestart = Annotated[
    bool | None,
    typer.Option(
        "--memory-restart/--no-memory-restart", rich_help_panel=PANEL_NETWORK, show_default="the system's",
        help="Count --memory-every from the newest annotated frame.",
    ),
]  # fmt: skip
PANEL_AVERAGES = "Averages: slower, steadier"
Flip = Annotated[
    bool, typer.Option("--flip", rich_help_panel=PANEL_AVERAGES, help="Average with the mirrored picture.")
]
Scales = Annotated[
    str | None,
    typer.Option(
        "--scales", metavar="A,B", rich_help_panel=PANEL_AVERAGES, show_default="1.0; rgmp 0.5,0.75,1.0",
        help="Average over these sizes of the picture, as factors: 0.75,1.0.",
    ),
]  # fmt: skip
Ensemble = Annotated[
    str | None,
    typer.Option(
        "--ensemble", metavar="FILE,FILE", rich_help_panel=PANEL_AVERAGES,
        help="Average over the networks of these weights files, of any systems.", show_default=False,
    ),
]  # fmt: skip
FinetuneFirstFrame = Annotated[
    bool,
    typer.Option(
        "--finetune-first-frame", rich_help_panel=PANEL_NETWORK,
        help="Fine-tune a copy of the network on frame 0 first; the weights file stays as it is.",
    ),
]  # fmt: skip
FinetuneSteps = Annotated[
    int | None,
    typer.Option(
        "--finetune-steps", metavar="NUMBER", rich_help_panel=PANEL_NETWORK, show_default="30",
        help="Steps of --finetune-first-frame.",
    ),
]  # fmt: skip
MaskMode = Annotated[
    str,
    typer.Option(
        "--mask-mode", metavar="NAME", rich_help_panel=PANEL_MASKS,
        help="How to read a mask: auto, binary, color or index.",
    ),
]  # fmt: skip
Objects = Annotated[
    list[str] | None,
    typer.Option(
        "--object", metavar="ID=FILE", rich_help_panel=PANEL_MASKS, help="One picture per object; may be repeated."
    ),
]
ObjectFolder = Annotated[
    Path | None,
    typer.Option(
        "--objects", metavar="FOLDER", help="Folder with one picture per object.", rich_help_panel=PANEL_MASKS
    ),
]
