"""What ``vostool segment`` can be asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from vostool.memory.readers import Counting
from vostool.pipelines.directions import Direction
from vostool.pipelines.finesse import FinesseOptions
from vostool.pipelines.masks import MaskSource
from vostool.pipelines.shots import SceneCutPolicy
from vostool.propagation.propagator import DEFAULT_SHORT_SIDE

# Every so many frames the state of a job is saved, and its videos are made safe.
CHECKPOINT_EVERY = 100


@dataclass(frozen=True)
class SegmentOptions:
    """What to do.

    Moments are texts as ``parse_position`` takes them: a frame number, seconds (``4.5s``) or a timecode.

    Attributes:
        source: Video file, folder of images, or ``-`` for standard input.
        masks: The objects, of one frame or of several.
        outputs: Paths; ``-`` for standard output; empty for ``CLIP_masks/`` in the current folder.
        emits: Kinds of outputs; empty to go by the extensions.
        preset: Name of what the next tool wants, see ``vostool.video.writing.presets``; None for none.
        exports: Data sets, as ``coco=FILE.json`` or ``davis=FOLDER``; see ``vostool.datasets.exports``.
        records: File of one JSON line per frame; None for none.
        overwrite: Whether outputs that exist are replaced.
        copy_audio: Whether videos get the source's sound and subtitles.
        premultiplied: Whether colours of alpha outputs are multiplied with alpha.
        still_suffix: Of pictures in folders: ``.png`` or ``.exr``.
        stream_format: Of standard output: nut, mkv, y4m or rawvideo.
        frame_rate: Of a folder of images; None for 24.
        deinterlace: Whether interlaced video is deinterlaced.
        start, end: Moments: the first frame that is taken, and the first one that is not; None for the whole clip.
        direction: None for both ways if the first mask is not that of the first frame, else forward.
        drops: ``ID@MOMENT`` texts: objects that are followed no longer from that moment on.
        scene_cuts: What is done where a new shot begins.
        finesse: What is done to the alpha.
        checkpoint_every: Frames after which the state is saved; 0 for never.
        resume: Whether to go on with what an interrupted run left.
        resume_from: Moment from which on a finished run is done again with more masks; None for all of it.
        keep_states: Whether states are kept for ``resume_from``.
        size: Short side of the picture that the network sees; never scaled up.
        system, weights, device, precision, flip, scales, ensemble: See ``build_segmenter``.
        max_vram, max_ram: Bytes that the size and the memory are chosen to fit in; None for no bound.
        fallback: Whether running out of memory leads to a smaller picture or memory, instead of an error.
        finetune_first_frame: Whether copies of the networks are fine-tuned on the first annotated frame first.
        finetune_steps: For how many steps; None for the recipe's.
        memory, memory_frames, memory_every, top_k, counting, pin, floor, temporary_previous, restarts: See
            ``MemoryOptions``; None keeps the system's default.
    """

    source: Path
    masks: MaskSource
    outputs: tuple[str, ...] = ()
    emits: tuple[str, ...] = ()
    preset: str | None = None
    exports: tuple[str, ...] = ()
    records: Path | None = None
    overwrite: bool = False
    copy_audio: bool = True
    premultiplied: bool = False
    still_suffix: str = ".png"
    stream_format: str | None = None
    frame_rate: Fraction | None = None
    deinterlace: bool = True
    start: str | None = None
    end: str | None = None
    direction: Direction | None = None
    drops: tuple[str, ...] = ()
    scene_cuts: SceneCutPolicy = "warn"
    finesse: FinesseOptions = field(default_factory=FinesseOptions)
    checkpoint_every: int = CHECKPOINT_EVERY
    resume: bool = False
    resume_from: str | None = None
    keep_states: bool = True
    size: int = DEFAULT_SHORT_SIDE
    system: str = "lite"
    weights: Path | None = None
    device: str = "auto"
    precision: str = "auto"
    flip: bool = False
    scales: tuple[float, ...] = ()
    ensemble: tuple[Path, ...] = ()
    max_vram: int | None = None
    max_ram: int | None = None
    fallback: bool = True
    finetune_first_frame: bool = False
    finetune_steps: int | None = None
    memory: str | None = None
    memory_frames: float | None = None
    memory_every: int | None = None
    top_k: int | None = None
    counting: Counting | None = None
    pin: bool | None = None
    floor: float | None = None
    temporary_previous: bool | None = None
    restarts: bool | None = None
