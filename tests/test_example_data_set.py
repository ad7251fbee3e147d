"""The example that makes a data set of the demo clip."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
from PIL import Image

from vostool.datasets.layout import find_sequences


def test_frames_and_masks_are_paired(tmp_path: Path, repository: Path) -> None:
    (tmp_path / "truth").mkdir()
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(3):
            Image.fromarray(np.full((48, 64), index, np.uint8)).save(tmp_path / "truth" / f"{index:05d}.png")
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8))))
        container.mux(stream.encode())
    script = repository / "examples/make_data_set.py"
    subprocess.run([sys.executable, str(script), str(tmp_path), str(tmp_path / "data")], check=True)
    (sequence,) = find_sequences(tmp_path / "data")
    assert sequence.name == "koi"
    assert [file.stem for file in sequence.frame_files] == [file.stem for file in sequence.mask_files]
    assert len(sequence.frame_files) == 3
