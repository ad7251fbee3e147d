"""A scoring as one page that can be sent around: tables, distribution, worst frames, and J and F over time.

The page is a single file: style, charts and pictures are in it, it loads nothing and runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from vostool import __version__
from vostool.metrics.report import Scores
from vostool.metrics.tables import Row
from vostool.pipelines.report_curves import distribution, sequence_sections
from vostool.pipelines.report_html import Markup, count, element, join
from vostool.pipelines.report_masks import ScoredMasks
from vostool.pipelines.report_style import style_sheet
from vostool.pipelines.report_tables import object_table, score_tables
from vostool.pipelines.report_worst import EXTRA_COLOUR, MISSED_COLOUR, worst_figures
from vostool.video.durable import whole_file

# Says of the page what it is: nothing from outside, no script.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
SECTIONS = {
    "scores": "Scores",
    "distribution": "Distribution",
    "worst": "Worst frames",
    "time": "Over time",
    "objects": "Objects",
}
DISTRIBUTION_TEXT = (
    "{} of every object on every frame that counts, sorted: a tenth of the frames is no better than percentile 10. "
    "Here all frames weigh the same, in the tables all objects."
)
TIME_TEXT = (
    "One line for each object, in the colours of its masks. A ring marks its worst frame, and the lowest of a chart is "
    "written out. Frames without a prediction break the line."
)
WORST_TEXT = "By J; every object comes once before any comes twice, then at least 5 frames later or earlier. Errors: "
NO_FRAMES = " There are no frames beside the annotations (JPEGImages), so masks stand alone on black."
WITHOUT_BOUNDARY = ("segtrack",)


@dataclass(frozen=True, slots=True)
class Scoring:
    """What was scored, and how.

    Attributes:
        protocol: ``davis``, ``youtube`` or ``segtrack``.
        annotations: The truth, as it was given.
        predictions: Folder of SEQUENCE/*.png of each system, in the order of the results.
        source: What was scored, in words: the folder, or how systems ran.
        command: That made the page.
        year: As it was given; None to recognise it again.
        made_at: When.
    """

    protocol: str
    annotations: Path
    predictions: Mapping[str, Path]
    source: str
    command: str
    year: int | None = None
    made_at: datetime = field(default_factory=lambda: datetime.now().astimezone())


def write_page(
    path: Path, scoring: Scoring, results: Mapping[str, Scores], tables: Mapping[str, Sequence[Row]]
) -> None:
    """Writes the page, whole or not at all; an existing file is replaced.

    Args:
        path: Its file.
        scoring: What was scored.
        results: By system, of the same sequences.
        tables: The rows that the terminal shows, by system.

    Raises:
        OutputError: It cannot be written.
        MaskError: Masks that were scored cannot be read any more.
    """
    page = build_page(scoring, results, tables)
    with whole_file(path) as part:
        part.write_text(page, encoding="utf-8")


def build_page(scoring: Scoring, results: Mapping[str, Scores], tables: Mapping[str, Sequence[Row]]) -> str:
    """The page as text; see ``write_page``."""
    names = [sequence.name for sequence in next(iter(results.values())).sequences]
    masks = ScoredMasks(scoring.annotations, scoring.predictions, names, scoring.year)
    has_boundary = scoring.protocol not in WITHOUT_BOUNDARY
    region = "J" if has_boundary else "IoU"
    title = f"Scores of {', '.join(results)}"
    parts = {
        "scores": score_tables(tables, names),
        "distribution": join([element("p", DISTRIBUTION_TEXT.format(region)), distribution(results, region)]),
        "worst": _worst(results, masks, has_boundary),
        "time": join([element("p", TIME_TEXT), sequence_sections(results, masks, region, has_boundary)]),
        "objects": object_table(tables),
    }
    sections = [element("section", element("h2", SECTIONS[key]), part, id=key) for key, part in parts.items()]
    object_ids = [each.object_id for scores in results.values() for each in scores.objects]
    head = element(
        "head", element("meta", charset="utf-8"), element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"), element("title", title),
        element("style", Markup(style_sheet(object_ids))),
    )  # fmt: skip
    footer = element("footer", f"Made by vostool {__version__}. All figures are shares of 1.")
    body = element("body", _header(title, scoring, results, masks), _navigation(), element("main", *sections), footer)
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _header(title: str, scoring: Scoring, results: Mapping[str, Scores], masks: ScoredMasks) -> Markup:
    first = next(iter(results.values()))
    num_scored = sum(len(each.regions) for each in first.objects)
    size = (
        f"{count(len(first.sequences), 'sequence')}, {count(len(first.objects), 'object')}, {count(num_scored, 'mask')}"
    )
    facts: dict[str, str | Markup] = {
        "Protocol": f"{scoring.protocol}, {_year_text(masks.year)}",
        "Predictions": scoring.source,
        "Ground truth": str(scoring.annotations),
        "Scored": size + (" of each system" if len(results) > 1 else ""),
        "Made": f"{scoring.made_at:%Y-%m-%d %H:%M %Z} by vostool {__version__}",
        "Command": element("code", scoring.command),
    }
    if num_missing := sum(each.num_missing for scores in results.values() for each in scores.sequences):
        facts["Missing"] = f"{count(num_missing, 'frame')} without a prediction, which score 0"
    pairs = [piece for name, value in facts.items() for piece in (element("dt", name), element("dd", value))]
    return element("header", element("h1", title), element("dl", *pairs), _tiles(scoring.protocol, results))


def _tiles(protocol: str, results: Mapping[str, Scores]) -> Markup:
    """The one figure of each system."""
    tiles = []
    for system, scores in results.items():
        if protocol in WITHOUT_BOUNDARY:
            value, name = scores.region.mean, "IoU"
        elif scores.overall is not None:
            value, name = scores.overall, "overall, seen and unseen"
        else:
            value, name = scores.region_and_boundary, "J&F"
        label = f"{name}, {system}" if len(results) > 1 else name
        tiles.append(element("li", element("b", f"{value:.3f}"), element("span", label)))
    return element("ul", *tiles, class_="tiles")


def _navigation() -> Markup:
    links = [element("li", element("a", name, href=f"#{key}")) for key, name in SECTIONS.items()]
    return element("nav", element("ul", *links), aria_label="Sections")


def _worst(results: Mapping[str, Scores], masks: ScoredMasks, has_boundary: bool) -> Markup:
    keys = [
        element("span", class_="key", style=f"background: rgb{colour}", aria_hidden="true")
        for colour in (MISSED_COLOUR, EXTRA_COLOUR)
    ]
    text = element(
        "p", WORST_TEXT, keys[0],
        "blue is missed, ", keys[1], "orange is too much; what is right keeps its colours.",
        None if masks.has_frames else NO_FRAMES,
    )  # fmt: skip
    pieces = [text]
    for system in results:
        if len(results) > 1:
            pieces.append(element("h3", system))
        pieces += worst_figures(system, results, masks, has_boundary)
    return join(pieces)


def _year_text(year: int) -> str:
    return "year 2016: all that is not 0 is one object" if year == 2016 else "year 2017: values are ids"
