"""How scoring is shared out: threads that read ahead, and processes as soon as there is enough for them to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from vostool.datasets.layout import list_masks
from vostool.pipelines.processes import num_usable_processors

# A process costs half a second to start; about 1,000 frames of 480p, which take two seconds, make up for it.
PIXELS_PER_PROCESS = 400_000_000
# Scoring a frame takes a third of the time of reading it: further threads would wait.
MAX_READERS = 4


def plan_work(folders: Sequence[Path], num_jobs: int | None) -> tuple[int, int]:
    """Number of processes, and of threads in each that read masks ahead.

    Args:
        folders: Annotations of each sequence.
        num_jobs: Processes, each without further threads; None for what pays.
    """
    if num_jobs is not None:
        return num_jobs, 1
    num_processors = num_usable_processors()
    num_pixels = sum(_num_pixels(list_masks(folder)) for folder in folders)
    num_processes = max(1, min(num_processors, len(folders), num_pixels // PIXELS_PER_PROCESS))
    return num_processes, max(1, min(num_processors // num_processes, MAX_READERS))


def _num_pixels(files: Sequence[Path]) -> int:
    """Pixels of all masks of a sequence, as if each were of the size of the first; 0 if that cannot be read."""
    try:
        with Image.open(files[0]) as image:
            return len(files) * image.width * image.height
    except (OSError, SyntaxError, ValueError):
        return 0
