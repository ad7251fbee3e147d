"""The example that makes clips of several objects."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from training_footage import make_davis

from vostool.datasets.layout import find_sequences


def make_composites(repository: Path, davis: Path, out: Path) -> list[np.ndarray]:
    """The masks of the first frames, and then those of the rest, of two clips of five frames."""
    script = repository / "examples/make_composites.py"
    numbers = ["--clips", "2", "--frames", "5", "--height", "64", "--width", "80"]
    command = [sys.executable, str(script), str(davis), str(out), "--sequences", "clip0,clip1", *numbers]
    subprocess.run(command, check=True, capture_output=True)
    found = find_sequences(out)
    assert [each.name for each in found] == ["00", "01"]
    assert all(len(each.frame_files) == len(each.mask_files) == 5 for each in found)
    return [np.array(Image.open(file)) for each in found for file in each.mask_files]


def test_clips_have_several_objects_and_are_always_the_same(tmp_path: Path, repository: Path) -> None:
    davis = make_davis(tmp_path / "davis", num_clips=3)
    once, again = (make_composites(repository, davis, tmp_path / name) for name in ("once", "again"))
    assert min(once[0].max(), once[5].max()) >= 2
    assert all(np.array_equal(one, other) for one, other in zip(once, again, strict=True))
