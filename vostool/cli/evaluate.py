"""``vostool eval``: scores on annotated sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vostool.cli import options as shared
from vostool.cli.console import Messages, print_json, print_table

Data = Annotated[
    Path, typer.Option("--data", metavar="FOLDER", help="Root of a data set in DAVIS layout.", show_default=False)
]
Sequences = Annotated[
    str | None, typer.Option("--sequences", help="Names, separated by commas; default all.", metavar="A,B")
]
Systems = Annotated[
    str,
    typer.Option(
        "--system", help="Systems or baselines (first-mask, optical-flow, imagenet-features), separated by commas."
    ),
]
Year = Annotated[
    int, typer.Option("--year", metavar="YEAR", help="2016: all that is not 0 is one object; 2017: ids, 255 is void.")
]
Backbone = Annotated[
    Path | None,
    typer.Option("--backbone", metavar="FILE", help="ImageNet ResNet-18 for imagenet-features.", show_default=False),
]


def evaluate_command(
    data: Data,
    sequences: Sequences = None,
    systems: Systems = "lite",
    year: Year = 2016,
    size: shared.Size = 480,
    weights: shared.WeightsFile = None,
    backbone: Backbone = None,
    device: shared.Device = "auto",
    quiet: shared.Quiet = False,
    as_json: shared.Json = False,
) -> None:
    """Run systems from each sequence's first mask and score them: J, F and J&F as the DAVIS evaluation does.

    vostool eval --data DAVIS --sequences bus,rhino --system first-mask,lite
    """
    from vostool.metrics.report import table_rows
    from vostool.pipelines.compare import CompareOptions, compare

    messages = Messages(quiet=quiet)
    options = CompareOptions(
        data=data, systems=tuple(systems.split(",")), sequences=tuple(sequences.split(",")) if sequences else None,
        year=year, size=size, device=device, weights=weights, backbone=backbone,
    )  # fmt: skip
    results = compare(
        options, lambda system, scores: messages.note(f"{system} on {scores.name}: J {scores.region.mean:.3f}")
    )
    if as_json:
        print_json({system: scores.to_dict() for system, scores in results.items()})
    else:
        print_table("J on each sequence, and over all", table_rows(results))
