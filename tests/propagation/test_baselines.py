"""Baselines on made clips: two coloured, textured squares that stand still or move over a textured background."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vostool.errors import WeightsError
from vostool.metrics.region import jaccard
from vostool.models.blocks.resnet import ResNet18Stride16
from vostool.propagation.baselines import BASELINES
from vostool.propagation.baselines.features import BACKBONE_NAME
from vostool.propagation.baselines.labels import to_labels, to_maps

SIZE = (176, 240)
RED, GREEN, BLUE = (220, 60, 60), (60, 150, 60), (60, 60, 220)


def texture(seed: int, height: int, width: int, colour: tuple[int, int, int]) -> np.ndarray:
    """Smooth noise around a colour, so that flow has gradients to follow."""
    coarse = np.random.default_rng(seed).integers(-55, 56, (height // 4 + 2, width // 4 + 2, 3)).astype(np.float32)
    fine = np.kron(coarse, np.ones((4, 4, 1), np.float32))
    smooth = (fine[:-3, :-3] + fine[3:, :-3] + fine[:-3, 3:] + fine[3:, 3:]) / 4
    return np.clip(smooth[:height, :width] + colour, 0, 255).astype(np.uint8)


def make_clip(speed: int, num_frames: int = 8) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Frames and labels, ids 3 and 200; both squares move right by ``speed`` pixels a frame."""
    frames, masks = [], []
    for index in range(num_frames):
        frame, labels = texture(0, *SIZE, GREEN), np.zeros(SIZE, np.uint8)
        for object_id, top, colour in ((3, 16, RED), (200, 96, BLUE)):
            left = 16 + index * speed
            frame[top : top + 64, left : left + 64] = texture(object_id, 64, 64, colour)
            labels[top : top + 64, left : left + 64] = object_id
        frames.append(frame)
        masks.append(labels)
    return frames, masks


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ResNet-18 of random parameters."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("backbone")
    save_file({name: tensor.half() for name, tensor in ResNet18Stride16().state_dict().items()}, folder / BACKBONE_NAME)
    return folder


def follow(name: str, backbone: Path, frames: list[np.ndarray], labels: np.ndarray) -> list[np.ndarray]:
    baseline = BASELINES[name](backbone)
    baseline.start(frames[0], labels)
    return [baseline.step(frame) for frame in frames[1:]]


@pytest.mark.parametrize("name", BASELINES)
def test_keeps_size_type_and_ids(name: str, backbone: Path) -> None:
    frames, masks = make_clip(speed=2)
    for labels in follow(name, backbone, frames, masks[0]):
        assert labels.shape == SIZE
        assert labels.dtype == np.uint8
        assert set(np.unique(labels)) <= {0, 3, 200}


@pytest.mark.parametrize("name", BASELINES)
def test_still_objects_stay(name: str, backbone: Path) -> None:
    frames, masks = make_clip(speed=0)
    last = follow(name, backbone, frames, masks[0])[-1]
    assert all(jaccard(last == each, masks[0] == each) > 0.75 for each in (3, 200))


@pytest.mark.parametrize("name", BASELINES)
def test_start_forgets_the_video_before(name: str, backbone: Path) -> None:
    frames, masks = make_clip(speed=2)
    baseline = BASELINES[name](backbone)
    for _ in range(2):
        baseline.start(frames[0], masks[0])
        last = [baseline.step(frame) for frame in frames[1:]][-1]
        np.testing.assert_array_equal(last, follow(name, backbone, frames, masks[0])[-1])


def test_first_mask_is_copied(backbone: Path) -> None:
    frames, masks = make_clip(speed=5)
    for labels in follow("first-mask", backbone, frames, masks[0]):
        np.testing.assert_array_equal(labels, masks[0])


@pytest.mark.parametrize("name", ["optical-flow", "imagenet-features"])
def test_moving_objects_are_followed(name: str, backbone: Path) -> None:
    """Where the copied mask would score 0.6; edges of flow are ragged and features have cells of 16 pixels."""
    frames, masks = make_clip(speed=2, num_frames=9)
    last = follow(name, backbone, frames, masks[0])[-1]
    assert all(jaccard(last == each, masks[-1] == each) > 0.72 for each in (3, 200))


def test_features_of_the_real_backbone_follow(shared_folder: Path) -> None:
    """Two cells of the grid along, where the copied mask would score 0.33."""
    frames, masks = make_clip(speed=4, num_frames=9)
    last = follow("imagenet-features", shared_folder / "data" / "backbones", frames, masks[0])[-1]
    assert all(jaccard(last == each, masks[-1] == each) > 0.72 for each in (3, 200))


def test_features_do_not_look_outside_the_window(backbone: Path) -> None:
    """Beyond its reach an object is lost, however much it looks the same."""
    frame, labels = np.zeros((64, 512, 3), np.uint8), np.zeros((64, 512), np.uint8)
    frame[:, :64], labels[:, :64] = 255, 1
    (answer,) = follow("imagenet-features", backbone, [frame, frame[:, ::-1].copy()], labels)
    assert not answer[:, 256:].any()


def red_square(left: int | None) -> tuple[np.ndarray, np.ndarray]:
    """A frame with a red square on green from that column on, or none, and its labels."""
    frame, labels = np.full((96, 320, 3), GREEN, np.uint8), np.zeros((96, 320), np.uint8)
    if left is not None:
        frame[16:80, left : left + 64], labels[16:80, left : left + 64] = RED, 1
    return frame, labels


def test_features_remember_recent_frames(backbone: Path) -> None:
    """The object moves further than a window reaches from where it was on the first frame."""
    clip = [red_square(left) for left in range(16, 241, 32)]
    last = follow("imagenet-features", backbone, [frame for frame, _ in clip], clip[0][1])[-1]
    assert jaccard(last == 1, clip[-1][1] == 1) > 0.8


def test_features_remember_the_first_frame(backbone: Path) -> None:
    """The object is gone for longer than the recent frames last."""
    clip = [red_square(left) for left in (128, *[None] * 6, 128)]
    *_, away, last = follow("imagenet-features", backbone, [frame for frame, _ in clip], clip[0][1])
    assert not away.any()
    assert jaccard(last == 1, clip[-1][1] == 1) > 0.8


@pytest.mark.parametrize("given", ["none", "missing", "text", "other"])
def test_backbone_that_cannot_be_used_is_named(tmp_path: Path, given: str) -> None:
    path = None if given == "none" else tmp_path / BACKBONE_NAME
    if given == "text":
        (tmp_path / BACKBONE_NAME).write_text("no weights")
    if given == "other":
        save_file({"conv1.weight": torch.zeros(3)}, tmp_path / BACKBONE_NAME)
    with pytest.raises(WeightsError, match=BACKBONE_NAME.replace(".", r"\.")):
        BASELINES["imagenet-features"](path)


def test_maps_and_labels_are_inverse() -> None:
    labels = np.random.default_rng(0).choice([0, 3, 200], (9, 11)).astype(np.uint8)
    ids, maps = to_maps(labels)
    np.testing.assert_array_equal(to_labels(ids, maps), labels)
    np.testing.assert_array_equal(maps.sum(axis=0), 1)
    full_ids, _ = to_maps(np.full((2, 2), 5, np.uint8))
    assert full_ids.tolist() == [0, 5]
