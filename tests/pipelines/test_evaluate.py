"""Scoring of masks on disk: equal to the golden numbers through files, and one line for all that does not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vostool.errors import InputError, MaskError, UsageError
from vostool.pipelines.evaluate import evaluate

GOLDEN = Path(__file__).parent.parent / "metrics" / "golden_metrics.npz"


def write_masks(folder: Path, masks: np.ndarray) -> Path:
    folder.mkdir(parents=True)
    for index, mask in enumerate(masks):
        Image.fromarray(mask).save(folder / f"{index:05d}.png")
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Predictions and annotations of one sequence of five frames, all right, of object 1 and object 2."""
    masks = np.zeros((5, 24, 30), np.uint8)
    masks[:, 4:14, 4:14], masks[:, 16:22, 5:25] = 1, 2
    write_masks(tmp_path / "predictions" / "clip", masks)
    write_masks(tmp_path / "annotations" / "clip", masks)
    return tmp_path / "predictions", tmp_path / "annotations"


def rewrite(path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(path)


def read(path: Path) -> np.ndarray:
    return np.array(Image.open(path))


def test_golden_numbers_through_files(tmp_path: Path) -> None:
    with np.load(GOLDEN) as golden:
        arrays = dict(golden)
    write_masks(tmp_path / "predictions" / "clip", arrays["prediction"])
    write_masks(tmp_path / "annotations" / "clip", arrays["truth"])
    scores = evaluate(tmp_path / "predictions", tmp_path / "annotations").sequences[0].objects
    np.testing.assert_allclose([each.regions for each in scores], arrays["regions"], rtol=0, atol=1e-9)
    np.testing.assert_allclose([each.boundaries for each in scores], arrays["boundaries"], rtol=0, atol=1e-9)


def test_perfect_predictions_score_one(folders: tuple[Path, Path]) -> None:
    scores = evaluate(*folders)
    assert (scores.region.mean, scores.boundary.mean, scores.region_and_boundary) == (1.0, 1.0, 1.0)
    assert len(scores.objects) == 2
    assert len(scores.objects[0].regions) == 3


def test_first_and_last_frame_do_not_count(folders: tuple[Path, Path]) -> None:
    for name in ("00000.png", "00004.png"):
        (folders[0] / "clip" / name).unlink()
    assert evaluate(*folders).region.mean == 1.0


def test_objects_are_those_of_the_first_mask(folders: tuple[Path, Path]) -> None:
    first = folders[1] / "clip" / "00000.png"
    rewrite(first, np.where(read(first) == 2, 0, read(first)))
    for path in (folders[0] / "clip").iterdir():
        rewrite(path, np.where(read(path) == 2, 0, read(path)))
    assert [each.object_id for each in evaluate(*folders).objects] == [1]


def test_missing_object_counts_as_empty(folders: tuple[Path, Path]) -> None:
    for path in (folders[0] / "clip").iterdir():
        rewrite(path, np.where(read(path) == 2, 0, read(path)))
    assert [each.region.mean for each in evaluate(*folders).objects] == [1.0, 0.0]


def test_void_is_background_in_2017(folders: tuple[Path, Path]) -> None:
    for path in (folders[1] / "clip").iterdir():
        pixels = read(path)
        pixels[0, :] = 255
        rewrite(path, pixels)
    assert evaluate(*folders).region.mean == 1.0


def test_every_value_is_the_object_in_2016(folders: tuple[Path, Path]) -> None:
    for path in (folders[1] / "clip").iterdir():
        rewrite(path, np.where(read(path) > 0, 255, 0).astype(np.uint8))
    scores = evaluate(*folders, year=2016)
    assert [each.object_id for each in scores.objects] == [1]
    assert scores.region.mean == 1.0
    with pytest.raises(MaskError, match=r"no object.*year 2016"):
        evaluate(*folders, year=2017)


def test_sequences_are_reported_as_they_are_scored(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        write_masks(folder / "another", np.ones((3, 8, 8), np.uint8))
    names: list[str] = []
    evaluate(*folders, on_sequence=lambda scores: names.append(scores.name))
    assert names == ["another", "clip"]
    assert [each.name for each in evaluate(*folders, sequences=["clip"]).sequences] == ["clip"]


def test_missing_frame_is_named(folders: tuple[Path, Path]) -> None:
    (folders[0] / "clip" / "00002.png").unlink()
    with pytest.raises(MaskError, match="frame 00002 of sequence clip has no prediction"):
        evaluate(*folders)


def test_missing_sequence_is_named(folders: tuple[Path, Path]) -> None:
    write_masks(folders[1] / "another", np.ones((3, 8, 8), np.uint8))
    with pytest.raises(MaskError, match="sequence another has no predictions"):
        evaluate(*folders)


def test_wrong_size_names_both(folders: tuple[Path, Path]) -> None:
    rewrite(folders[0] / "clip" / "00001.png", np.zeros((12, 15), np.uint8))
    with pytest.raises(MaskError, match="frame 00001 of sequence clip is 15x12, its annotation 30x24"):
        evaluate(*folders)


def test_unknown_object_is_refused(folders: tuple[Path, Path]) -> None:
    rewrite(folders[0] / "clip" / "00001.png", np.full((24, 30), 3, np.uint8))
    with pytest.raises(MaskError, match="object 3, the annotation 2 in all"):
        evaluate(*folders)


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.full((24, 30), 255, np.uint8), "object 255, the annotation 2 in all"),
        (np.zeros((24, 30, 3), np.uint8), "holds colours or wide values"),
        (np.ones((24, 30), np.uint16), "holds colours or wide values"),
    ],
)
def test_predictions_that_hold_no_ids_are_refused(folders: tuple[Path, Path], pixels: np.ndarray, words: str) -> None:
    rewrite(folders[0] / "clip" / "00001.png", pixels)
    with pytest.raises(MaskError, match=words):
        evaluate(*folders)


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_damaged_predictions_are_named(folders: tuple[Path, Path], content: bytes) -> None:
    (folders[0] / "clip" / "00001.png").write_bytes(content)
    with pytest.raises(MaskError, match=r"mask .*00001.png cannot be read"):
        evaluate(*folders)


def test_an_object_that_is_not_to_be_seen_must_not_be_predicted(folders: tuple[Path, Path]) -> None:
    truth_only = folders[1] / "clip/00002.png"
    for path in (truth_only, *(folder / "clip/00001.png" for folder in folders)):
        rewrite(path, np.where(read(path) == 2, 0, read(path)))
    second = evaluate(*folders).objects[1]
    assert second.regions == second.boundaries == (1.0, 0.0, 1.0)


@pytest.mark.parametrize("num_masks", [1, 2])
def test_too_few_masks_are_refused(tmp_path: Path, num_masks: int) -> None:
    write_masks(tmp_path / "clip", np.ones((num_masks, 8, 8), np.uint8))
    with pytest.raises(InputError, match=f"sequence clip has {num_masks} mask"):
        evaluate(tmp_path, tmp_path)


def test_unknown_year_or_sequence_is_refused(folders: tuple[Path, Path]) -> None:
    with pytest.raises(UsageError, match="2018"):
        evaluate(*folders, year=2018)
    with pytest.raises(UsageError, match="no sequence bee"):
        evaluate(*folders, sequences=["bee"])
