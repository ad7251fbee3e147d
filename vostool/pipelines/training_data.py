"""What a run learns from and what it is scored on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from vostool.datasets.footage import ClipFiles, Footage, find_footage
from vostool.datasets.library import Library, VideoClip, load_library
from vostool.errors import InputError, UsageError
from vostool.pipelines.training_options import TrainOptions

# One clip in so many is kept for validation, if there are at least ``MIN_CLIPS``.
CLIPS_PER_VALIDATION, MIN_CLIPS = 10, 4
# What a GPU keeps free for the network while the data lie on it.
RESIDENT_SHARE = 0.4


@dataclass(frozen=True)
class DataFiles:
    """Clips on disk.

    Attributes:
        training: To draw from.
        validation: To score on; may be empty.
    """

    training: Footage
    validation: Footage

    @property
    def problems(self) -> tuple[str, ...]:
        """What was left out and why, one line each."""
        return self.training.problems


def find_data(options: TrainOptions) -> DataFiles:
    """Finds the clips and parts them.

    Raises:
        UsageError: There is nothing to train on, or no validation clip of a name.
        InputError: The folder is missing or cannot be used.
    """
    _require_folders(options)
    if options.data is None:
        if options.validation:
            raise UsageError("--validation names clips, but no folder of clips is given", "name the folder of clips")
        return DataFiles(Footage(), Footage())
    found = find_footage(options.data, year=options.year)
    chosen = _choose_validation(found.clips, options.validation)
    training = tuple(clip for clip in found.clips if clip.name not in chosen)
    if not training and options.stills is None and options.cutouts is None:
        raise UsageError("--validation leaves no clip to train on", f"there are {len(found.clips)} in all")
    held_out = tuple(clip for clip in found.clips if clip.name in chosen)
    return DataFiles(replace(found, clips=training), Footage(held_out))


def load_data(
    files: DataFiles, options: TrainOptions, on_note: Callable[[str], None], *, has_validation: bool = True
) -> tuple[Library, tuple[VideoClip, ...]]:
    """Decodes all clips and pictures once."""
    library = load_library(
        files.training, stills=options.stills, cutouts=options.cutouts, backgrounds=options.backgrounds,
        short_side=options.size, year=options.year, on_note=on_note,
    )  # fmt: skip
    if not files.validation.clips or not has_validation:
        return library, ()
    held_out = load_library(files.validation, short_side=options.size, year=options.year, on_note=on_note)
    return library, held_out.videos


def make_resident(library: Library, device: torch.device) -> Library:
    """The library on the device, if that leaves the network enough room; else as it is."""
    if device.type != "cuda":
        return library
    free, _ = torch.cuda.mem_get_info(device)
    return library.to(device) if library.num_bytes < free * RESIDENT_SHARE else library


def _choose_validation(clips: tuple[ClipFiles, ...], names: tuple[str, ...] | None) -> set[str]:
    """The named clips, or one in ten, spread over the order of the names."""
    known = [clip.name for clip in clips]
    if names is None:
        spread = known[CLIPS_PER_VALIDATION - 1 :: CLIPS_PER_VALIDATION] or known[-1:]
        return set(spread) if len(known) >= MIN_CLIPS else set()
    if unknown := [name for name in names if name not in known]:
        raise UsageError(
            f"--validation names {', '.join(unknown)}, which is no usable clip", f"there are {', '.join(known)}"
        )
    return set(names)


def _require_folders(options: TrainOptions) -> None:
    if options.data is None and options.stills is None and options.cutouts is None:
        raise UsageError("there is nothing to train on", "name a folder of clips with masks, or --stills")
    folders = (options.data, options.stills, options.cutouts, options.backgrounds)
    for folder in folders:
        if folder is not None and not folder.is_dir():
            raise InputError(f"no such folder: {folder}", "check the path", code="input.folder")
