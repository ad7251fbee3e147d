"""Scores of objects, of sequences and over all: the statistics of J and F and how they are averaged.

per frame      J, F                          of one object on one frame
ObjectScores   mean, recall, decay of each   over the frames of one object
SequenceScores, Scores                       means over the objects, never over the sequences
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vostool.metrics.boundary import boundary_f
from vostool.metrics.region import jaccard

RECALL_THRESHOLD = 0.5
NUM_DECAY_BINS = 4


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a series of scores comes to.

    Attributes:
        mean: Mean of the scores, 0..1.
        recall: Share of the scores above 0.5.
        decay: Mean of the first quarter less the mean of the last; positive if the scores fall.
    """

    mean: float
    recall: float
    decay: float

    def to_dict(self) -> dict[str, float]:
        """The three figures by name."""
        return {"mean": self.mean, "recall": self.recall, "decay": self.decay}


def summarise(scores: Sequence[float]) -> Statistics:
    """Mean, recall and decay of the scores of one object in the order of the frames; at least one score."""
    values = np.asarray(scores, dtype=np.float64)
    assert values.size, "scores of at least one frame"
    # Unlike the DAVIS 2017 scorer, whose edges are 8 bits wide and so garble the decay of more than 256 frames.
    edges = np.round(np.linspace(1, values.size, NUM_DECAY_BINS + 1) + 1e-10).astype(int) - 1
    first, last = values[: edges[1] + 1], values[edges[-2] : edges[-1] + 1]
    recall = np.mean(values > RECALL_THRESHOLD)
    return Statistics(float(values.mean()), float(recall), float(first.mean() - last.mean()))


@dataclass(frozen=True, slots=True)
class ObjectScores:
    """J and F of one object, frame by frame.

    Attributes:
        object_id: As in the annotation.
        regions: J of each evaluated frame, 0..1.
        boundaries: F of each evaluated frame, 0..1.
    """

    object_id: int
    regions: tuple[float, ...]
    boundaries: tuple[float, ...]

    @property
    def region(self) -> Statistics:
        """Statistics of J."""
        return summarise(self.regions)

    @property
    def boundary(self) -> Statistics:
        """Statistics of F."""
        return summarise(self.boundaries)

    def to_dict(self) -> dict[str, object]:
        """Figures by metric, at full precision."""
        return _metrics([self])


@dataclass(frozen=True, slots=True)
class SequenceScores:
    """Scores of the objects of one sequence; its own figures are means over them."""

    name: str
    objects: tuple[ObjectScores, ...]

    @property
    def region(self) -> Statistics:
        """Statistics of J, averaged over the objects."""
        return _average([scores.region for scores in self.objects])

    @property
    def boundary(self) -> Statistics:
        """Statistics of F, averaged over the objects."""
        return _average([scores.boundary for scores in self.objects])

    @property
    def region_and_boundary(self) -> float:
        """J&F: the mean of the means of J and F."""
        return (self.region.mean + self.boundary.mean) / 2

    def to_dict(self) -> dict[str, object]:
        """Figures by metric, and those of each object under ``objects``."""
        objects = {str(scores.object_id): scores.to_dict() for scores in self.objects}
        return {**_metrics(self.objects), "objects": objects}


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of several sequences; the figures over all are means over all their objects."""

    sequences: tuple[SequenceScores, ...]

    @property
    def objects(self) -> tuple[ObjectScores, ...]:
        """Objects of all sequences."""
        return tuple(scores for sequence in self.sequences for scores in sequence.objects)

    @property
    def region(self) -> Statistics:
        """Statistics of J, averaged over all objects."""
        return _average([scores.region for scores in self.objects])

    @property
    def boundary(self) -> Statistics:
        """Statistics of F, averaged over all objects."""
        return _average([scores.boundary for scores in self.objects])

    @property
    def region_and_boundary(self) -> float:
        """J&F: the mean of the means of J and F."""
        return (self.region.mean + self.boundary.mean) / 2

    def to_dict(self) -> dict[str, object]:
        """Figures over all, then under sequence, object and metric, at full precision."""
        sequences = {sequence.name: sequence.to_dict() for sequence in self.sequences}
        return {**_metrics(self.objects), "sequences": sequences}


def score_sequence(
    name: str, pairs: Iterable[tuple[np.ndarray, np.ndarray]], object_ids: Sequence[int]
) -> SequenceScores:
    """Scores every object on every frame that is given.

    Args:
        name: Of the sequence.
        pairs: Prediction and truth of each frame to evaluate, at least one, in order; HxW labels of one shape.
        object_ids: Labels to score.
    """
    regions: dict[int, list[float]] = {object_id: [] for object_id in object_ids}
    boundaries: dict[int, list[float]] = {object_id: [] for object_id in object_ids}
    for prediction, truth in pairs:
        for object_id in object_ids:
            masks = prediction == object_id, truth == object_id
            regions[object_id].append(jaccard(*masks))
            boundaries[object_id].append(boundary_f(*masks))
    return SequenceScores(
        name, tuple(ObjectScores(key, tuple(regions[key]), tuple(boundaries[key])) for key in object_ids)
    )


def table_rows(systems: Mapping[str, Scores]) -> list[dict[str, str | float]]:
    """One row per system: ``system``, J of each sequence under its name, ``J``, ``F`` and ``J&F`` over all."""
    return [
        {
            "system": system,
            **{sequence.name: sequence.region.mean for sequence in scores.sequences},
            "J": scores.region.mean,
            "F": scores.boundary.mean,
            "J&F": scores.region_and_boundary,
        }
        for system, scores in systems.items()
    ]


def _average(statistics: Sequence[Statistics]) -> Statistics:
    mean, recall, decay = np.mean([(each.mean, each.recall, each.decay) for each in statistics], axis=0)
    return Statistics(float(mean), float(recall), float(decay))


def _metrics(objects: Sequence[ObjectScores]) -> dict[str, object]:
    region = _average([scores.region for scores in objects])
    boundary = _average([scores.boundary for scores in objects])
    return {"J": region.to_dict(), "F": boundary.to_dict(), "J&F": (region.mean + boundary.mean) / 2}
