"""Tiny jobs for tests of the main job: a network whose masks change from frame to frame, clips, and what came out."""

from __future__ import annotations

import gc
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from synthetic_clips import flat_image, make_clip, pattern_images
from tiny_network import TINY, tiny_network

from vostool.pipelines.masks import MaskSource
from vostool.pipelines.segment_options import SegmentOptions
from vostool.weights.save import save_weights

SIZE = (48, 64)
NUM_FRAMES = 12
# Top and left of the box that is drawn of an object, and its width and height.
FIRST_BOXES = {1: (4, 4), 2: (24, 36)}
SIDE = 20

# Every job collects garbage, which takes most of its time unless what is loaded up to here is left out.
gc.freeze()


def save_lively_weights(path: Path) -> Path:
    """A tiny network at random that neither loses its objects at once nor fills the picture with them."""
    network = tiny_network()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(1)
        predict = network.decoder.predict
        propagated = predict.weight[0, -1, 1, 1].clone()
        torch.nn.init.normal_(predict.weight, std=0.3)
        predict.weight[0, -1, 1, 1] = propagated
        predict.bias.fill_(0.8)
        network.key_projection.weight.mul_(4)
    save_weights(path, "lite", network.state_dict(), TINY, {"made": "at random"})
    return path


def draw(boxes: Mapping[int, tuple[int, int]]) -> np.ndarray:
    """Labels of boxes, by the object's id."""
    labels = np.zeros(SIZE, np.uint8)
    for object_id, (top, left) in boxes.items():
        labels[top : top + SIDE, left : left + SIDE] = object_id
    return labels


def save_mask(path: Path, boxes: Mapping[int, tuple[int, int]]) -> Path:
    """Draws boxes into a picture of ids with a palette, so that a single object keeps its id."""
    image = Image.fromarray(draw(boxes), mode="P")
    image.putpalette([value for index in range(256) for value in (index, 255 - index, index // 2)])
    image.save(path)
    return path


def make_job(folder: Path, weights: Path, **values: Any) -> SegmentOptions:
    """A clip of ``NUM_FRAMES`` frames, two objects on the first one, masks and records as outputs."""
    options = SegmentOptions(
        make_clip(folder / "clip.mp4", num_frames=NUM_FRAMES, size=SIZE),
        MaskSource(save_mask(folder / "first.png", FIRST_BOXES)),
        outputs=(str(folder / "masks"),), records=folder / "records.jsonl", weights=weights, device="cpu",
        checkpoint_every=3,
    )  # fmt: skip
    return replace(options, **values)


def elsewhere(options: SegmentOptions, folder: Path, **values: Any) -> SegmentOptions:
    """The same job with its outputs in another folder."""
    folder.mkdir(exist_ok=True)
    outputs = tuple(str(folder / Path(output).name) for output in options.outputs)
    records = folder / options.records.name if options.records else None
    return replace(options, outputs=outputs, records=records, **values)


def two_shots(num_first: int, num_second: int) -> list[np.ndarray]:
    """Pictures of two shots that share neither colours nor light."""
    second = []
    for index in range(num_second):
        image = flat_image((20, 60, 200), *SIZE)
        image[24:, :] = (200, 30, 120)
        image[4:12, 40 - 2 * index : 56 - 2 * index] = (250, 250, 20)
        second.append(image)
    return pattern_images(num_first, *SIZE) + second


def read_masks(folder: Path | str) -> dict[int, np.ndarray]:
    """Pixels of every picture in a folder by its number."""
    return {int(path.stem): read_pixels(path) for path in sorted(Path(folder).iterdir())}


def read_pixels(path: Path) -> np.ndarray:
    """Of one picture, as stored."""
    with Image.open(path) as image:
        return np.asarray(image)


def read_lines(path: Path | None) -> list[dict[str, Any]]:
    """Objects of a file with one on each line."""
    assert path is not None
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def same_masks(found: Mapping[int, np.ndarray], expected: Mapping[int, np.ndarray]) -> bool:
    """Whether two folders hold the same frames with the same pixels."""
    return found.keys() == expected.keys() and all(np.array_equal(found[index], expected[index]) for index in found)


def leftovers(folder: Path) -> list[str]:
    """What an unfinished job leaves beside its outputs."""
    return sorted(path.name for path in folder.iterdir() if ".part" in path.name or path.name.endswith(".job"))
