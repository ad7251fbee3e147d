"""All that a run needs before its first step, made in the order in which mistakes are cheap to find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from vostool.datasets.library import VideoClip
from vostool.pipelines.recipe_choice import choose_recipe
from vostool.pipelines.training_data import DataFiles, find_data, load_data, make_resident
from vostool.pipelines.training_folder import check_folder, run_folder
from vostool.pipelines.training_options import TrainOptions
from vostool.pipelines.training_start import load_run_weights, make_start
from vostool.systems import System, find_system
from vostool.training.batch import ClipBatch
from vostool.training.checkpoint import RunFolder
from vostool.training.device import local_device, training_precision
from vostool.training.drawing import ClipMixture
from vostool.training.recipe import Recipe
from vostool.training.trainee import Trainee


@dataclass(frozen=True)
class TrainingSetup:
    """A run before its first step.

    Attributes:
        recipe, system: What is trained and how.
        folder: Of the run; not made yet.
        device, precision: Where and how precisely this process trains.
        files: Clips on disk.
        mixture: Draws training clips.
        num_bytes: Of all that clips are drawn from.
        is_resident: Whether that lies on the device.
        samples: Clips to look at: those of validation, else the first ones that are trained on.
        has_validation: Whether ``samples`` are not trained on.
        trainee: The network with its losses, on the device.
        started_from: Where its weights came from.
    """

    recipe: Recipe
    system: System
    folder: RunFolder
    device: torch.device
    precision: torch.dtype
    files: DataFiles
    mixture: ClipMixture
    num_bytes: int
    is_resident: bool
    samples: tuple[VideoClip, ...]
    has_validation: bool
    trainee: Trainee
    started_from: str

    @property
    def network(self) -> Any:
        """What is trained."""
        return self.trainee.network

    def draw(self, step: int, piece: slice) -> ClipBatch:
        """Some clips of a step's batch, on the device."""
        batch = self.mixture.draw_batch(step, piece)
        if batch.frames.device == self.device:
            return batch
        frames, labels, priors = (each.to(self.device) for each in (batch.frames, batch.labels, batch.priors))
        return ClipBatch(frames, labels, priors, batch.names)


# With no validation clips, so many of those that are trained on are shown.
NUM_SHOWN_CLIPS = 2


def set_up(options: TrainOptions, on_note: Callable[[str], None], on_warning: Callable[[str], None]) -> TrainingSetup:
    """Makes everything; writes nothing.

    Raises:
        VostoolError: Or one of its kinds: options, data, device, weights or folder cannot be used.
    """
    recipe = choose_recipe(options)
    system, folder = find_system(recipe.system), run_folder(options, recipe)
    check_folder(folder, options)
    device = local_device(options.device)
    precision = training_precision(options.precision, device)
    files = find_data(options)
    for problem in files.problems:
        on_warning(problem)
    network, started_from = _make_network(options, system, folder, recipe)
    library, held_out = load_data(files, options, on_warning)
    resident = make_resident(library, device)
    on_note(_describe(recipe, files, started_from, device, precision))
    return TrainingSetup(
        recipe, system, folder, device, precision, files, ClipMixture(resident, recipe), resident.num_bytes,
        resident is not library or device.type == "cpu", held_out or library.videos[:NUM_SHOWN_CLIPS], bool(held_out),
        Trainee(system, network.to(device), recipe), started_from,
    )  # fmt: skip


def _make_network(options: TrainOptions, system: System, folder: RunFolder, recipe: Recipe) -> tuple[Any, str]:
    """The network to begin with; of a resumed run as it is in its folder, whose state replaces the weights."""
    if options.is_resumed and folder.last.is_file():
        return load_run_weights(system, folder.last), str(folder.last)
    return make_start(system, options.start, options.backbones, recipe.seed)


def _describe(recipe: Recipe, files: DataFiles, start: str, device: torch.device, precision: torch.dtype) -> str:
    held_out = ", ".join(clip.name for clip in files.validation.clips) or "none"
    computed = str(precision).removeprefix("torch.")
    return (
        f"{recipe.system} by recipe {recipe.name} from {start}, on {device} in {computed}: "
        f"{recipe.num_steps} steps of {recipe.batch_size} clips; training clips {len(files.training.clips)}, "
        f"validation clips {held_out}"
    )
