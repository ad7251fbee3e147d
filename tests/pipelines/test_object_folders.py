"""Masks of objects that have folders of their own, as SegTrack v2 keeps them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vostool.datasets.layout import (
    find_mask_folders,
    find_sequences,
    is_mask,
    list_masks,
    read_labels,
    read_own_masks,
)
from vostool.errors import MaskError
from vostool.pipelines.compare import CompareOptions, compare
from vostool.pipelines.evaluate import evaluate

SIZE = (12, 20)


def bar(left: int, right: int) -> np.ndarray:
    mask = np.zeros(SIZE, np.uint8)
    mask[2:10, left:right] = 255
    return mask


def save(file: Path, pixels: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A sequence of two objects that overlap by two columns, and one of a single object in one folder."""
    for index in range(4):
        name = f"{index:05d}.png"
        save(tmp_path / "JPEGImages/two" / name, np.zeros((*SIZE, 3), np.uint8))
        save(tmp_path / "JPEGImages/one" / name, np.zeros((*SIZE, 3), np.uint8))
        save(tmp_path / "GroundTruth/two/1" / name, bar(2, 8))
        # Some masks of the set are in colours.
        save(tmp_path / "GroundTruth/two/2" / name, np.stack([bar(6, 14)] * 3, axis=-1))
        save(tmp_path / "GroundTruth/one" / name, bar(3, 9))
    return tmp_path


def test_objects_are_joined_and_keep_their_own_masks(root: Path) -> None:
    folders = find_mask_folders(root)
    assert [folder.name for folder in folders] == ["one", "two"]
    masks = list_masks(folders[1])
    assert [path.name for path in masks] == [f"{index:05d}.png" for index in range(4)]
    assert is_mask(masks[0])
    assert not is_mask(masks[0].with_name("00009.png"))
    labels = read_labels(masks[0], 2017)
    assert labels[5].tolist() == [0, 0, *[1] * 6, *[2] * 6, *[0] * 6]
    own = read_own_masks(masks[0])
    assert {key: int(mask.sum()) for key, mask in own.items()} == {1: 48, 2: 64}
    assert read_own_masks(list_masks(folders[0])[0]) == {}
    assert [each.mask_files for each in find_sequences(root, ["two"])] == [masks]


def test_each_object_is_scored_by_its_own_mask(root: Path) -> None:
    for index in range(4):
        labels = np.where(bar(2, 8) > 0, 1, np.where(bar(6, 14) > 0, 2, 0)).astype(np.uint8)
        save(root / f"labels/two/{index:05d}.png", labels)
        save(root / f"labels/one/{index:05d}.png", bar(3, 9))
    scores = evaluate(root / "labels", root, protocol="segtrack")
    assert [(each.object_id, each.regions) for each in scores.objects] == [(1, (1.0,) * 3)] * 2 + [(2, (6 / 8,) * 3)]


def test_predictions_may_be_in_folders_too(root: Path) -> None:
    for num_jobs in (1, None):
        scores = evaluate(root / "GroundTruth", root, protocol="segtrack", num_jobs=num_jobs)
        assert [each.regions for each in scores.objects] == [(1.0,) * 3] * 3


def test_systems_run_from_the_joined_mask(root: Path) -> None:
    scores = compare(CompareOptions(root, ("first-mask",), protocol="segtrack"))["first-mask"]
    assert [each.regions for each in scores.objects] == [(1.0,) * 3] * 2 + [(6 / 8,) * 3]


def test_what_does_not_fit_is_told(root: Path) -> None:
    save(root / "GroundTruth/two/2/00001.png", np.zeros((3, 4), np.uint8))
    with pytest.raises(MaskError, match=r"the objects of mask .*00001.png differ in size"):
        evaluate(root / "GroundTruth", root, protocol="segtrack")
    (root / "GroundTruth/two/2/00001.png").unlink()
    with pytest.raises(MaskError, match=r"mask .*two.2.00001.png is missing"):
        evaluate(root / "GroundTruth", root, protocol="segtrack")
