"""``vostool segment``: the main job."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from vostool.cli import options as shared
from vostool.cli.console import Messages, frame_progress, print_json

PANEL_OUTPUTS = "Outputs"

MaskOption = Annotated[
    Path | None,
    typer.Option(
        "--mask", "-m", metavar="FILE", help="Picture of frame 0 with all objects.", rich_help_panel=shared.PANEL_MASKS
    ),
]
OutputOption = Annotated[
    list[str] | None,
    typer.Option(
        "-o", "--output", metavar="PATH", rich_help_panel=PANEL_OUTPUTS,
        help="Where to write; may be repeated. No extension: folder of masks; .mp4: overlay; .mov (ProRes 4444), "
        ".webm (VP9), .mkv (FFV1): alpha.",
    ),
]  # fmt: skip
EmitOption = Annotated[
    list[str] | None,
    typer.Option(
        "--emit", metavar="KIND", rich_help_panel=PANEL_OUTPUTS,
        help="masks, alpha, overlay, matte or cutout: for all outputs, or one for each in order.",
    ),
]  # fmt: skip
FpsOption = Annotated[
    str | None,
    typer.Option("--fps", help="Frame rate of a folder of images, as 25 or 30000/1001.", metavar="RATE"),
]


def segment_command(
    clip: shared.Clip,
    mask: MaskOption = None,
    objects: shared.Objects = None,
    object_folder: shared.ObjectFolder = None,
    mask_mode: shared.MaskMode = "auto",
    output: OutputOption = None,
    emit: EmitOption = None,
    overwrite: shared.Overwrite = False,
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="Copy the sound into videos.")] = True,
    fps: FpsOption = None,
    size: shared.Size = 480,
    system: shared.SystemName = "lite",
    weights: shared.WeightsFile = None,
    device: shared.Device = "auto",
    precision: shared.Precision = "auto",
    memory: shared.Memory = None,
    memory_frames: shared.MemoryFrames = None,
    memory_every: shared.MemoryEvery = None,
    top_k: shared.TopK = None,
    memory_count: shared.MemoryCount = None,
    pin: shared.Pin = None,
    memory_floor: shared.MemoryFloor = None,
    memory_previous: shared.MemoryPrevious = None,
    memory_restart: shared.MemoryRestart = None,
    flip: shared.Flip = False,
    scales: shared.Scales = None,
    ensemble: shared.Ensemble = None,
    finetune_first_frame: shared.FinetuneFirstFrame = False,
    finetune_steps: shared.FinetuneSteps = None,
    quiet: shared.Quiet = False,
    as_json: shared.Json = False,
) -> None:
    """Follow the objects of a mask through a clip and write masks, alpha video or overlays.

    CLIP is a video file or a folder of images.

    vostool segment clip.mp4 --mask first.png

    vostool segment clip.mp4 --mask first.png -o alpha.mov -o overlay.mp4
    """
    from vostool.pipelines.masks import MaskSource
    from vostool.pipelines.report import Listeners
    from vostool.pipelines.segment import segment_video
    from vostool.pipelines.segment_options import SegmentOptions

    options = SegmentOptions(
        clip, MaskSource(mask, tuple(objects or ()), object_folder, mask_mode), tuple(output or ()), tuple(emit or ()),
        overwrite=overwrite, copy_audio=audio, frame_rate=parse_rate(fps), size=size, system=system, weights=weights,
        device=device, precision=precision, memory=memory, memory_frames=memory_frames, memory_every=memory_every,
        top_k=top_k, counting=memory_count, pin=pin, floor=memory_floor,  # type: ignore[arg-type]
        temporary_previous=memory_previous, restarts=memory_restart, flip=flip, scales=parse_scales(scales),
        ensemble=parse_files(ensemble), finetune_first_frame=finetune_first_frame, finetune_steps=finetune_steps,
    )  # fmt: skip
    messages = Messages(quiet=quiet)
    with frame_progress(quiet=quiet) as display:
        listeners = Listeners(display.update, messages.note, messages.warn, display.update_step)
        report = segment_video(options, listeners=listeners)
    if as_json:
        print_json(report.to_dict())
    for written in report.outputs:
        messages.note(f"wrote {written['path']} ({written['kind']}, {report.frames_out} frames)")
    if report.is_short:
        raise typer.Exit(1)


def parse_scales(text: str | None) -> tuple[float, ...]:
    """``0.75,1.0`` as factors.

    Raises:
        typer.BadParameter: One is not a number.
    """
    try:
        return tuple(float(each) for each in text.split(",")) if text else ()
    except ValueError:
        raise typer.BadParameter(f"--scales is '{text}'; give factors such as 0.75,1.0") from None


def parse_files(text: str | None) -> tuple[Path, ...]:
    """``a.safetensors,b.safetensors`` as paths.

    Raises:
        typer.BadParameter: A name between the commas is missing.
    """
    if text is None:
        return ()
    names = [each.strip() for each in text.split(",")]
    if not all(names):
        raise typer.BadParameter(f"--ensemble is '{text}'; give files such as a.safetensors,b.safetensors")
    return tuple(map(Path, names))


def parse_rate(text: str | None) -> Fraction | None:
    """``25``, ``23.976`` or ``30000/1001`` as a fraction.

    Raises:
        typer.BadParameter: It is not a positive number.
    """
    if text is None:
        return None
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if rate <= 0:
        raise typer.BadParameter(f"--fps is '{text}'; give a rate such as 25 or 30000/1001")
    return rate
