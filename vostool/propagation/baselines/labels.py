"""What the baselines share: their interface, and labels as one soft map per object.

Shapes: M the number of maps, background first and then each object in rising order of its id.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Baseline(Protocol):
    """Follows the objects of one annotated frame through the frames after it."""

    def start(self, frame: np.ndarray, labels: np.ndarray) -> None:
        """Takes the annotated frame, HxWx3 uint8 RGB, and its HxW uint8 labels; forgets any video before."""

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Takes the next frame, HxWx3 uint8 RGB, and returns its HxW uint8 labels."""


def to_maps(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Splits labels into maps.

    Returns:
        The M ids, uint8, 0 first; and the maps, MxHxW float32, 1 where the label is that id and 0 elsewhere.
    """
    ids = np.union1d(labels, np.zeros(1, labels.dtype)).astype(np.uint8)
    return ids, (labels == ids[:, None, None]).astype(np.float32)


def to_labels(ids: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Id of the largest map at each pixel, HxW uint8; the background wins ties."""
    return ids[maps.argmax(axis=0)]
