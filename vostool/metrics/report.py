"""Scores of objects, of sequences and over all: the statistics of J and F and how they are averaged.

per frame      J, F                          of one object on one frame
ObjectScores   mean, recall, decay of each   over the frames of one object
SequenceScores, Scores                       means over the objects, never over the sequences

Decay is right for objects of any number of frames. The public DAVIS 2017 scorer keeps the edges of its quarters in
8 bits, so that its decay of more than 256 frames is another number, or none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vostool.metrics.boundary import boundary_f, boundary_tolerance, occupied_window
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
    """Mean, recall and decay of the scores of one object in the order of the frames; at least one score, any number."""
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
        frames: Names of the evaluated frames; empty if they have none.
        is_seen: Whether its category is one that training may see, in YouTube-VOS; None if that is not known.
    """

    object_id: int
    regions: tuple[float, ...]
    boundaries: tuple[float, ...]
    frames: tuple[str, ...] = ()
    is_seen: bool | None = None

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
    """Scores of the objects of one sequence; its own figures are means over them.

    Attributes:
        name: Of the sequence.
        objects: At least one.
        num_missing: Frames without a prediction, which count as 0.
    """

    name: str
    objects: tuple[ObjectScores, ...]
    num_missing: int = 0

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
        return {**_metrics(self.objects), "missing_frames": self.num_missing, "objects": objects}


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

    def split_by_category(self) -> tuple[Scores, Scores] | None:
        """The objects of seen and those of unseen categories; None unless there are some of both."""
        parts = tuple(self._part(is_seen) for is_seen in (True, False))
        return (parts[0], parts[1]) if parts[0].sequences and parts[1].sequences else None

    @property
    def overall(self) -> float | None:
        """YouTube-VOS: the mean of J and F of seen and of unseen categories; None unless there are some of both."""
        parts = self.split_by_category()
        return (parts[0].region_and_boundary + parts[1].region_and_boundary) / 2 if parts else None

    def to_dict(self) -> dict[str, object]:
        """Figures over all, then under sequence, object and metric, at full precision."""
        record = _metrics(self.objects)
        if parts := self.split_by_category():
            record["overall"] = self.overall
            record |= {name: _metrics(part.objects) for name, part in zip(("seen", "unseen"), parts, strict=True)}
        return record | {"sequences": {sequence.name: sequence.to_dict() for sequence in self.sequences}}

    def _part(self, is_seen: bool) -> Scores:
        chosen = [(each, tuple(item for item in each.objects if item.is_seen is is_seen)) for each in self.sequences]
        return Scores(tuple(replace(sequence, objects=objects) for sequence, objects in chosen if objects))


@dataclass(frozen=True, slots=True)
class FramePair:
    """What is predicted and what is true on one frame.

    Attributes:
        name: Of the frame; may be empty.
        prediction: HxW uint8 labels; None if there are none, which scores 0 for every object, also for one that is
            not to be seen on the frame: what was not predicted must never raise a mean.
        truth: HxW uint8 labels.
        object_ids: Labels to score.
        own_predictions, own_truths: HxW bool of objects that have masks of their own, by label; only there may they
            overlap. The others are read from the labels.
    """

    name: str
    prediction: np.ndarray | None
    truth: np.ndarray
    object_ids: Sequence[int]
    own_predictions: Mapping[int, np.ndarray] = field(default_factory=dict)
    own_truths: Mapping[int, np.ndarray] = field(default_factory=dict)


def score_sequence(
    name: str, pairs: Iterable[tuple[np.ndarray, np.ndarray]], object_ids: Sequence[int]
) -> SequenceScores:
    """Scores every object on every frame that is given.

    Args:
        name: Of the sequence.
        pairs: Prediction and truth of each frame to evaluate, at least one, in order; HxW labels of one shape.
        object_ids: Labels to score.
    """
    return score_frames(name, (FramePair("", prediction, truth, object_ids) for prediction, truth in pairs))


def score_frames(name: str, frames: Iterable[FramePair]) -> SequenceScores:
    """Scores on each frame the objects that it asks for; objects stand in the order in which they are first asked for.

    Args:
        name: Of the sequence.
        frames: In order.
    """
    series: dict[int, list[tuple[float, float]]] = {}
    stems: dict[int, list[str]] = {}
    num_missing = 0
    for frame in frames:
        num_missing += frame.prediction is None
        for object_id, score in zip(frame.object_ids, _score_frame(frame), strict=True):
            series.setdefault(object_id, []).append(score)
            stems.setdefault(object_id, []).append(frame.name)
    objects = []
    for object_id, scores in series.items():
        regions, boundaries = zip(*scores, strict=True)
        objects.append(ObjectScores(object_id, regions, boundaries, tuple(filter(None, stems[object_id]))))
    return SequenceScores(name, tuple(objects), num_missing)


def _score_frame(frame: FramePair) -> list[tuple[float, float]]:
    """J and F of each object."""
    if frame.prediction is None:
        return [(0.0, 0.0)] * len(frame.object_ids)
    tolerance = boundary_tolerance(*frame.truth.shape)
    # Most of a frame is background in both.
    window = occupied_window(frame.prediction | frame.truth)
    predicted = _masks(frame.prediction[window], frame.own_predictions, frame.object_ids, window)
    true = _masks(frame.truth[window], frame.own_truths, frame.object_ids, window)
    return [(jaccard(*pair), boundary_f(*pair, tolerance)) for pair in zip(predicted, true, strict=True)]


def _masks(
    labels: np.ndarray, own: Mapping[int, np.ndarray], object_ids: Sequence[int], window: tuple[slice, slice]
) -> Iterator[np.ndarray]:
    """The mask of each object in the window, of which these are the labels."""
    return (own[each][window] if each in own else labels == each for each in object_ids)


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
