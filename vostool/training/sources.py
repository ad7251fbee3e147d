"""Finding the training data below one folder and making clip sources of it.

The folder holds any of: a data set in DAVIS layout, stills (SET/images and SET/masks), cutouts (RGBA) and backgrounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vostool.datasets.clips import CompositeSource, StillSource, VideoSource
from vostool.datasets.layout import VALIDATION_SEQUENCES, find_sequences
from vostool.datasets.pictures import MaskedPicture, find_cutouts, find_pictures, find_stills, load_sequence
from vostool.training.batches import ClipMixture


def load_mixture(
    root: Path,
    zoom: tuple[float, float],
    *,
    video: str = "davis2016-train",
    held_out: Sequence[str] = VALIDATION_SEQUENCES,
) -> ClipMixture:
    """Reads the videos into memory and lists the rest.

    Args:
        root: Folder with ``video`` in DAVIS layout, ``stills``, ``cutouts`` and ``backgrounds``.
        zoom: Smallest and largest factor from video pixels to crop pixels.
        held_out: Sequences that are never drawn from.
    """
    found = [each for each in find_sequences(root / video) if each.name not in held_out]
    sequences = [load_sequence(each.frame_files, each.mask_files) for each in found]
    stills = find_stills(root / "stills")
    objects = stills + 3 * find_cutouts(root / "cutouts")
    backgrounds = [MaskedPicture(path) for path in find_pictures(root / "backgrounds")]
    return ClipMixture(
        VideoSource(sequences, zoom), StillSource(stills), CompositeSource(objects, backgrounds), objects
    )
