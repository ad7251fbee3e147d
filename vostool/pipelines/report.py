"""What a segmentation job says about itself: while it runs and at its end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from vostool.pipelines.spans import Span
from vostool.pipelines.watch import FrameRecord
from vostool.types import FrameResult

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class FrameProgress:
    """Sent after each frame.

    Attributes:
        num_done: Frames written so far.
        num_frames: How many there should be; None if unknown.
        seconds: Since the first frame was asked for.
        result: Of this frame.
        record: What was measured of it; None where nothing is.
        num_resumed: How many of ``num_done`` an earlier run has written.
    """

    num_done: int
    num_frames: int | None
    seconds: float
    result: FrameResult
    record: FrameRecord | None = None
    num_resumed: int = 0

    @property
    def frames_per_second(self) -> float:
        """Mean rate so far, reading and writing included."""
        return (self.num_done - self.num_resumed) / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """At the rate so far; None if the number of frames is unknown."""
        if self.num_frames is None or not self.frames_per_second:
            return None
        return max(0, self.num_frames - self.num_done) / self.frames_per_second


@dataclass(frozen=True, slots=True)
class StepProgress:
    """Sent after each step of fine-tuning.

    Attributes:
        num_done, num_steps: Steps done, and to do in all.
        seconds: Since the first was begun.
        loss: Of this step.
    """

    num_done: int
    num_steps: int
    seconds: float
    loss: float


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is told what while a job runs; each may be left out.

    Attributes:
        on_frame: After each frame.
        on_note: One line on something that was detected or decided.
        on_warning: One line on something that may not be as wished.
        on_step: After each step of fine-tuning.
        on_backward: After each frame of a backward pass: how many are done, and of how many.
    """

    on_frame: Callable[[FrameProgress], None] = lambda progress: None
    on_note: Callable[[str], None] = lambda text: None
    on_warning: Callable[[str], None] = lambda text: None
    on_step: Callable[[StepProgress], None] = lambda progress: None
    on_backward: Callable[[int, int], None] = lambda num_done, num_frames: None


@dataclass(slots=True)
class ObjectSummary:
    """One object over the whole clip, summed up frame by frame so that nothing grows.

    Attributes:
        object_id: The user's id.
        num_frames: Frames in which it was seen.
        first_frame, last_frame: Where it was first and last seen; None if never.
        mean_area: Mean share of the picture over the frames in which it was seen, 0..1.
    """

    object_id: int
    num_frames: int = 0
    first_frame: int | None = None
    last_frame: int | None = None
    mean_area: float = 0.0

    def add(self, frame_index: int, area: float) -> None:
        """Counts one frame; ``area`` is a share of the picture."""
        if area == 0:
            return
        self.num_frames += 1
        self.mean_area += (area - self.mean_area) / self.num_frames
        self.first_frame = frame_index if self.first_frame is None else self.first_frame
        self.last_frame = frame_index


@dataclass(slots=True)
class SegmentReport:
    """The end of a job.

    Attributes:
        source: The clip.
        outputs: Path and kind of each output.
        system, device, precision: What computed.
        weights, weights_sha256: What it computed with.
        ensemble: The same of the other networks, where several are averaged.
        finetune_steps, finetune_seconds: Steps on the first frame for each network, and seconds in all; 0 without.
        source_size, network_size: (height, width), of the clip and as the network saw it.
        frames_in, frames_out: Read and written; equal, or the job failed.
        corrupt_frames: Damaged frames, for which the mask before was repeated.
        is_short: True if the file held fewer frames than it promised.
        first_frame, direction: Of what was followed.
        resumed_frames: Frames of ``frames_out`` that an earlier run has written.
        objects: One summary each.
        spans: Where something may be wrong, see ``vostool.pipelines.spans``.
        frames_to_annotate: Frames on which another mask would help most.
        seconds, frames_per_second: For the whole clip, reading and writing included.
        memory_bank_bytes: Size of the store of keys and values at the end.
        peak_rss_bytes: Largest memory of the process.
        notes, warnings: As they were sent.
    """

    source: str
    outputs: list[dict[str, str]] = field(default_factory=list)
    system: str = ""
    device: str = ""
    precision: str = ""
    weights: str = ""
    weights_sha256: str = ""
    ensemble: list[dict[str, str]] = field(default_factory=list)
    finetune_steps: int = 0
    finetune_seconds: float = 0.0
    source_size: tuple[int, int] = (0, 0)
    network_size: tuple[int, int] = (0, 0)
    frames_in: int = 0
    frames_out: int = 0
    corrupt_frames: int = 0
    is_short: bool = False
    first_frame: int = 0
    direction: str = "forward"
    resumed_frames: int = 0
    objects: list[ObjectSummary] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    frames_to_annotate: list[int] = field(default_factory=list)
    seconds: float = 0.0
    frames_per_second: float = 0.0
    memory_bank_bytes: int = 0
    peak_rss_bytes: int = 0
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add_note(self, text: str, listeners: Listeners) -> None:
        """Keeps it, and tells it."""
        self.notes.append(text)
        listeners.on_note(text)

    def add_warning(self, text: str, listeners: Listeners) -> None:
        """Keeps it, and tells it."""
        self.warnings.append(text)
        listeners.on_warning(text)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, the version of their layout first."""
        return {"schema": SCHEMA_VERSION, **asdict(self)}


def peak_rss_bytes() -> int:
    """Largest resident memory of this process so far; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return _inherited_peak_bytes()
    kilobytes = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(next(kilobytes, 0)) * 1024 or _inherited_peak_bytes()


def rss_bytes() -> int:
    """Resident memory of this process now; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def gpu_bytes() -> int | None:
    """What tensors take on the current GPU; None where none is in use."""
    return torch.cuda.memory_allocated() if torch.cuda.is_available() and torch.cuda.is_initialized() else None


def _inherited_peak_bytes() -> int:
    """Where there is no /proc; on Linux this figure would be that of the process that started this one, if larger."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
