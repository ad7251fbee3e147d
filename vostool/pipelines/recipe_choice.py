"""Which recipe a run follows: a named one, or the system's main one, with what was asked for in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vostool.errors import UsageError
from vostool.pipelines.training_options import RANDOM_START, TrainOptions
from vostool.systems import System, find_system
from vostool.training.papers import MAIN_RECIPES, RECIPES
from vostool.training.recipe import Recipe
from vostool.weights.checkpoint import read_checkpoint

DEFAULT_SYSTEM = "lite"
# A run that is cut short keeps at most this share of its steps for the warm-up.
WARMUP_SHARE = 0.2


def choose_recipe(options: TrainOptions) -> Recipe:
    """The recipe with the numbers of this run.

    Raises:
        UsageError: There is no such recipe or system, they do not belong together, or a number makes no sense.
        WeightsError: The file to start from, which tells the system, cannot be read.
    """
    named = _find_recipe(options.recipe) if options.recipe else None
    system = find_system(options.system or (named.system if named else None) or _system_of_start(options))
    recipe = named or MAIN_RECIPES[system.name]()
    if recipe.system != system.name:
        raise UsageError(
            f"recipe '{recipe.name}' trains {recipe.system}, not {system.name}",
            f"give --system {recipe.system}, or one of {', '.join(_recipes_of(system))}",
            code="usage.recipe",
        )
    return _with_numbers(recipe, system, options)


def recipe_lines(recipe: Recipe) -> list[str]:
    """A recipe for people: one number a line, its parts indented."""
    return list(_lines(recipe.to_dict(), ""))


def _find_recipe(name: str) -> Recipe:
    if name not in RECIPES:
        raise UsageError(
            f"there is no recipe '{name}'", f"choose one of {', '.join(_known_recipes())}", code="usage.recipe"
        )
    recipe = RECIPES[name]()
    if not recipe.system:
        raise UsageError(
            f"recipe '{name}' is for the first frame of one clip, not for a folder",
            "use vostool segment --finetune-first-frame, or another recipe",
            code="usage.recipe",
        )
    return recipe


def _known_recipes() -> list[str]:
    return [name for name, make in RECIPES.items() if make().system]


def _recipes_of(system: System) -> list[str]:
    return [name for name, make in RECIPES.items() if make().system == system.name]


def _system_of_start(options: TrainOptions) -> str:
    """What the file to start from tells; of files that do not tell, and of none, the default."""
    if options.start is None or is_random(options.start):
        return DEFAULT_SYSTEM
    return read_checkpoint(options.start).system or DEFAULT_SYSTEM


def is_random(start: Path | None) -> bool:
    """Whether training is to start from random weights."""
    return start is not None and str(start) == RANDOM_START


def _with_numbers(recipe: Recipe, system: System, options: TrainOptions) -> Recipe:
    _check_numbers(options)
    changes = {"num_steps": options.num_steps, "batch_size": options.batch_size, "seed": options.seed}
    given: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
    changed = replace(recipe, **given, crop=_check_crop(options.crop or recipe.crop, system))
    changed = _with_regularisers(changed, system, options)
    optimiser = changed.optimiser
    if options.learning_rate is not None:
        factor = options.learning_rate / optimiser.learning_rate
        backbone_rate = None if optimiser.backbone_rate is None else optimiser.backbone_rate * factor
        optimiser = replace(optimiser, learning_rate=options.learning_rate, backbone_rate=backbone_rate)
    warmup = min(optimiser.warmup_steps, int(changed.num_steps * WARMUP_SHARE))
    return replace(changed, optimiser=replace(optimiser, warmup_steps=warmup))


def _check_numbers(options: TrainOptions) -> None:
    """Refuses what would fail later, or train nothing."""
    counts = {
        "--steps": options.num_steps, "--batch-size": options.batch_size, "--learning-rate": options.learning_rate,
        "--save-every": options.save_every, "--validate-every": options.validate_every,
    }  # fmt: skip
    for name, value in counts.items():
        if value is not None and not value > 0:
            raise UsageError(f"{name} is {value}", "give a number above 0")
    shares = {"--attention-dropout": options.attention_dropout, "--reallocation": options.reallocation}
    for name, value in shares.items():
        if value is not None and not 0 <= value < 1:
            raise UsageError(f"{name} is {value:g}", "give a share of at least 0 and below 1")


def _check_crop(crop: tuple[int, int], system: System) -> tuple[int, int]:
    stride = system.conventions.canvas.stride
    if min(crop) < stride or any(side % stride for side in crop):
        height, width = (max(stride, round(side / stride) * stride) for side in crop)
        raise UsageError(
            f"--crop is {crop[1]}x{crop[0]}, but {system.name} takes multiples of {stride} pixels",
            f"give for example {width}x{height}",
            code="usage.crop",
        )
    return crop


def _with_regularisers(recipe: Recipe, system: System, options: TrainOptions) -> Recipe:
    changes = {"attention_dropout": options.attention_dropout, "reallocation": options.reallocation}
    given = {name: value for name, value in changes.items() if value is not None}
    if given and system.defaults is None:
        found = " and ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UsageError(f"{system.name} has no memory that {found} could change", f"leave out {found}")
    return replace(recipe, regularisers=replace(recipe.regularisers, **given))


def _lines(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping) and "points" in value:
            yield f"{indent}{name}: {_schedule_text(value)}"
        elif isinstance(value, Mapping):
            yield f"{indent}{name}:"
            yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}{name}: {_text(value)}"


def _schedule_text(schedule: Mapping[str, Any]) -> str:
    points = schedule["points"]
    if len(points) == 1:
        return f"{points[0][1]:g}"
    how = "each from" if schedule["is_stepped"] else "evenly through"
    return f"{how} {', '.join(f'{value:g} at {100 * progress:.4g} %' for progress, value in points)} of the run"


def _text(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(_text, value)) or "none"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
