"""What a run tells of itself, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from vostool.errors import VostoolError
from vostool.metrics.report import Scores

DEFAULT_SAVE_EVERY = 100
DEFAULT_VALIDATE_EVERY = 500


class TrainingError(VostoolError):
    """The run has come to numbers that nothing can be learned from."""

    code = "training"


@dataclass(frozen=True)
class StepRecord:
    """One step, as it is reported.

    Attributes:
        step: Counted from 1.
        terms: ``loss`` and its terms, means over the global batch.
        gradient: Norm of the gradient before it is clipped.
        rate: Learning rate of what is not the backbone.
        seconds: That the step took, with the wait for its batch.
        samples_per_second: Clips of the global batch.
        waiting: Share of the step spent waiting for its batch, 0..1.
    """

    step: int
    terms: Mapping[str, float]
    gradient: float
    rate: float
    seconds: float
    samples_per_second: float
    waiting: float

    def to_dict(self) -> dict[str, float]:
        """A line of ``metrics.jsonl``."""
        values = asdict(self)
        return {"step": values.pop("step"), **values.pop("terms"), **values}


@dataclass(frozen=True)
class Best:
    """The best validation so far: its J&F in 0..1, and after how many steps."""

    score: float
    step: int


@dataclass(frozen=True)
class Habits:
    """When a run saves and validates, and whom it tells.

    Attributes:
        validate: Scores a network, in evaluation mode and on the run's device; None for no validation.
        validate_every: Steps from one validation to the next; the start and the end are validated, too.
        save_every: Steps from one checkpoint to the next; the end and each validation are saved, too.
        on_step: Called after each step, by the first process only.
        on_scores: Called after each validation with the number of steps taken, by the first process only.
        stop: Asked after each step for the number of a signal to stop for; None to go on.
    """

    validate: Callable[[Any], Scores] | None = None
    validate_every: int = DEFAULT_VALIDATE_EVERY
    save_every: int = DEFAULT_SAVE_EVERY
    on_step: Callable[[StepRecord], None] = lambda record: None
    on_scores: Callable[[int, Scores], None] = lambda step, scores: None
    stop: Callable[[], int | None] = lambda: None


DEFAULT_HABITS = Habits()
