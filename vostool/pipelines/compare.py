"""Runs systems over annotated sequences and scores them side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from vostool.datasets.layout import DavisSequence, find_sequences, read_labels
from vostool.errors import InputError
from vostool.metrics.report import FramePair, Scores, SequenceScores, score_frames
from vostool.metrics.transfer import SequenceTransfer, TransferScores
from vostool.pipelines.followers import Answers, Follower, build_follower, build_late_follower
from vostool.pipelines.ground_truth import SequenceTruth, check_protocol, check_year, read_truth, recognise_years
from vostool.pipelines.report_masks import save_predictions
from vostool.pipelines.transfer import Transfer, collect, list_transfers, measure
from vostool.pipelines.youtube import Marker, category_marker
from vostool.propagation.propagator import DEFAULT_SHORT_SIDE

# What a system says of a sequence and what is true, on each frame that counts.
Runner = Callable[[DavisSequence, SequenceTruth], Iterator[FramePair]]


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """Which systems to run on which sequences.

    Attributes:
        data: Root of a data set in DAVIS layout.
        systems: Names of baselines or of segmenters.
        sequences: Their names; None for all that are there.
        year: 2016: one object, every pixel that is not 0. 2017: values are ids, 255 is void. None: 2016 if no first
            mask holds anything but 0 and 255.
        protocol: ``davis``, ``youtube`` or ``segtrack``: which frames and objects count, see ``ground_truth``.
        seen: Categories that training may see, for ``youtube``; see ``evaluate``.
        size: Short side in pixels at which segmenters work; None for the source's. Baselines work on whole frames.
        device: Where segmenters run.
        weights: File of weights for the segmenters; None for each one's default.
        backbone: ImageNet ResNet-18, a file or its folder; only ``imagenet-features`` needs it.
        keep: Folder that takes every prediction that counts, as SYSTEM/SEQUENCE/FRAME.png; None keeps none.
    """

    data: Path
    systems: tuple[str, ...]
    sequences: tuple[str, ...] | None = None
    year: int | None = None
    protocol: str = "davis"
    seen: Path | None = None
    size: int | None = DEFAULT_SHORT_SIDE
    device: str = "auto"
    weights: Path | None = None
    backbone: Path | None = None
    keep: Path | None = None


def compare(
    options: CompareOptions, on_sequence: Callable[[str, SequenceScores], None] | None = None
) -> dict[str, Scores]:
    """Runs systems over sequences from their first masks and scores what they say.

    By ``youtube`` each object is given on the first mask that has it, without the other objects of that mask.

    Args:
        options: What to run.
        on_sequence: Called with the system's name and the scores of each sequence as soon as they are known.

    Raises:
        UsageError: If the year, a system or a sequence does not exist.
        WeightsError: If weights or the backbone are missing or do not fit.
        InputError: If the data are laid out otherwise, or a sequence has nothing to score.
    """
    check_year(options.year)
    check_protocol(options.protocol)
    sequences = find_sequences(options.data, options.sequences)
    folders = [each.mask_files[0].parent for each in sequences]
    years = recognise_years(folders, options.year, options.protocol)
    truths = [
        read_truth(each.name, each.mask_files, year, options.protocol)
        for each, year in zip(sequences, years, strict=True)
    ]
    mark = category_marker(options.data, folders, options.seen) if options.protocol == "youtube" else None
    runners = {system: _build_runner(system, options) for system in options.systems}
    pairs = list(zip(sequences, truths, strict=True))
    return {system: _run(system, run, pairs, mark, on_sequence, options.keep) for system, run in runners.items()}


def compare_transfer(
    options: CompareOptions, on_sequence: Callable[[str, SequenceTransfer], None] | None = None
) -> dict[str, TransferScores]:
    """Runs systems from each key frame as JumpCut has it, and measures the error at the end of each transfer.

    Args:
        options: What to run; ``year`` and ``protocol`` are not read, every pixel that is not 0 is the object.
        on_sequence: Called with the system's name and the errors of each sequence as soon as they are known.

    Raises:
        UsageError: If a system or a sequence does not exist.
        WeightsError: If weights or the backbone are missing or do not fit.
        InputError: If the data are laid out otherwise, or a sequence is too short.
    """
    sequences = find_sequences(options.data, options.sequences)
    transfers = [list_transfers(each.name, each.mask_files) for each in sequences]
    results = {}
    for system, follower in {system: _build(system, options) for system in options.systems}.items():
        scores = []
        for sequence, wanted in zip(sequences, transfers, strict=True):
            scores.append(collect(sequence.name, _transfer(follower, sequence, wanted)))
            if on_sequence:
                on_sequence(system, scores[-1])
        results[system] = TransferScores(tuple(scores))
    return results


def _transfer(
    follower: Follower, sequence: DavisSequence, transfers: Iterable[Transfer]
) -> Iterator[tuple[Transfer, float]]:
    """The error of each transfer; from a key frame the follower runs once, and no further than it must."""
    for key_file, group in groupby(transfers, key=lambda transfer: transfer.key_file):
        waiting = {transfer.file.stem: transfer for transfer in group}
        for stem, labels in follower(sequence.image_folder, key_file.stem, read_labels(key_file, 2016)):
            if transfer := waiting.pop(stem, None):
                yield transfer, measure(transfer, labels)
            if not waiting:
                break
        if waiting:
            raise InputError(f"frame {min(waiting)} of sequence {sequence.name} was not read", "check its images")


def _run(
    system: str,
    run: Runner,
    sequences: Iterable[tuple[DavisSequence, SequenceTruth]],
    mark: Marker | None,
    on_sequence: Callable[[str, SequenceScores], None] | None,
    keep: Path | None,
) -> Scores:
    scores = []
    for sequence, truth in sequences:
        pairs = run(sequence, truth)
        if keep is not None:
            pairs = save_predictions(keep / system / sequence.name, pairs)
        result = score_frames(sequence.name, pairs)
        scores.append(mark(result) if mark else result)
        if on_sequence:
            on_sequence(system, scores[-1])
    return Scores(tuple(scores))


def _build_runner(system: str, options: CompareOptions) -> Runner:
    if options.protocol != "youtube":
        return partial(pairs_from, _build(system, options))
    late = build_late_follower(system, weights=options.weights, device=options.device, short_side=options.size)
    return lambda sequence, truth: _pair_up(late(sequence.image_folder, truth.given()), sequence, truth)


def _build(system: str, options: CompareOptions) -> Follower:
    return build_follower(
        system,
        backbone=options.backbone,
        weights=options.weights,
        device=options.device,
        short_side=options.size,
    )


def pairs_from(follower: Follower, sequence: DavisSequence, truth: SequenceTruth) -> Iterator[FramePair]:
    """What the follower says and the truth, on each frame that counts."""
    answers = follower(sequence.image_folder, truth.first_file.stem, truth.read(truth.first_file))
    return _pair_up(answers, sequence, truth)


def _pair_up(answers: Answers, sequence: DavisSequence, truth: SequenceTruth) -> Iterator[FramePair]:
    stems = {path.stem for path in sequence.frame_files}
    if missing := [stem for stem in (truth.first_file.stem, *truth.files) if stem not in stems]:
        raise InputError(f"mask {missing[0]} of sequence {sequence.name} has no frame", "name masks like their frames")
    unseen = {stem for stem in truth.files if truth.object_ids_on(stem)}
    for stem, prediction in answers:
        if stem in unseen:
            unseen.remove(stem)
            labels = truth.read(truth.files[stem])
            truth.check(prediction, labels, stem)
            own_truths = truth.read_own_masks(truth.files[stem])
            yield FramePair(stem, prediction, labels, truth.object_ids_on(stem), own_truths=own_truths)
    if unseen:
        raise InputError(f"frame {min(unseen)} of sequence {sequence.name} was not read", "check its images")
