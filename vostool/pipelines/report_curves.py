"""Scores as lines for the report's page: of every object over the frames, and how they are distributed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from vostool.metrics.report import ObjectScores, Scores, SequenceScores
from vostool.pipelines.report_charts import Curve, Mark, line_chart
from vostool.pipelines.report_html import Markup, count, element, join, table
from vostool.pipelines.report_masks import ObjectNotes, ScoredMasks
from vostool.video.reading.images import natural_key

PERCENTILES = (5, 10, 25, 50, 75, 90)
NUM_NAMED = 6
# More sequences than this are folded up.
NUM_OPEN = 6

Places = Mapping[str, int]


def distribution(results: Mapping[str, Scores], region: str) -> Markup:
    """J of all frames and objects, sorted: percentile against J as in STM, Figure 7, and some percentiles as a table.

    Args:
        results: By system.
        region: What the protocol calls J.
    """
    values = {
        system: np.array([each for item in scores.objects for each in item.regions])
        for system, scores in results.items()
    }
    shares = np.arange(101)
    curves = [
        Curve(list(zip(shares.tolist(), np.percentile(each, shares).tolist(), strict=True)), f"s{index % 6}")
        for index, each in enumerate(values.values())
    ]
    title = f"Distribution of {region}"
    told = "; ".join(f"{system}: median {np.median(each):.3f}" for system, each in values.items())
    chart = line_chart(title, told, curves, (0, 100), "percentile of frames", region)
    rows: list[dict[str, str | float]] = [
        {
            "system": system,
            **{f"{share} %": float(np.percentile(each, share)) for share in PERCENTILES},
        }
        for system, each in values.items()
    ]
    legend = _legend([(f"s{index % 6}", system) for index, system in enumerate(values)]) if len(values) > 1 else None
    percentiles = table(f"{region} at percentiles", rows)
    return element("div", element("figure", chart, legend), percentiles, class_="pair")


def sequence_sections(results: Mapping[str, Scores], masks: ScoredMasks, region: str, has_boundary: bool) -> Markup:
    """A part for each sequence, which can be folded: J and F over the frames, for each system.

    Args:
        results: By system, of the same sequences.
        masks: What was scored.
        region: What the protocol calls J.
        has_boundary: Whether F is shown.
    """
    by_sequence = zip(*(scores.sequences for scores in results.values()), strict=True)
    parts = []
    for number, each in enumerate(by_sequence, 1):
        scores = dict(zip(results, each, strict=True))
        inside = [
            _system_part(system, item, masks.notes(system, item), region, has_boundary, len(results) > 1)
            for system, item in scores.items()
        ]
        means = ", ".join(f"{_named(system, len(results))}{item.region.mean:.3f}" for system, item in scores.items())
        summary = element("summary", element("strong", each[0].name), f" {region} {means}")
        is_open = "" if len(results) and number <= NUM_OPEN else None
        parts.append(element("details", summary, *inside, id=f"sequence-{number}", open=is_open, class_="card"))
    return join(parts)


def _system_part(
    system: str,
    scores: SequenceScores,
    notes: Mapping[int, ObjectNotes],
    region: str,
    has_boundary: bool,
    is_named: bool,
) -> Markup:
    places, across_label = _places(scores)
    regions = _curves(scores, notes, places, lambda each: each.regions)
    across = (min(places.values()), max(places.values()))
    where = f"{scores.name}, {system}"
    charts = [line_chart(f"{region} over the frames of {where}", _told(scores), regions, across, across_label, region)]
    if has_boundary:
        boundaries = _curves(scores, notes, places, lambda each: each.boundaries)
        charts.append(line_chart(f"F over the frames of {where}", "", boundaries, across, across_label, "F"))
    legend = _legend([(_style(each), _summary(each, notes[each.object_id], region)) for each in scores.objects])
    heading = element("h3", system) if is_named else None
    figure = element("figure", *charts, class_="pair" if has_boundary else None)
    return element("div", heading, figure, legend)


def _curves(
    scores: SequenceScores, notes: Mapping[int, ObjectNotes], places: Places,
    values_of: Callable[[ObjectScores], Sequence[float]],
) -> list[Curve]:  # fmt: skip
    lowest = min(scores.objects, key=lambda each: min(values_of(each)))
    return [
        _curve(each, values_of(each), notes[each.object_id], places, len(scores.objects) > 1, each is lowest)
        for each in scores.objects
    ]


def _curve(
    scores: ObjectScores, values: Sequence[float], notes: ObjectNotes, places: Places, has_label: bool, is_lowest: bool
) -> Curve:
    """A line, broken where there is no prediction, with what is special on it; the lowest is written out."""
    by_frame = dict(zip(scores.frames, values, strict=True))
    missing = set(notes.missing)
    points = [(float(places[each]), None if each in missing else value) for each, value in by_frame.items()]
    kinds = {"missing": "no prediction", "lost": "nothing predicted", "absent": "object not to be seen"}
    marks = [
        Mark(places[frame], by_frame[frame], kind, f"frame {frame}: {told}")
        for kind, told in kinds.items()
        for frame in getattr(notes, kind)
    ]
    worst = min(by_frame, key=lambda each: by_frame[each])
    tip = f"object {scores.object_id}, worst frame {worst}: {by_frame[worst]:.3f}"
    label = f"{by_frame[worst]:.2f} on {worst}" if is_lowest else ""
    marks.append(Mark(places[worst], by_frame[worst], "worst", tip, label))
    return Curve(points, _style(scores), str(scores.object_id) if has_label else "", marks)


def _places(scores: SequenceScores) -> tuple[Places, str]:
    """Where frames stand: at their numbers if they are named by numbers, else in their order."""
    names = {frame for each in scores.objects for frame in each.frames}
    if all(name.isdecimal() for name in names) and len({int(name) for name in names}) == len(names):
        return {name: int(name) for name in names}, "frame"
    ordered = sorted(names, key=lambda name: natural_key(Path(f"{name}.png")))
    return {name: index for index, name in enumerate(ordered, 1)}, "frame, in order of those that count"


def _summary(scores: ObjectScores, notes: ObjectNotes, region: str) -> Markup:
    """One object in words."""
    lowest = min(range(len(scores.regions)), key=lambda index: scores.regions[index])
    text = f"object {scores.object_id}: mean {region} {scores.region.mean:.3f}"
    text += f", worst {scores.regions[lowest]:.3f} on {scores.frames[lowest]}"
    kinds = {
        "missing": "without a prediction, which scores 0",
        "lost": "on which the object is to be seen and nothing is predicted",
        "absent": "on which the object is not to be seen",
    }
    lines = []
    for kind, told in kinds.items():
        if frames := getattr(notes, kind):
            named = ", ".join(frames[:NUM_NAMED]) + (", ..." if len(frames) > NUM_NAMED else "")
            symbol = element("span", class_=f"symbol {kind}", aria_hidden="true")
            lines.append(element("span", symbol, f"{count(len(frames), 'frame')} {told}: {named}", class_="note"))
    return join([text, *lines])


def _legend(entries: Sequence[tuple[str, str]]) -> Markup:
    swatches = [(element("span", class_=f"swatch {style}", aria_hidden="true"), text) for style, text in entries]
    return element("ul", *(element("li", swatch, element("span", text)) for swatch, text in swatches), class_="legend")


def _told(scores: SequenceScores) -> str:
    return "; ".join(f"object {each.object_id}: mean {each.region.mean:.3f}" for each in scores.objects)


def _style(scores: ObjectScores) -> str:
    return f"o{scores.object_id}"


def _named(system: str, num_systems: int) -> str:
    return f"{system} " if num_systems > 1 else ""
