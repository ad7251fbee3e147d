"""What each number of the recipe of `lite` is worth, at small scale: one change at a time, at the same cost.

    python examples/study_recipe.py run DAVIS --stills STILLS --cutouts CUTOUTS --backgrounds BACKGROUNDS \
        --backbone resnet18.safetensors -o runs/study [--only NAME,NAME] [--seed 0]
    python examples/study_recipe.py table runs/study

Two groups: `start` learns for a few minutes from ImageNet features, `restart` goes on from the shipped weights. A run
is as long as the others of its group in pixels of training frames, so that a variant with larger crops takes fewer
steps. Each writes one line of JSON, with J and F on the validation clips, for the averaged weights and those of the
last step; several processes may share the folder. A run that is there is not made again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean, pstdev
from time import perf_counter
from typing import Annotated, Any

import torch
import typer

from vostool.datasets.library import Library, VideoClip
from vostool.models.lite import LiteConfig, LiteNetwork
from vostool.pipelines.training_data import find_data, load_data
from vostool.pipelines.training_options import TrainOptions
from vostool.pipelines.training_start import make_start
from vostool.systems import find_system
from vostool.training.drawing import ClipMixture
from vostool.training.papers import lite_first, lite_objects, lite_restart
from vostool.training.recipe import Recipe, Sources
from vostool.training.records import Habits
from vostool.training.stage import Stage
from vostool.training.trainee import Trainee
from vostool.training.validation import validate_clips
from vostool.weights.backbone import apply_backbone

app = typer.Typer(add_completion=False)
CPU = torch.device("cpu")
VALIDATION = ("bus", "dog-agility", "horsejump-low", "kite-walk", "rhino")
# Short side at which clips are scored: the smaller one where networks are far from done.
SIZES = {"start": 240, "restart": 320}


@dataclass(frozen=True)
class Variant:
    """One change of the base of its group.

    Attributes:
        group: ``start`` or ``restart``.
        what: The number that is changed, and to what.
        change: From the base recipe.
        config: Of the network, where it is another.
    """

    group: str
    what: str
    change: Callable[[Recipe], Recipe] = lambda recipe: recipe
    config: LiteConfig = field(default_factory=LiteConfig)


def start_base() -> Recipe:
    """`lite-first`, much shortened."""
    first = lite_first()
    return replace(
        first, num_steps=160, batch_size=4, optimiser=replace(first.optimiser, warmup_steps=20, average_decay=0.98)
    )


def restart_base() -> Recipe:
    """`lite-restart`, shortened."""
    restart = lite_restart()
    return replace(restart, num_steps=100, optimiser=replace(restart.optimiser, warmup_steps=10, average_decay=0.98))


BASES = {"start": start_base, "restart": restart_base}


def optimiser(**numbers: Any) -> Callable[[Recipe], Recipe]:
    """Changes numbers of the optimiser."""
    return lambda recipe: replace(recipe, optimiser=replace(recipe.optimiser, **numbers))


def rates(factor: float) -> Callable[[Recipe], Recipe]:
    """Both peak rates times a factor."""

    def change(recipe: Recipe) -> Recipe:
        old = recipe.optimiser
        assert old.backbone_rate is not None
        new = replace(old, learning_rate=old.learning_rate * factor, backbone_rate=old.backbone_rate * factor)
        return replace(recipe, optimiser=new)

    return change


def numbers(**changed: Any) -> Callable[[Recipe], Recipe]:
    """Changes numbers of the recipe."""
    return lambda recipe: replace(recipe, **changed)


def objects(recipe: Recipe) -> Recipe:
    """The clips of `lite-objects`."""
    other = lite_objects()
    return replace(recipe, sources=other.sources, augmentation=other.augmentation, max_objects=other.max_objects)


LAYERS = tuple(f"backbone.{name}" for name in ("conv1", "layer1", "layer2", "layer3"))
VARIANTS = {
    "start": Variant("start", "base: lite-first, 160 steps of 4 clips of 3 frames of 192 pixels"),
    "frozen-all": Variant("start", "whole backbone frozen", optimiser(frozen=LAYERS)),
    "frozen-two": Variant("start", "conv1 and layer1 frozen", optimiser(frozen=LAYERS[:2])),
    "frozen-none": Variant("start", "nothing frozen", optimiser(frozen=())),
    "value-64": Variant("start", "64 learned channels of a value, not 128", config=LiteConfig(learned_channels=64)),
    "value-256": Variant("start", "256 learned channels of a value", config=LiteConfig(learned_channels=256)),
    "top-20": Variant("start", "20 nearest slots read in training, not all", numbers(top_k=20)),
    "rate-double": Variant("start", "rates doubled", rates(2.0)),
    "rate-half": Variant("start", "rates halved", rates(0.5)),
    "batch-2": Variant("start", "batches of 2 clips", numbers(batch_size=2)),
    "batch-8": Variant("start", "batches of 8 clips", numbers(batch_size=8)),
    "frames-2": Variant("start", "2 frames a clip", numbers(num_frames=2)),
    "restart": Variant("restart", "base: lite-restart, 100 steps of 4 clips of 4 frames of 256 pixels"),
    "restart-rate-double": Variant("restart", "rates doubled", rates(2.0)),
    "restart-frozen-none": Variant("restart", "nothing frozen", optimiser(frozen=())),
    "restart-crop-320": Variant("restart", "crops of 320 pixels", numbers(crop=(320, 320))),
    "restart-frames-6": Variant("restart", "6 frames a clip", numbers(num_frames=6)),
    "restart-top-20": Variant("restart", "20 nearest slots read in training", numbers(top_k=20)),
    "restart-objects": Variant("restart", "recipe lite-objects: up to three objects", objects),
    "restart-no-composites": Variant(
        "restart", "no composites: video and stills only", numbers(sources=Sources(video=0.8, still=0.2))
    ),
}  # fmt: skip


@app.command()
def run(
    data: Path,
    out: Annotated[Path, typer.Option("-o")],
    stills: Annotated[Path, typer.Option()],
    cutouts: Annotated[Path, typer.Option()],
    backgrounds: Annotated[Path, typer.Option()],
    backbone: Annotated[Path, typer.Option()],
    only: str = ",".join(VARIANTS),
    seed: int = 0,
) -> None:
    """Trains and scores the variants in the order named."""
    options = TrainOptions(
        data, validation=VALIDATION, stills=stills, cutouts=cutouts, backgrounds=backgrounds, year=2016, size=400
    )
    library, held_out = load_data(find_data(options), options, print)
    for name in only.split(","):
        line = out / f"{name}-{seed}.json"
        if not line.exists():
            result = train_variant(VARIANTS[name], library, held_out, backbone, out / f"{name}-{seed}", seed)
            line.write_text(json.dumps({"name": name, "seed": seed} | result) + "\n")
            print(line.read_text(), flush=True)


def train_variant(
    variant: Variant, library: Library, held_out: tuple[VideoClip, ...], backbone: Path, folder: Path, seed: int
) -> dict[str, Any]:
    """Figures of one run."""
    base = BASES[variant.group]()
    recipe = same_cost(replace(variant.change(base), seed=seed), base)
    network = make_network(variant, backbone, seed)
    mixture = ClipMixture(library, recipe)
    system = find_system("lite")
    habits = Habits(save_every=recipe.num_steps)
    stage = Stage(Trainee(system, network, recipe), recipe, mixture.draw_batch, folder, CPU, habits=habits)
    started = perf_counter()
    stage.run()
    seconds = perf_counter() - started
    figures = {}
    state = stage.folder.read_state()
    for kind, weights in (("last", state["network"]), ("average", state["network"] | state["average"]["averages"])):
        network.load_state_dict(weights)
        with torch.inference_mode():
            scores = validate_clips(system, network, held_out, CPU, SIZES[variant.group])
        figures[kind] = {"J": scores.region.mean, "F": scores.boundary.mean, "J&F": scores.region_and_boundary}
    return {"group": variant.group, "what": variant.what, "steps": recipe.num_steps, "seconds": seconds, **figures}


def same_cost(recipe: Recipe, base: Recipe) -> Recipe:
    """As many steps as make the pixels of all training frames those of the base."""

    def pixels(each: Recipe) -> int:
        return each.batch_size * each.num_frames * each.crop[0] * each.crop[1]

    return replace(recipe, num_steps=round(base.num_steps * pixels(base) / pixels(recipe)))


def make_network(variant: Variant, backbone: Path, seed: int) -> Any:
    """From ImageNet features, or the shipped weights."""
    if variant.group == "restart":
        return make_start(find_system("lite"), None, (), seed)[0]
    torch.manual_seed(seed)
    network = LiteNetwork(variant.config).eval()
    apply_backbone(network, backbone)
    return network


@app.command()
def table(folder: Path) -> None:
    """Prints the results in Markdown; several seeds of a variant as mean and deviation."""
    results = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    for group in BASES:
        names = [name for name in VARIANTS if VARIANTS[name].group == group]
        print(f"\n| {group} | steps | runs | J | F | J&F | J&F of the last step |\n|---|---|---|---|---|---|---|")
        for name in names:
            runs = [result for result in results if result["name"] == name]
            if runs:
                print(row(VARIANTS[name].what, runs))


def row(what: str, runs: list[dict[str, Any]]) -> str:
    """One line of the table."""

    def figure(kind: str, name: str) -> str:
        values = [each[kind][name] for each in runs]
        spread = f" ± {pstdev(values):.3f}" if len(values) > 1 else ""
        return f"{mean(values):.3f}{spread}"

    shown = [figure("average", name) for name in ("J", "F", "J&F")] + [figure("last", "J&F")]
    return f"| {what} | {runs[0]['steps']} | {len(runs)} | {' | '.join(shown)} |"


if __name__ == "__main__":
    app()
