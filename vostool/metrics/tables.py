"""Scores as rows of equal keys: for the terminal, and for CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vostool.metrics.report import Scores, SequenceScores, Statistics
from vostool.metrics.transfer import DISTANCES, TransferScores

Row = dict[str, str | float]
ALL = "all"


def score_rows(scores: Scores) -> list[Row]:
    """Every object, every sequence (``object`` is ``all``) and all (``sequence`` is ``all``): J and F in full.

    Where categories are known, ``seen`` and ``unseen`` stand before the last row.
    """
    rows = []
    for sequence in scores.sequences:
        rows += [_row(sequence.name, str(each.object_id), SequenceScores("", (each,))) for each in sequence.objects]
        rows.append(_row(sequence.name, ALL, sequence))
    if parts := scores.split_by_category():
        rows += [_row(name, ALL, part) for name, part in zip(("seen", "unseen"), parts, strict=True)]
    return [*rows, _row(ALL, ALL, scores)]


def region_rows(scores: Scores) -> list[Row]:
    """As ``score_rows``, with J alone as ``IoU``."""
    return [
        {"sequence": row["sequence"], "object": row["object"], "frames": row["frames"], "IoU": row["J"]}
        for row in score_rows(scores)
    ]


def transfer_rows(scores: TransferScores) -> list[Row]:
    """Error of every sequence and of all, by distance; empty where a sequence is too short."""
    parts = [(each.name, each.mean) for each in scores.sequences]
    return [
        {"sequence": name, **{f"d={each}": _or_empty(mean(each)) for each in DISTANCES}}
        for name, mean in [*parts, (ALL, scores.mean)]
    ]


def join_systems(tables: Mapping[str, Sequence[Row]]) -> list[Row]:
    """The rows of several systems under one another, the system's name first."""
    return [{"system": system, **row} for system, rows in tables.items() for row in rows]


def _row(sequence: str, name: str, scores: Scores | SequenceScores) -> Row:
    return {
        "sequence": sequence,
        "object": name,
        "frames": _num_frames(scores),
        **_columns("J", scores.region),
        **_columns("F", scores.boundary),
        "J&F": scores.region_and_boundary,
    }


def _num_frames(scores: Scores | SequenceScores) -> int:
    """Frames that count for one object or more."""
    if isinstance(scores, Scores):
        return sum(map(_num_frames, scores.sequences))
    return max(len(each.regions) for each in scores.objects)


def _columns(metric: str, statistics: Statistics) -> Row:
    return {metric: statistics.mean, f"{metric} recall": statistics.recall, f"{metric} decay": statistics.decay}


def _or_empty(value: float | None) -> float | str:
    return "" if value is None else value
