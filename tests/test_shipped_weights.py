"""The checkpoint that is shipped: it is the one its page describes, and it follows objects."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from vostool.metrics.region import jaccard
from vostool.propagation.propagator import propagate
from vostool.systems import build_segmenter
from vostool.types import Annotation, Frame
from vostool.weights.load import file_sha256

SIZE = (160, 240)
NUM_FRAMES = 12


def texture(seed: int, size: tuple[int, int], colour: tuple[int, int, int]) -> np.ndarray:
    """Coarse blotches around a colour."""
    noise = np.random.default_rng(seed).normal(0, 45, (size[0] // 8 + 1, size[1] // 8 + 1, 3)).astype(np.float32)
    blotches = cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(blotches + np.array(colour), 0, 255).astype(np.uint8)


def paint() -> tuple[list[Frame], list[np.ndarray]]:
    """Two textured disks that cross over a drifting background, and their true labels."""
    background = texture(0, (SIZE[0], SIZE[1] + NUM_FRAMES), (90, 110, 80))
    disks = [texture(1, SIZE, (200, 90, 60)), texture(2, SIZE, (60, 90, 200))]
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    frames, truths = [], []
    for index in range(NUM_FRAMES):
        image, labels = background[:, index : index + SIZE[1]].copy(), np.zeros(SIZE, np.uint8)
        for object_id, (row, column) in enumerate([(70, 50 + 8 * index), (95, 190 - 8 * index)], start=1):
            inside = (rows - row) ** 2 + (columns - column) ** 2 < 28**2
            image[inside] = np.roll(disks[object_id - 1], (row, column), axis=(0, 1))[inside]
            labels[inside] = object_id
        frames.append(Frame(index, index, Fraction(1, 25), image))
        truths.append(labels)
    return frames, truths


def test_shipped_weights_follow_two_objects_that_cross() -> None:
    frames, truths = paint()
    annotation = Annotation(0, truths[0], (1, 2))
    results = list(propagate(build_segmenter("lite", device="cpu"), frames, {0: annotation}))[1:]
    for object_id in (1, 2):
        pairs = zip(results, truths[1:], strict=True)
        scores = [jaccard(result.labels == object_id, truth == object_id) for result, truth in pairs]
        copied = [jaccard(truths[0] == object_id, truth == object_id) for truth in truths[1:]]
        assert np.mean(scores) > 0.8
        assert np.mean(scores) > 2 * np.mean(copied)


def test_page_of_the_weights_names_this_very_file(repository: Path) -> None:
    page = (repository / "weights" / "README.md").read_text(encoding="utf-8")
    for path in (repository / "weights").glob("*.safetensors"):
        assert file_sha256(path) in page
        assert path.stat().st_size <= 30e6
