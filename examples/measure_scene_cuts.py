"""How often `--scene-cuts` is wrong on clips of one shot each: steps taken for cuts, and joins that are missed.

    python examples/measure_scene_cuts.py DAVIS

Takes the folders of pictures of a data set in DAVIS layout. A step is from one frame to the next; a join puts the last
frame of one sequence before the first of another, for every ordered pair.
"""

from __future__ import annotations

import sys
from itertools import permutations
from pathlib import Path

import numpy as np

from vostool.datasets.layout import find_sequences
from vostool.video.reading.images import ImageFolderReader
from vostool.video.reading.scene_cuts import SceneCuts


def main(root: Path) -> None:
    """Prints both rates."""
    shots = [look_through(each.image_folder) for each in find_sequences(root)]
    num_cuts, num_steps = (sum(counts) for counts in zip(*(shot[2:] for shot in shots), strict=True))
    joins = [num_cuts_in([one[1], other[0]]) for one, other in permutations(shots, 2)]
    print(f"{num_cuts} of {num_steps} steps taken for cuts, {sum(joins)} of {len(joins)} joins found")


def look_through(folder: Path) -> tuple[np.ndarray, np.ndarray, int, int]:
    """First and last picture of a sequence, how many cuts are seen in it, and how many steps it has."""
    cuts = SceneCuts()
    pictures = (frame.image for frame in ImageFolderReader(folder))
    first = last = next(pictures)
    cuts.is_cut(first)
    found = []
    for last in pictures:
        found.append(cuts.is_cut(last))
    return first, last, sum(found), len(found)


def num_cuts_in(pictures: list[np.ndarray]) -> int:
    """How many cuts are seen between some pictures."""
    cuts = SceneCuts()
    return sum(cuts.is_cut(picture) for picture in pictures)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
