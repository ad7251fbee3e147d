"""``vostool train``: learn from clips with masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vostool.cli import options as shared
from vostool.cli.console import Messages, print_json, print_line, print_table, training_progress

if TYPE_CHECKING:
    from vostool.pipelines.training_options import TrainOptions

PANEL_DATA, PANEL_RECIPE, PANEL_RUN = "The data", "The recipe", "The run"

Data = Annotated[
    Path | None,
    typer.Argument(
        metavar="[DIR]", show_default=False,
        help="Folder of clips with masks: DAVIS or YouTube-VOS layout, or CLIP.mp4 or CLIP/ beside CLIP_masks/.",
    ),
]  # fmt: skip
Out = Annotated[
    Path | None,
    typer.Option(
        "-o", "--out", metavar="FOLDER", rich_help_panel=PANEL_RUN, show_default="runs/DIR-RECIPE",
        help="Folder of the run: weights, state, metrics, pictures.",
    ),
]  # fmt: skip
Start = Annotated[
    Path | None,
    typer.Option(
        "--from", metavar="FILE", rich_help_panel=PANEL_RECIPE, show_default="the system's own weights",
        help="Weights to start from; random for none.",
    ),
]  # fmt: skip
Backbones = Annotated[
    list[Path] | None,
    typer.Option(
        "--backbone", metavar="FILE", rich_help_panel=PANEL_RECIPE,
        help="Start from random weights, with these ImageNet weights in the encoders they fit; may be repeated.",
    ),
]  # fmt: skip
SystemName = Annotated[
    str | None,
    typer.Option(
        "--system", metavar="NAME", rich_help_panel=PANEL_RECIPE, show_default="that of --recipe or --from, else lite",
        help=f"One of {', '.join(shared.SYSTEM_NAMES)}.",
    ),
]  # fmt: skip
RecipeName = Annotated[
    str | None,
    typer.Option(
        "--recipe", metavar="NAME", rich_help_panel=PANEL_RECIPE, show_default="the system's main one",
        help="What to do; the options below change it. docs/training.md lists them.",
    ),
]  # fmt: skip
Steps = Annotated[
    int | None,
    typer.Option("--steps", metavar="NUMBER", rich_help_panel=PANEL_RECIPE, help="Optimiser steps."),
]
BatchSize = Annotated[
    int | None,
    typer.Option("--batch-size", metavar="NUMBER", rich_help_panel=PANEL_RECIPE, help="Clips of a step, in all."),
]
Crop = Annotated[
    str | None,
    typer.Option(
        "--crop", metavar="PIXELS", rich_help_panel=PANEL_RECIPE,
        help="Size of a training clip: 256 or 640x384, width first; multiples of 16, rgmp 32.",
    ),
]  # fmt: skip
LearningRate = Annotated[
    float | None,
    typer.Option(
        "--learning-rate", metavar="RATE", rich_help_panel=PANEL_RECIPE,
        help="Peak rate; the backbone's changes by the same factor.",
    ),
]  # fmt: skip
Seed = Annotated[
    int | None,
    typer.Option("--seed", metavar="NUMBER", min=0, rich_help_panel=PANEL_RECIPE, help="Of all random numbers."),
]
AttentionDropout = Annotated[
    float | None,
    typer.Option(
        "--attention-dropout", metavar="SHARE", rich_help_panel=PANEL_RECIPE,
        help="Share of the memory's attention weights to drop.",
    ),
]  # fmt: skip
Reallocation = Annotated[
    float | None,
    typer.Option(
        "--reallocation", metavar="SHARE", rich_help_panel=PANEL_RECIPE,
        help="Share of the object's memory whose attention is reallocated.",
    ),
]  # fmt: skip
Validation = Annotated[
    str | None,
    typer.Option(
        "--validation", metavar="A,B", rich_help_panel=PANEL_DATA, show_default="one in ten; none of fewer than 4",
        help="Clips that are scored and not trained on.",
    ),
]  # fmt: skip
Stills = Annotated[
    Path | None,
    typer.Option(
        "--stills", metavar="FOLDER", rich_help_panel=PANEL_DATA,
        help="Pictures with masks: SET/images/NAME.jpg and SET/masks/NAME.png.",
    ),
]  # fmt: skip
Cutouts = Annotated[
    Path | None,
    typer.Option("--cutouts", metavar="FOLDER", rich_help_panel=PANEL_DATA, help="Objects with alpha, to paste."),
]
Backgrounds = Annotated[
    Path | None,
    typer.Option("--backgrounds", metavar="FOLDER", rich_help_panel=PANEL_DATA, help="Pictures to paste on."),
]
Year = Annotated[
    int | None,
    typer.Option(
        "--year", metavar="YEAR", rich_help_panel=PANEL_DATA, show_default="recognised",
        help="2016: all that is not 0 is one object; 2017: ids, 255 is void.",
    ),
]  # fmt: skip
Size = Annotated[
    int,
    typer.Option(
        "--size", metavar="PIXELS", min=32, rich_help_panel=PANEL_DATA,
        help="Short side at which clips are kept and scored.",
    ),
]  # fmt: skip
Resume = Annotated[bool, typer.Option("--resume", rich_help_panel=PANEL_RUN, help="Go on with the run in the folder.")]
SaveEvery = Annotated[
    int | None,
    typer.Option(
        "--save-every", metavar="STEPS", rich_help_panel=PANEL_RUN, show_default="a tenth of the run, at most 100",
        help="How often the state is saved.",
    ),
]  # fmt: skip
ValidateEvery = Annotated[
    int | None,
    typer.Option(
        "--validate-every", metavar="STEPS", rich_help_panel=PANEL_RUN, show_default="a fifth of the run",
        help="How often the validation clips are scored.",
    ),
]  # fmt: skip
ShowRecipe = Annotated[
    bool, typer.Option("--show-recipe", rich_help_panel=PANEL_RECIPE, help="Print the recipe's numbers and stop.")
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", rich_help_panel=PANEL_RUN,
        help="Print clips, problems, memory and time, measured on two steps, and stop; nothing is written.",
    ),
]  # fmt: skip


def train_command(
    data: Data = None,
    validation: Validation = None,
    stills: Stills = None,
    cutouts: Cutouts = None,
    backgrounds: Backgrounds = None,
    year: Year = None,
    size: Size = 480,
    system: SystemName = None,
    recipe: RecipeName = None,
    start: Start = None,
    backbones: Backbones = None,
    steps: Steps = None,
    batch_size: BatchSize = None,
    crop: Crop = None,
    learning_rate: LearningRate = None,
    seed: Seed = None,
    attention_dropout: AttentionDropout = None,
    reallocation: Reallocation = None,
    show_recipe: ShowRecipe = False,
    out: Out = None,
    resume: Resume = False,
    dry_run: DryRun = False,
    save_every: SaveEvery = None,
    validate_every: ValidateEvery = None,
    overwrite: shared.Overwrite = False,
    device: shared.Device = "auto",
    precision: shared.Precision = "auto",
    quiet: shared.Quiet = False,
    as_json: shared.Json = False,
) -> None:
    """Learn from clips with masks: fine-tune on your own footage, or train a system by its paper's recipe.

    vostool train my_clips --dry-run

    vostool train my_clips -o runs/mine

    vostool segment clip.mp4 --mask first.png --weights runs/mine/best.safetensors
    """
    from vostool.pipelines.training_options import TrainOptions

    options = TrainOptions(
        data=data, out=out, start=start, backbones=tuple(backbones or ()), system=system, recipe=recipe,
        num_steps=steps, batch_size=batch_size, crop=parse_crop(crop), learning_rate=learning_rate, seed=seed,
        attention_dropout=attention_dropout, reallocation=reallocation,
        validation=tuple(validation.split(",")) if validation else None, stills=stills, cutouts=cutouts,
        backgrounds=backgrounds, year=year, size=size, device=device, precision=precision, is_resumed=resume,
        overwrite=overwrite, save_every=save_every, validate_every=validate_every,
    )  # fmt: skip
    if show_recipe:
        _print_recipe(options, as_json=as_json)
    elif dry_run:
        _print_plan(options, Messages(quiet=quiet), as_json=as_json)
    else:
        _train(options, quiet=quiet, as_json=as_json)


def parse_crop(text: str | None) -> tuple[int, int] | None:
    """``256`` or ``640x384``, width first, as (height, width).

    Raises:
        typer.BadParameter: It is neither.
    """
    if text is None:
        return None
    sides = text.lower().split("x")
    if not 1 <= len(sides) <= 2 or not all(side.isdecimal() for side in sides):
        raise typer.BadParameter(f"--crop is '{text}'; give pixels such as 256 or 640x384")
    return int(sides[-1]), int(sides[0])


def _train(options: TrainOptions, *, quiet: bool, as_json: bool) -> None:
    """One process of the run; of several only the first one speaks."""
    from vostool.pipelines.train import train
    from vostool.pipelines.training_options import TrainListeners

    messages = Messages(quiet=quiet)
    with training_progress(quiet=quiet) as on_step:
        report = train(options, listeners=TrainListeners(on_step, messages.note, messages.warn))
    if report is None:
        return
    if as_json:
        print_json(report.to_dict())
    for picture in report.pictures:
        messages.note(f"wrote {picture}")
    messages.note(f"wrote {report.best}: vostool segment CLIP --mask FIRST.png --weights {report.best}")


def _print_recipe(options: TrainOptions, *, as_json: bool) -> None:
    from vostool.pipelines.recipe_choice import choose_recipe, recipe_lines

    recipe = choose_recipe(options)
    if as_json:
        print_json(recipe.to_dict())
        return
    for line in recipe_lines(recipe):
        print_line(line)


def _print_plan(options: TrainOptions, messages: Messages, *, as_json: bool) -> None:
    from vostool.pipelines.training_plan import plan

    planned = plan(options, messages.note, messages.warn)
    if as_json:
        print_json(planned.to_dict())
        return
    print_table("clips", planned.table_rows())
    for line in planned.summary_lines():
        print_line(line)
