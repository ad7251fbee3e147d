"""JumpCut's protocol: masks on disk, and systems that are run from each key frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vostool.errors import InputError, MaskError
from vostool.metrics.transfer import DISTANCES
from vostool.pipelines import compare as compare_module
from vostool.pipelines.compare import CompareOptions, compare_transfer
from vostool.pipelines.transfer import evaluate_transfer

NUM_FRAMES = 35
# With 35 frames: from 0 all three distances end within, from 16 two, none from 32.
TRANSFERS = ((0, 8), (0, 16), (0, 32), (16, 8), (16, 16))


def bar(left: int, value: int = 255) -> np.ndarray:
    """Twenty columns of object, one further to the right on each frame."""
    labels = np.zeros((8, 70), np.uint8)
    labels[2:6, left : left + 20] = value
    return labels


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for kind in ("JPEGImages", "Annotations"):
        (tmp_path / kind / "clip").mkdir(parents=True)
        for index in range(NUM_FRAMES):
            Image.fromarray(bar(index)).save(tmp_path / kind / "clip" / f"{index:05d}.png")
    for key, distance in TRANSFERS:
        file = tmp_path / f"predictions/clip/{key:05d}/{key + distance:05d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        # As many columns behind as the eighth of the distance, from the second key frame one more.
        Image.fromarray(bar(key + distance - distance // 8 - (key > 0), value=1)).save(file)
    return tmp_path


def test_errors_at_the_end_of_each_transfer(data: Path) -> None:
    """Each column behind is one too many and one too few of twenty."""
    for num_jobs in (1, 2):
        scores = evaluate_transfer(data / "predictions", data, num_jobs=num_jobs)
        assert scores.sequences[0].errors == {8: (0.1, 0.2), 16: (0.2, 0.3), 32: (0.4,)}
    assert scores.mean(8) == pytest.approx(0.15)
    assert scores.sequences[0].num_missing == 0


def test_missing_masks_count_as_empty_if_allowed(data: Path) -> None:
    (data / "predictions/clip/00016/00032.png").unlink()
    with pytest.raises(MaskError, match=r"no prediction 16 frames after key frame 00016.*--allow-missing"):
        evaluate_transfer(data / "predictions", data)
    scores = evaluate_transfer(data / "predictions", data, allow_missing=True)
    assert scores.sequences[0].errors[16] == (0.2, 1.0)
    assert scores.sequences[0].num_missing == 1


def test_what_has_no_error_is_refused(data: Path) -> None:
    wrong = data / "predictions/clip/00000/00008.png"
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(wrong)
    with pytest.raises(MaskError, match="frame 00008 of sequence clip is 4x4, its annotation 70x8"):
        evaluate_transfer(data / "predictions", data)
    Image.fromarray(bar(0, value=0)).save(data / "Annotations/clip/00008.png")
    with pytest.raises(MaskError, match=r"no object to measure an error by.*00008.png is empty"):
        evaluate_transfer(data / "predictions", data)
    for index in range(8, NUM_FRAMES):
        (data / f"Annotations/clip/{index:05d}.png").unlink()
    with pytest.raises(InputError, match="sequence clip has 8 masks; give more than 8"):
        evaluate_transfer(data / "predictions", data)


def test_a_system_that_stands_still_is_wrong_by_the_distance(data: Path) -> None:
    scores = compare_transfer(CompareOptions(data, ("first-mask",)))["first-mask"]
    assert [scores.mean(distance) for distance in DISTANCES] == [8 * 0.1, 16 * 0.1, 2.0]


def test_a_system_runs_no_further_than_it_must(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def follow(folder: Path, first: str, labels: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        assert set(np.unique(labels)) == {0, 1}
        for index in range(int(first) + 1, NUM_FRAMES):
            seen.append(f"{index:05d}")
            yield seen[-1], bar(index, value=1)

    monkeypatch.setattr(compare_module, "build_follower", lambda name, **_: follow)
    names: list[tuple[str, str]] = []
    scores = compare_transfer(CompareOptions(data, ("x",)), lambda system, each: names.append((system, each.name)))["x"]
    assert [scores.mean(distance) for distance in DISTANCES] == [0.0, 0.0, 0.0]
    assert names == [("x", "clip")]
    assert seen == [f"{index:05d}" for index in (*range(1, 33), *range(17, 33))]
    monkeypatch.setattr(compare_module, "build_follower", lambda name, **_: lambda *_: iter(()))
    with pytest.raises(InputError, match="frame 00008 of sequence clip was not read"):
        compare_transfer(CompareOptions(data, ("x",)))
