"""Systems run over a made data set in DAVIS layout, frames read from disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vostool.errors import InputError, MaskError, UsageError, WeightsError
from vostool.metrics.region import jaccard
from vostool.metrics.report import Scores, table_rows
from vostool.models.lite import LiteConfig, LiteNetwork
from vostool.pipelines import compare as compare_module
from vostool.pipelines.compare import CompareOptions, compare
from vostool.pipelines.followers import Follower
from vostool.weights.save import save_weights

NUM_FRAMES = 6


@pytest.fixture
def data_set(tmp_path: Path) -> Path:
    """Two sequences; in "moving" both objects move by two pixels a frame, in "still" none does."""
    for name, speed in (("moving", 2), ("still", 0)):
        for folder in ("JPEGImages", "Annotations"):
            (tmp_path / folder / "480p" / name).mkdir(parents=True)
        for index in range(NUM_FRAMES):
            labels = np.zeros((48, 64), np.uint8)
            labels[4:20, 4 + speed * index : 20 + speed * index] = 1
            labels[28:44, 8 + speed * index : 24 + speed * index] = 2
            write(tmp_path / "JPEGImages/480p" / name / f"{index:05d}.png", np.stack([labels * 100] * 3, axis=-1))
            write(tmp_path / "Annotations/480p" / name / f"{index:05d}.png", labels)
    return tmp_path


def write(path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(path)


def mask_file(data_set: Path, name: str, index: int) -> Path:
    return data_set / "Annotations/480p" / name / f"{index:05d}.png"


def read(path: Path) -> np.ndarray:
    return np.array(Image.open(path))


def test_first_mask_scores_what_its_overlap_is(data_set: Path) -> None:
    scores = compare(CompareOptions(data_set, ("first-mask",)))["first-mask"]
    first = read(mask_file(data_set, "moving", 0)) == 1
    overlaps = [jaccard(first, read(mask_file(data_set, "moving", index)) == 1) for index in range(1, NUM_FRAMES - 1)]
    assert scores.sequences[0].objects[0].regions == tuple(overlaps)
    assert scores.sequences[1].region.mean == 1.0


def test_systems_and_sequences_keep_their_order(data_set: Path) -> None:
    seen: list[tuple[str, str]] = []
    options = CompareOptions(data_set, ("optical-flow", "first-mask"), ("still", "moving"))
    rows = table_rows(compare(options, lambda system, scores: seen.append((system, scores.name))))
    assert [row["system"] for row in rows] == ["optical-flow", "first-mask"]
    assert list(rows[0]) == ["system", "still", "moving", "J", "F", "J&F"]
    assert seen == [(system, name) for system in options.systems for name in ("still", "moving")]


def test_year_2016_joins_the_objects(data_set: Path) -> None:
    scores = compare(CompareOptions(data_set, ("first-mask",), year=2016))["first-mask"]
    assert [len(sequence.objects) for sequence in scores.sequences] == [1, 1]


def test_starts_at_the_first_mask_and_scores_only_annotated_frames(data_set: Path) -> None:
    """Masks of frames 1, 3 and 5: given, scored, left out."""
    for index in (0, 2, 4):
        mask_file(data_set, "moving", index).unlink()
    scores = compare(CompareOptions(data_set, ("first-mask",), ("moving",)))["first-mask"]
    first, truth = (read(mask_file(data_set, "moving", index)) == 2 for index in (1, 3))
    assert scores.objects[1].regions == (jaccard(first, truth),)


def test_lite_runs_and_is_scored(data_set: Path, tmp_path: Path) -> None:
    """With random weights, so that only the way there and back is tested."""
    torch.manual_seed(0)
    network = LiteNetwork(LiteConfig())
    save_weights(tmp_path / "lite.safetensors", "lite", network.state_dict(), network.config, {})
    options = CompareOptions(data_set, ("lite",), device="cpu", weights=tmp_path / "lite.safetensors")
    scores = compare(options)["lite"]
    assert [len(sequence.objects) for sequence in scores.sequences] == [2, 2]
    assert all(len(each.regions) == NUM_FRAMES - 2 for each in scores.objects)


def test_perfect_system_scores_one(data_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert scores_of(oracle, data_set, monkeypatch).region_and_boundary == 1.0


def oracle(folder: Path, first: str, labels: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    masks = sorted(Path(str(folder).replace("JPEGImages", "Annotations")).iterdir())
    return ((path.stem, read(path)) for path in masks if path.stem > first)


def scores_of(follower: Follower, data_set: Path, monkeypatch: pytest.MonkeyPatch) -> Scores:
    monkeypatch.setattr(compare_module, "build_follower", lambda name, **_: follower)
    return compare(CompareOptions(data_set, ("lite",)))["lite"]


def test_frames_left_out_by_a_system_are_an_error(data_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def follow(folder: Path, first: str, labels: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        return (pair for pair in oracle(folder, first, labels) if pair[0] != "00003")

    with pytest.raises(InputError, match="frame 00003 of sequence moving was not read"):
        scores_of(follow, data_set, monkeypatch)


def test_masks_of_another_size_than_the_frames_are_refused(data_set: Path) -> None:
    for index in range(NUM_FRAMES):
        write(mask_file(data_set, "still", index), np.ones((24, 32), np.uint8))
        write(mask_file(data_set, "moving", index), np.ones((24, 32), np.uint8))
    with pytest.raises(MaskError, match="mask 00000 of sequence moving is 32x24, its frame 64x48"):
        compare(CompareOptions(data_set, ("first-mask",)))


def test_mask_without_frame_is_named(data_set: Path) -> None:
    (data_set / "JPEGImages/480p/still/00002.png").unlink()
    with pytest.raises(InputError, match="mask 00002 of sequence still has no frame"):
        compare(CompareOptions(data_set, ("first-mask",)))


def test_what_cannot_be_built_is_refused_before_anything_runs(data_set: Path) -> None:
    seen: list[str] = []
    with pytest.raises(WeightsError, match="imagenet-features needs the backbone"):
        compare(CompareOptions(data_set, ("first-mask", "imagenet-features")), lambda system, _: seen.append(system))
    with pytest.raises(UsageError, match="no system 'nothing'; choose among first-mask, optical-flow, imagenet-feat"):
        compare(CompareOptions(data_set, ("first-mask", "nothing")), lambda system, _: seen.append(system))
    assert seen == []
