"""``vostool eval``: scores on annotated sequences, of masks on disk or of systems that are run for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from vostool.cli import ablation
from vostool.cli import options as shared
from vostool.cli.console import Messages, print_json, print_line, print_table
from vostool.cli.report import Report, check_report, kept_masks, write_report
from vostool.errors import UsageError

if TYPE_CHECKING:
    from vostool.metrics.report import Scores, SequenceScores
    from vostool.metrics.tables import Row
    from vostool.metrics.transfer import SequenceTransfer, TransferScores
    from vostool.pipelines.compare import CompareOptions

Results: TypeAlias = "dict[str, Scores | TransferScores]"
PANEL_DISK, PANEL_SYSTEMS = "Masks on disk", "Systems to run"
PROTOCOLS = ("davis", "youtube", "jumpcut", "segtrack")
ON_DISK = "predictions"

Predictions = Annotated[
    Path | None,
    typer.Argument(metavar="[PREDICTIONS", help="Folder of SEQUENCE/*.png to score.", show_default=False),
]
Annotations = Annotated[
    Path | None,
    typer.Argument(
        metavar="ANNOTATIONS]", show_default=False,
        help="Folder of SEQUENCE/*.png that is true, or root of a data set in DAVIS or YouTube-VOS layout.",
    ),
]  # fmt: skip
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="FOLDER", rich_help_panel=PANEL_SYSTEMS, show_default=False,
        help="Root of a data set in DAVIS layout.",
    ),
]  # fmt: skip
Systems = Annotated[
    str | None,
    typer.Option(
        "--system", metavar="A,B", rich_help_panel=PANEL_SYSTEMS, show_default="lite",
        help="Systems or baselines (first-mask, optical-flow, imagenet-features), separated by commas.",
    ),
]  # fmt: skip
Sequences = Annotated[
    str | None, typer.Option("--sequences", help="Names, separated by commas; default all.", metavar="A,B")
]
Split = Annotated[
    str | None,
    typer.Option("--split", metavar="NAME", help="Those of ImageSets/YEAR/NAME.txt: val.", show_default=False),
]
Year = Annotated[
    int | None,
    typer.Option(
        "--year", metavar="YEAR", show_default="recognised",
        help="2016: all that is not 0 is one object; 2017: ids, 255 is void.",
    ),
]  # fmt: skip
Protocol = Annotated[
    str, typer.Option("--protocol", metavar="NAME", help=f"What counts, and how: {', '.join(PROTOCOLS)}.")
]
AllowMissing = Annotated[
    bool,
    typer.Option(
        "--allow-missing", rich_help_panel=PANEL_DISK, help="Missing frames and sequences count as 0; else an error."
    ),
]
Seen = Annotated[
    Path | None,
    typer.Option(
        "--seen", metavar="FILE", show_default="train/meta.json beside the data set",
        help="Categories that training may see, for youtube: meta.json of the training set, or a JSON list.",
    ),
]  # fmt: skip
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs", metavar="NUMBER", min=1, rich_help_panel=PANEL_DISK, show_default="as many as pay",
        help="Processes that score.",
    ),
]  # fmt: skip
Csv = Annotated[
    Path | None,
    typer.Option("--csv", metavar="FILE", help="Write the table, at full precision.", show_default=False),
]
Backbone = Annotated[
    Path | None,
    typer.Option(
        "--backbone", metavar="FILE", rich_help_panel=PANEL_SYSTEMS, show_default=False,
        help="ImageNet ResNet-18 for imagenet-features.",
    ),
]  # fmt: skip


def evaluate_command(
    context: typer.Context,
    predictions: Predictions = None,
    annotations: Annotations = None,
    data: Data = None,
    systems: Systems = None,
    sequences: Sequences = None,
    split: Split = None,
    year: Year = None,
    protocol: Protocol = "davis",
    allow_missing: AllowMissing = False,
    seen: Seen = None,
    jobs: Jobs = None,
    size: shared.Size = 480,
    weights: shared.WeightsFile = None,
    backbone: Backbone = None,
    device: shared.Device = "auto",
    csv: Csv = None,
    report: Report = None,
    ablate: ablation.Ablate = None,
    plot: ablation.Plot = None,
    overwrite: shared.Overwrite = False,
    quiet: shared.Quiet = False,
    as_json: shared.Json = False,
) -> None:
    """Score masks on disk, or run systems from each sequence's first mask and score them: J, F and J&F as DAVIS does.

    vostool eval predictions DAVIS/Annotations/480p

    vostool eval --data DAVIS --sequences bus,rhino --system first-mask,lite

    vostool eval --data DAVIS --split val --ablate memory --plot memory.png
    """
    from vostool.pipelines.compare import CompareOptions
    from vostool.pipelines.score_files import check_table, choose_sequences

    _check(protocol, year, seen)
    check_table(csv, is_replaced=overwrite)
    check_report(report, protocol, is_replaced=overwrite, is_study=ablate is not None)
    ablation.check_ablation(ablate, plot, protocol, overwrite=overwrite)
    messages, kept = Messages(quiet=quiet), kept_masks(report, context)
    truth = _find_truth(predictions, annotations, data)
    names = choose_sequences(truth, sequences, split, year)
    if predictions is not None:
        _refuse("these masks are scored as they are", "leave PREDICTIONS out", data=data, system=systems, ablate=ablate)
        results = _score(predictions, truth, names, year, protocol, allow_missing, seen, jobs, messages)
    else:
        _refuse("that is for masks on disk", "leave it out", jobs=jobs, allow_missing=allow_missing or None)
        options = CompareOptions(
            data=truth, systems=tuple((systems or "lite").split(",")), year=year, protocol=protocol, size=size,
            sequences=names, device=device, weights=weights, backbone=backbone, keep=kept, seen=seen,
        )  # fmt: skip
        if ablate is not None:
            ablation.run_ablation(options, csv, plot, messages, as_json=as_json)
            return
        results = _run(options, messages)
    tables = _report(results, protocol, csv, as_json)
    write_report(report, context, kept, results, tables)


def _find_truth(predictions: Path | None, annotations: Path | None, data: Path | None) -> Path:
    """The folder of what is scored against."""
    if predictions is not None and annotations is None:
        raise UsageError("predictions are scored against annotations", "vostool eval PREDICTIONS ANNOTATIONS")
    truth = data if predictions is None else annotations
    if truth is None:
        raise UsageError("nothing to score", "give PREDICTIONS ANNOTATIONS, or --system NAME --data FOLDER")
    return truth


def _check(protocol: str, year: int | None, seen: Path | None) -> None:
    if protocol not in PROTOCOLS:
        raise UsageError(f"there is no protocol '{protocol}'", f"choose among {', '.join(PROTOCOLS)}")
    if protocol == "jumpcut" and year == 2017:
        raise UsageError("jumpcut knows one object, all that is not 0", "leave --year out")
    if protocol != "youtube" and seen is not None:
        raise UsageError(f"{protocol} has no seen and unseen categories", "give --protocol youtube")


def _refuse(reason: str, hint: str, **given: object) -> None:
    """Options that say nothing about what is done must not be given."""
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"--{name.replace('_', '-')} has no use here: {reason}", hint)


def _score(
    predictions: Path,
    annotations: Path,
    names: tuple[str, ...] | None,
    year: int | None,
    protocol: str,
    allow_missing: bool,
    seen: Path | None,
    jobs: int | None,
    messages: Messages,
) -> Results:
    """Masks on disk."""
    from vostool.pipelines.evaluate import evaluate
    from vostool.pipelines.transfer import evaluate_transfer

    def note(scores: SequenceScores | SequenceTransfer) -> None:
        _note(messages, "", scores)
        if scores.num_missing:
            messages.warn(f"{scores.name}: frames without a prediction, which count as wrong: {scores.num_missing}")

    if protocol == "jumpcut":
        transfer = evaluate_transfer(
            predictions, annotations, sequences=names, allow_missing=allow_missing, num_jobs=jobs or 1, on_sequence=note
        )
        return {ON_DISK: transfer}
    scores = evaluate(
        predictions, annotations, year=year, protocol=protocol, sequences=names, allow_missing=allow_missing, seen=seen,
        num_jobs=jobs, on_sequence=note,
    )  # fmt: skip
    return {ON_DISK: scores}


def _run(options: CompareOptions, messages: Messages) -> Results:
    """Systems."""
    from vostool.pipelines.compare import compare, compare_transfer

    def note(system: str, scores: SequenceScores | SequenceTransfer) -> None:
        _note(messages, f"{system} on ", scores)

    if options.protocol == "jumpcut":
        return dict(compare_transfer(options, note))
    return dict(compare(options, note))


def _note(messages: Messages, prefix: str, scores: SequenceScores | SequenceTransfer) -> None:
    from vostool.metrics.report import SequenceScores

    if isinstance(scores, SequenceScores):
        messages.note(f"{prefix}{scores.name}: J {scores.region.mean:.3f}")
    else:
        errors = {distance: scores.mean(distance) for distance in scores.errors}
        text = ", ".join(f"{value:.3f} at {key}" for key, value in errors.items() if value is not None)
        messages.note(f"{prefix}{scores.name}: error {text}")


def _report(results: Results, protocol: str, csv: Path | None, as_json: bool) -> dict[str, list[Row]]:
    from vostool.metrics.tables import join_systems
    from vostool.pipelines.score_files import write_table

    tables = {name: _rows(scores, protocol) for name, scores in results.items()}
    if csv is not None:
        write_table(csv, join_systems(tables))
    if as_json:
        print_json({name: scores.to_dict() for name, scores in results.items()})
    else:
        _print_tables(results, tables)
    return tables


def _rows(scores: Scores | TransferScores, protocol: str) -> list[Row]:
    from vostool.metrics.report import Scores
    from vostool.metrics.tables import region_rows, score_rows, transfer_rows

    if not isinstance(scores, Scores):
        return transfer_rows(scores)
    return region_rows(scores) if protocol == "segtrack" else score_rows(scores)


def _print_tables(results: Results, tables: dict[str, list[Row]]) -> None:
    """A table of each, and the last rows of all side by side where there are several."""
    from vostool.metrics.report import Scores, table_rows

    for name, rows in tables.items():
        print_table(name, rows)
        scores = results[name]
        if isinstance(scores, Scores) and scores.overall is not None:
            print_line(f"overall, the mean of J and F of seen and unseen: {scores.overall:.3f}")
    if len(tables) > 1:
        jaccards = {name: scores for name, scores in results.items() if isinstance(scores, Scores)}
        side_by_side = table_rows(jaccards) or [{"system": name, **rows[-1]} for name, rows in tables.items()]
        print_table("J on each sequence, and over all" if jaccards else "error over all", side_by_side)
