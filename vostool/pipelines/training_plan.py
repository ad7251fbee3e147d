"""What a training run would do and cost: its clips, and two of its steps, measured; nothing is written."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch

from vostool.datasets.footage import ClipFiles
from vostool.pipelines.exhaustion import memory_errors
from vostool.pipelines.report import peak_rss_bytes
from vostool.pipelines.train import MEMORY_HINT
from vostool.pipelines.training_options import SCHEMA_VERSION, TrainOptions
from vostool.pipelines.training_setup import TrainingSetup, set_up
from vostool.propagation.device import computing
from vostool.training.optimiser import build_optimiser

# The first one warms up, and makes what the optimiser keeps; the last one is timed.
NUM_MEASURED = 2
MEGABYTE = 1e6


@dataclass(frozen=True)
class PlannedClip:
    """One clip.

    Attributes:
        name, width, height: Of the clip; the size in pixels.
        frames: From the first to the last mask.
        masks, objects: How many.
        use: ``training`` or ``validation``.
    """

    name: str
    width: int
    height: int
    frames: int
    masks: int
    objects: int
    use: str


@dataclass(frozen=True)
class TrainPlan:
    """What a run would do and cost.

    Attributes:
        system, recipe, device, precision, started_from, folder: Of the run.
        clips: All that can be used.
        problems: What cannot, one line each.
        data_bytes: Of the training data in memory.
        is_resident: Whether they lie on the device.
        peak_memory_bytes: Of the device over the steps; on a CPU, of the process.
        seconds_per_step, drawing_seconds: Of one step, and of drawing its clips within it.
        num_steps, batch_size: Of the run.
    """

    system: str
    recipe: str
    device: str
    precision: str
    started_from: str
    folder: str
    clips: tuple[PlannedClip, ...]
    problems: tuple[str, ...]
    data_bytes: int
    is_resident: bool
    peak_memory_bytes: int
    seconds_per_step: float
    drawing_seconds: float
    num_steps: int
    batch_size: int

    @property
    def total_seconds(self) -> float:
        """All steps at that rate, without validation."""
        return self.seconds_per_step * self.num_steps

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, the version of their layout first."""
        return {"schema": SCHEMA_VERSION, **asdict(self), "total_seconds": self.total_seconds}

    def table_rows(self) -> list[dict[str, Any]]:
        """One row a clip."""
        return [
            {"clip": clip.name, "size": f"{clip.width}x{clip.height}", "frames": clip.frames, "masks": clip.masks,
             "objects": clip.objects, "for": clip.use}
            for clip in self.clips
        ]  # fmt: skip

    def summary_lines(self) -> list[str]:
        """The rest, for people."""
        where = "on the device" if self.is_resident else "in the machine's memory, since the device has too little"
        return [
            self._count("training"),
            self._count("validation"),
            f"{self.system} by recipe {self.recipe} from {self.started_from}, into {self.folder}",
            f"data: {self.data_bytes / MEGABYTE:.1f} MB as uint8, {where}",
            f"memory: {self.peak_memory_bytes / MEGABYTE:.0f} MB at most, on {self.device} in {self.precision}",
            f"a step of {self.batch_size} clips: {self.seconds_per_step:.2f} s, "
            f"{self.drawing_seconds:.2f} s of it for drawing them; "
            f"{self.batch_size / self.seconds_per_step:.1f} clips a second",
            f"{self.num_steps} steps: {_duration(self.total_seconds)}, and validation",
        ]

    def _count(self, use: str) -> str:
        clips = [clip for clip in self.clips if clip.use == use]
        frames, masks, objects = (sum(getattr(clip, name) for clip in clips) for name in ("frames", "masks", "objects"))
        return f"{use}: clips {len(clips)}, frames {frames}, masks {masks}, objects {objects}"


def plan(
    options: TrainOptions,
    on_note: Callable[[str], None] = lambda text: None,
    on_warning: Callable[[str], None] = lambda text: None,
) -> TrainPlan:
    """Looks at the data and takes two steps with a network that is then forgotten.

    Raises:
        VostoolError: What the run itself would raise before its first step.
    """
    with memory_errors(MEMORY_HINT):
        setup = set_up(options, on_note, on_warning)
        drawing, total = _measure(setup)
    clips = [_planned(clip, "training") for clip in setup.files.training.clips]
    clips += [_planned(clip, "validation") for clip in setup.files.validation.clips]
    return TrainPlan(
        setup.system.name, setup.recipe.name, str(setup.device), str(setup.precision).removeprefix("torch."),
        setup.started_from, str(setup.folder.path), tuple(clips), setup.files.problems, setup.num_bytes,
        setup.is_resident, _peak_bytes(setup.device), total, drawing, setup.recipe.num_steps, setup.recipe.batch_size,
    )  # fmt: skip


def _measure(setup: TrainingSetup) -> tuple[float, float]:
    """Seconds of drawing the clips of a step, and of the whole step."""
    optimiser = build_optimiser(setup.network, setup.recipe.optimiser, setup.device)
    drawing = total = 0.0
    for step in range(NUM_MEASURED):
        started = time.perf_counter()
        batch = setup.draw(step, slice(0, setup.recipe.batch_size))
        _synchronise(setup.device)
        drawing = time.perf_counter() - started
        optimiser.zero_grad(set_to_none=True)
        with computing(setup.device, setup.precision):
            losses = setup.trainee(batch, 0.0, step)
        losses["loss"].backward()
        optimiser.step()
        _synchronise(setup.device)
        total = time.perf_counter() - started
    return drawing, total


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak_bytes(device: torch.device) -> int:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_rss_bytes()


def _planned(clip: ClipFiles, use: str) -> PlannedClip:
    height, width = clip.size
    return PlannedClip(clip.name, width, height, len(clip.span), len(clip.masks), clip.num_objects, use)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
