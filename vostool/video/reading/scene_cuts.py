"""Hard cuts between shots, found by two cheap signs that must agree.

Colours change at a cut, and so does where light and dark lie. A camera that pans fast changes the second, a lamp that
is switched on the first; only a cut changes both. Slow fades are not found. ``docs/segmenting.md`` has the error rates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

# Bhattacharyya distance of the colour histograms, 0 equal to 1 disjoint, from which the colours count as others.
MIN_COLOUR_DISTANCE = 0.35
# Correlation of the small grey pictures, -1..1, below which the layout counts as another.
MAX_LIKENESS = 0.8
# Width and height of the picture that is compared.
THUMBNAIL = (64, 36)
# Hue, saturation, value.
HISTOGRAM_BINS = (8, 4, 4)


@dataclass(frozen=True, slots=True)
class _Look:
    """What is compared of one frame: the roots of the shares of colours, and a small grey picture."""

    colours: np.ndarray
    light: np.ndarray


class SceneCuts:
    """Says of each frame whether a new shot begins with it."""

    def __init__(self) -> None:
        self._last: _Look | None = None

    def is_cut(self, image: np.ndarray) -> bool:
        """True if the picture, HxWx3 uint8 RGB, belongs to another shot than the one given before; False at first."""
        before, self._last = self._last, _look(image)
        return before is not None and _differ(before, self._last)

    def state(self) -> dict[str, Any]:
        """What ``restore`` needs to go on."""
        return (
            {} if self._last is None else {"colours": self._last.colours.tolist(), "light": self._last.light.tolist()}
        )

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on after the frame at which ``state`` was taken."""
        values = {name: np.array(numbers, np.float32) for name, numbers in state.items()}
        self._last = _Look(**values) if values else None


def _look(image: np.ndarray) -> _Look:
    small = cv2.resize(image, THUMBNAIL, interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
    counts = cv2.calcHist([hsv], [0, 1, 2], None, list(HISTOGRAM_BINS), [0, 180, 0, 256, 0, 256]).ravel()
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return _Look(np.sqrt(counts / counts.sum()), grey - grey.mean())


def _differ(before: _Look, now: _Look) -> bool:
    distance = math.sqrt(max(0.0, 1.0 - float(before.colours @ now.colours)))
    return distance > MIN_COLOUR_DISTANCE and _likeness(before.light, now.light) < MAX_LIKENESS


def _likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation; 0 where one of the pictures is even."""
    scale = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / scale if scale > 0 else 0.0
