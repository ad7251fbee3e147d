"""The first mask, warped along from frame to frame by optical flow."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from vostool.propagation.baselines.labels import to_labels, to_maps


class OpticalFlow:
    """Warps soft maps by DIS flow (Kroeger et al. 2016) from each frame back to the one before it."""

    def __init__(self) -> None:
        self._flow: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def start(self, frame: np.ndarray, labels: np.ndarray) -> None:
        """Takes the annotated frame, HxWx3 uint8 RGB, and its HxW uint8 labels."""
        self._grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        self._ids, self._maps = to_maps(labels)

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Takes the next frame, HxWx3 uint8 RGB, and returns its HxW uint8 labels."""
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        to_previous = self._flow.calc(grey, self._grey, None)
        rows, columns = np.indices(grey.shape, dtype=np.float32)
        source_x, source_y = columns + to_previous[..., 0], rows + to_previous[..., 1]
        self._maps = np.stack([_sample(each, source_x, source_y) for each in self._maps])
        self._grey = grey
        return to_labels(self._ids, self._maps)


def _sample(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
