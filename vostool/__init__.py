"""Follow the objects of one mask through a video of any length, in constant memory.

The public functions are found on first use, so that ``import vostool`` loads neither torch nor PyAV.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vostool.pipelines.evaluate import evaluate
    from vostool.pipelines.masks import MaskSource
    from vostool.pipelines.segment import segment_video
    from vostool.pipelines.segment_options import SegmentOptions
    from vostool.pipelines.train import train
    from vostool.pipelines.training_options import TrainOptions
    from vostool.propagation.propagator import propagate
    from vostool.systems import build_segmenter, list_systems
    from vostool.video.masks.annotation import load_masks
    from vostool.video.reading.reader import open_video

__version__ = "0.1.0"

_HOMES = {
    "MaskSource": "vostool.pipelines.masks",
    "SegmentOptions": "vostool.pipelines.segment_options",
    "TrainOptions": "vostool.pipelines.training_options",
    "build_segmenter": "vostool.systems",
    "evaluate": "vostool.pipelines.evaluate",
    "list_systems": "vostool.systems",
    "load_masks": "vostool.video.masks.annotation",
    "open_video": "vostool.video.reading.reader",
    "propagate": "vostool.propagation.propagator",
    "segment_video": "vostool.pipelines.segment",
    "train": "vostool.pipelines.train",
}

__all__ = [
    "MaskSource",
    "SegmentOptions",
    "TrainOptions",
    "build_segmenter",
    "evaluate",
    "list_systems",
    "load_masks",
    "open_video",
    "propagate",
    "segment_video",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'vostool' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
