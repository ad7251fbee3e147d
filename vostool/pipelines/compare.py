"""Runs systems over annotated sequences and scores them side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vostool.datasets.layout import DavisSequence, find_sequences
from vostool.errors import InputError
from vostool.metrics.report import Scores, SequenceScores, score_sequence
from vostool.pipelines.evaluate import SequenceTruth, check_year
from vostool.pipelines.followers import Follower, build_follower
from vostool.propagation.propagator import DEFAULT_SHORT_SIDE


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """Which systems to run on which sequences.

    Attributes:
        data: Root of a data set in DAVIS layout.
        systems: Names of baselines or of segmenters.
        sequences: Their names; None for all that are there.
        year: 2016: one object, every pixel that is not 0. 2017: values are ids, 255 is void.
        size: Short side in pixels at which segmenters work; None for the source's. Baselines work on whole frames.
        device: Where segmenters run.
        weights: File of weights for the segmenters; None for each one's default.
        backbone: ImageNet ResNet-18, a file or its folder; only ``imagenet-features`` needs it.
    """

    data: Path
    systems: tuple[str, ...]
    sequences: tuple[str, ...] | None = None
    year: int = 2017
    size: int | None = DEFAULT_SHORT_SIDE
    device: str = "auto"
    weights: Path | None = None
    backbone: Path | None = None


def compare(
    options: CompareOptions, on_sequence: Callable[[str, SequenceScores], None] | None = None
) -> dict[str, Scores]:
    """Runs systems over sequences from their first masks and scores what they say.

    Args:
        options: What to run.
        on_sequence: Called with the system's name and the scores of each sequence as soon as they are known.

    Raises:
        UsageError: If the year, a system or a sequence does not exist.
        WeightsError: If weights or the backbone are missing or do not fit.
        InputError: If the data are laid out otherwise, or a sequence has nothing to score.
    """
    check_year(options.year)
    sequences = find_sequences(options.data, options.sequences)
    followers = {system: _build(system, options) for system in options.systems}
    return {
        system: _run(system, follower, sequences, options.year, on_sequence) for system, follower in followers.items()
    }


def _run(
    system: str,
    follower: Follower,
    sequences: Iterable[DavisSequence],
    year: int,
    on_sequence: Callable[[str, SequenceScores], None] | None,
) -> Scores:
    scores = []
    for sequence in sequences:
        scores.append(_score_follower(follower, sequence, year))
        if on_sequence:
            on_sequence(system, scores[-1])
    return Scores(tuple(scores))


def _build(system: str, options: CompareOptions) -> Follower:
    return build_follower(
        system,
        backbone=options.backbone,
        weights=options.weights,
        device=options.device,
        short_side=options.size,
    )


def _score_follower(follower: Follower, sequence: DavisSequence, year: int) -> SequenceScores:
    truths = SequenceTruth(sequence.name, sequence.mask_files, year)
    return score_sequence(sequence.name, _pairs_from(follower, sequence, truths), truths.object_ids)


def _pairs_from(
    follower: Follower, sequence: DavisSequence, truths: SequenceTruth
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What the follower says and the truth, on each frame that counts."""
    stems = {path.stem for path in sequence.frame_files}
    if missing := [stem for stem in (truths.first_file.stem, *truths.files) if stem not in stems]:
        raise InputError(f"mask {missing[0]} of sequence {sequence.name} has no frame", "name masks like their frames")
    unseen = set(truths.files)
    for stem, labels in follower(sequence.image_folder, truths.first_file.stem, truths.read(truths.first_file)):
        if stem in unseen:
            unseen.remove(stem)
            truth = truths.read(truths.files[stem])
            truths.check(labels, truth, stem)
            yield labels, truth
    if unseen:
        raise InputError(f"frame {min(unseen)} of sequence {sequence.name} was not read", "check its images")
