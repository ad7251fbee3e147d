"""The first mask, copied to every frame."""

from __future__ import annotations

import numpy as np


class FirstMask:
    """Answers every frame with the mask of the first: what standing still would score."""

    def start(self, frame: np.ndarray, labels: np.ndarray) -> None:
        """Keeps the labels, HxW uint8."""
        self._labels = labels.copy()

    def step(self, frame: np.ndarray) -> np.ndarray:
        """The labels that were kept, HxW uint8."""
        return self._labels.copy()
