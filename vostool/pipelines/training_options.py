"""What ``vostool train`` is asked to do, and what it says about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vostool.propagation.propagator import DEFAULT_SHORT_SIDE

SCHEMA_VERSION = 1
# In place of a file to start from.
RANDOM_START = "random"


@dataclass(frozen=True)
class TrainOptions:
    """What to train, on what, and for how long; None takes the recipe's number or what is said there.

    Attributes:
        data: Folder of clips with masks; may be None where ``stills`` or ``cutouts`` are there.
        out: Folder of the run; None for ``runs/DATA-RECIPE``.
        start: Weights to start from, or ``random``; None for the system's own.
        backbones: ImageNet weights for the encoders of a network that is random otherwise.
        system: Name; None for that of the recipe, of ``start``, or else ``lite``.
        recipe: Name; None for the system's main one.
        num_steps, batch_size, learning_rate, seed: In place of the recipe's.
        crop: (height, width) in place of the recipe's.
        attention_dropout, reallocation: In place of the recipe's regularisers of the memory.
        validation: Names of the clips that are not trained on but scored; None for one clip in ten.
        stills, cutouts, backgrounds: Folders of pictures to make clips of.
        year: What the masks mean, 2016 or 2017; None to recognise it.
        size: Short side at which clips are kept and validated, in pixels; never scaled up.
        device, precision: See ``build_segmenter``.
        is_resumed: Whether to go on with the run in the folder.
        overwrite: Whether a run that is there is replaced.
        save_every: Steps from one checkpoint to the next; None for a tenth of the run, at most 100.
        validate_every: Steps from one validation to the next; None for a fifth of the run.
    """

    data: Path | None
    out: Path | None = None
    start: Path | None = None
    backbones: tuple[Path, ...] = ()
    system: str | None = None
    recipe: str | None = None
    num_steps: int | None = None
    batch_size: int | None = None
    crop: tuple[int, int] | None = None
    learning_rate: float | None = None
    seed: int | None = None
    attention_dropout: float | None = None
    reallocation: float | None = None
    validation: tuple[str, ...] | None = None
    stills: Path | None = None
    cutouts: Path | None = None
    backgrounds: Path | None = None
    year: int | None = None
    size: int = DEFAULT_SHORT_SIDE
    device: str = "auto"
    precision: str = "auto"
    is_resumed: bool = False
    overwrite: bool = False
    save_every: int | None = None
    validate_every: int | None = None


@dataclass(frozen=True, slots=True)
class TrainProgress:
    """Sent after each step.

    Attributes:
        num_done, num_steps: Steps done, and to do in all.
        loss: Of this step.
        samples_per_second: Clips, over all processes.
        seconds_left: At the rate so far.
        score: Newest J&F on the validation clips; None before there is one.
    """

    num_done: int
    num_steps: int
    loss: float
    samples_per_second: float
    seconds_left: float
    score: float | None = None


@dataclass(frozen=True, slots=True)
class TrainListeners:
    """Who is told what while a run goes on."""

    on_step: Callable[[TrainProgress], None] = lambda progress: None
    on_note: Callable[[str], None] = lambda text: None
    on_warning: Callable[[str], None] = lambda text: None


@dataclass(slots=True)
class TrainReport:
    """The end of a run.

    Attributes:
        folder: Of the run.
        system, recipe, device, precision: What was trained, how and where.
        started_from: File of weights, ``random``, or the backbone.
        num_steps: Steps done in all.
        num_processes: That shared each batch.
        clips, validation_clips: Names.
        best, last: Files of weights: of the best score, and of the last step.
        first_score, best_score, last_score: J&F on the validation clips: before training, the highest, at the end.
        loss: Mean over the last twentieth of the steps.
        samples_per_second: Clips, over all processes; the median of the steps.
        waiting: Share of the time that was spent waiting for clips.
        seconds: For the whole run, validation included; of a resumed one since it went on.
        pictures: Files to look at.
        notes, warnings: As they were sent.
    """

    folder: str = ""
    system: str = ""
    recipe: str = ""
    device: str = ""
    precision: str = ""
    started_from: str = ""
    num_steps: int = 0
    num_processes: int = 1
    clips: list[str] = field(default_factory=list)
    validation_clips: list[str] = field(default_factory=list)
    best: str = ""
    last: str = ""
    first_score: float | None = None
    best_score: float | None = None
    last_score: float | None = None
    loss: float | None = None
    samples_per_second: float = 0.0
    waiting: float = 0.0
    seconds: float = 0.0
    pictures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, the version of their layout first."""
        return {"schema": SCHEMA_VERSION, **asdict(self)}
