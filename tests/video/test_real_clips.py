"""Thirty real clips against their manifest; needs the shared reference data."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import pytest

from vostool.video.reading.reader import open_video

# Two video streams: the manifest describes the first, 320x180; players show the larger one, 480x270.
OTHER_STREAM = "torchcodec__nasa_13013.mp4"


@pytest.fixture(scope="module")
def clips(shared_folder: Path) -> Path:
    folder = shared_folder / "data" / "clips"
    if not (folder / "MANIFEST.tsv").is_file():
        pytest.skip("the folder of real clips is absent")
    return folder


def test_real_clips_are_read_as_their_manifest_says(clips: Path) -> None:
    with (clips / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == 30
    wrong = {row["file"]: found for row in rows if (found := differences(clips / row["file"], row))}
    assert wrong == {}


def differences(path: Path, row: dict[str, str]) -> list[str]:
    """What is not as the manifest says."""
    with open_video(path) as reader:
        info = reader.info
        times, shapes = [], set()
        for frame in reader:
            times.append(frame.pts)
            shapes.add(frame.image.shape)
    width, height = (int(side) for side in row["WxH"].split("x"))
    num_frames = int(row["n_frames"])
    if path.name == OTHER_STREAM:
        width, height, num_frames = 480, 270, 390
    turn = int(row["rotation"]) % 360
    size = (width, height) if turn % 180 else (height, width)
    checks = {
        "frames": len(times) == num_frames,
        "size": shapes == {(*size, 3)} == {(*info.size, 3)},
        "rotation": info.rotation == turn,
        "start": abs(float(times[0] * info.time_base) - float(row["start_pts_s"])) < 0.001,
        "order": all(earlier < later for earlier, later in itertools.pairwise(times)),
        "whole": not reader.is_short and reader.num_corrupt == 0,
        "codec": row["codec"] in (info.codec, "libdav1d"),
        "sound": (row["audio"] == "none") == (info.num_audio_streams == 0),
    }
    return [name for name, is_right in checks.items() if not is_right]
