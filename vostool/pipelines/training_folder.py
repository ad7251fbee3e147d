"""The folder of a run: its name, whether it is free, and the pictures that end up in it."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from vostool.errors import OutputError
from vostool.pipelines.training_options import TrainOptions
from vostool.training.checkpoint import RunFolder
from vostool.training.recipe import Recipe

RUNS = Path("runs")
CURVES, SHEET = "curves.png", "sheet.png"


def run_folder(options: TrainOptions, recipe: Recipe) -> RunFolder:
    """The folder that was named, or ``runs/DATA-RECIPE``."""
    data = options.data or options.stills or options.cutouts
    name = f"{data.resolve().name}-{recipe.name}" if data else recipe.name
    return RunFolder(options.out or RUNS / name)


def check_folder(folder: RunFolder, options: TrainOptions) -> None:
    """Refuses, before any work, a folder that cannot be the run's; leaves nothing behind.

    Raises:
        UsageError: There is nothing to resume.
        OutputError: A run is there already, or the folder cannot be written to.
    """
    path = folder.path
    if options.is_resumed:
        folder.read_state()
    elif path.exists() and not path.is_dir():
        raise OutputError(f"output {path} is a file, not a folder", "give another name with -o", code="output.exists")
    elif path.is_dir() and any(path.iterdir()) and not options.overwrite:
        hint = "give --resume to go on with it, --overwrite to replace it, or another name with -o"
        raise OutputError(f"output folder {path} exists", hint, code="output.exists")
    parent = next(each for each in (path, *path.absolute().parents) if each.is_dir())
    if not os.access(parent, os.W_OK):
        raise OutputError(f"cannot write to {parent}", "choose a folder that can be written to", code="output.folder")


def clear_folder(folder: RunFolder) -> None:
    """Removes what an earlier run left; other files stay."""
    folder.clear()
    for name in (CURVES, SHEET):
        (folder.path / name).unlink(missing_ok=True)


def save_picture(image: Image.Image, path: Path) -> None:
    """Writes a PNG by rename.

    Raises:
        OutputError: It cannot be written.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        image.save(temporary, "PNG", optimize=True)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(
            f"{path} cannot be written ({error.strerror or error})", "check the space left; the weights are whole"
        ) from error
