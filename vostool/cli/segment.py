"""``vostool segment``: the main job."""

from __future__ import annotations

import typer

from vostool.cli import options as shared
from vostool.cli import segment_options as own
from vostool.cli.segment_run import run_segment


def segment_command(
    clips: own.Clips,
    masks: own.Masks = None,
    mask_folder: own.MaskFolder = None,
    mask_base: own.MaskBase = None,
    objects: shared.Objects = None,
    object_folder: shared.ObjectFolder = None,
    mask_mode: shared.MaskMode = "auto",
    mask_exact: own.MaskExact = False,
    drops: own.Drops = None,
    start: own.Start = None,
    end: own.End = None,
    direction: own.DirectionOption = None,
    scene_cuts: own.SceneCutsOption = "warn",
    deinterlace: own.Deinterlace = True,
    fps: own.FrameRate = None,
    outputs: own.Outputs = None,
    emits: own.Emits = None,
    preset: own.PresetName = None,
    premultiply: own.Premultiply = False,
    stills: own.Stills = "png",
    audio: own.Audio = True,
    exports: own.Exports = None,
    records: own.Records = None,
    stdout_format: own.StreamFormat = None,
    overwrite: shared.Overwrite = False,
    grow: own.Grow = 0,
    shrink: own.Shrink = 0,
    feather: own.Feather = 0,
    fill_holes: own.FillHoles = 0,
    drop_islands: own.DropIslands = 0,
    clean_black: own.CleanBlack = 0,
    clean_white: own.CleanWhite = 0,
    refine: own.Refine = "none",
    temporal: own.Temporal = 0,
    resume: own.Resume = False,
    resume_from: own.ResumeFrom = None,
    checkpoint_every: own.CheckpointEvery = 100,
    keep_states: own.KeepStates = True,
    size: shared.Size = 480,
    system: shared.SystemName = "lite",
    weights: shared.WeightsFile = None,
    device: shared.Device = "auto",
    precision: shared.Precision = "auto",
    max_vram: own.MaxVram = None,
    max_ram: own.MaxRam = None,
    fallback: own.Fallback = True,
    memory: shared.Memory = None,
    memory_frames: shared.MemoryFrames = None,
    memory_every: shared.MemoryEvery = None,
    top_k: shared.TopK = None,
    counting: shared.MemoryCount = None,
    pin: shared.Pin = None,
    floor: shared.MemoryFloor = None,
    temporary_previous: shared.MemoryPrevious = None,
    restarts: shared.MemoryRestart = None,
    flip: shared.Flip = False,
    scales: shared.Scales = None,
    ensemble: shared.Ensemble = None,
    finetune_first_frame: shared.FinetuneFirstFrame = False,
    finetune_steps: shared.FinetuneSteps = None,
    mask_directory: own.MaskDirectory = None,
    skip_existing: own.SkipExisting = False,
    fail_fast: own.FailFast = False,
    progress: own.ProgressStyle = "auto",
    progress_fd: own.ProgressDescriptor = None,
    progress_interval: own.ProgressInterval = 0.5,
    quiet: shared.Quiet = False,
    as_json: shared.Json = False,
) -> None:
    """Follow the objects of masks through a clip and write masks, alpha video or overlays.

    vostool segment clip.mp4 --mask first.png

    vostool segment clip.mp4 --mask first.png -o alpha.mov -o overlay.mp4

    vostool segment clip.mp4 --mask first.png --mask 120=fix.png --resume-from 120

    vostool segment *.mp4 --mask-dir masks -o 'out/{stem}.mov'
    """
    # Every option by its name: they are too many to be listed twice.
    if run_segment(locals()):
        raise typer.Exit(1)
