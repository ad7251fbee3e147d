"""Ways to carry a mask through a video that learn nothing from video: what a trained system has to beat."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vostool.propagation.baselines.copying import FirstMask
from vostool.propagation.baselines.features import ImageNetFeatures
from vostool.propagation.baselines.flow import OpticalFlow
from vostool.propagation.baselines.labels import Baseline

# What makes each, from the file of the ImageNet backbone or its folder, which only the last one needs.
BASELINES: dict[str, Callable[[Path | None], Baseline]] = {
    "first-mask": lambda backbone: FirstMask(),
    "optical-flow": lambda backbone: OpticalFlow(),
    "imagenet-features": ImageNetFeatures,
}

__all__ = ["BASELINES", "Baseline", "FirstMask", "ImageNetFeatures", "OpticalFlow"]
