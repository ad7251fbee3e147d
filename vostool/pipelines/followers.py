"""Baselines and segmenters behind one call, for jobs that compare them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from vostool.errors import MaskError, UsageError
from vostool.propagation.baselines import BASELINES, Baseline
from vostool.propagation.propagator import DEFAULT_SHORT_SIDE, propagate
from vostool.propagation.segmenter import Segmenter
from vostool.systems import SYSTEMS, build_segmenter
from vostool.types import Annotation, VideoInfo
from vostool.video.reading.reader import open_video

# Stem and HxW uint8 labels of frame after frame.
Answers = Iterator[tuple[str, np.ndarray]]
# Takes a folder of frames, the stem of the annotated one and its labels; answers for each frame after it.
Follower = Callable[[Path, str, np.ndarray], Answers]
# Takes a folder of frames and the labels of the objects that are given on some, by stem, in order; answers for each
# frame after the first of those.
LateFollower = Callable[[Path, Mapping[str, np.ndarray]], Answers]


def build_follower(
    name: str,
    *,
    backbone: Path | None = None,
    weights: Path | None = None,
    device: str = "auto",
    short_side: int | None = DEFAULT_SHORT_SIDE,
) -> Follower:
    """The baseline of that name, or else the segmenter.

    Args:
        name: Of a baseline or of a system.
        backbone: ImageNet ResNet-18, a file or its folder, for the baseline that needs it.
        weights: File of weights of a segmenter; None for its default.
        device: Where a segmenter runs.
        short_side: Of the picture that a segmenter sees, in pixels; None for that of the source.

    Raises:
        WeightsError: If weights or the backbone are missing or do not fit.
        UsageError: If there is no system of that name.
    """
    if name in BASELINES:
        return _baseline_follower(BASELINES[name](backbone))
    if name not in SYSTEMS:
        raise UsageError(f"there is no system '{name}'", f"choose among {', '.join([*BASELINES, *SYSTEMS])}")
    return segmenter_follower(build_segmenter(name, weights, device), short_side)


def build_late_follower(
    name: str, *, weights: Path | None = None, device: str = "auto", short_side: int | None = DEFAULT_SHORT_SIDE
) -> LateFollower:
    """The segmenter of that name, which takes on objects in the middle of a clip; see ``build_follower``.

    Raises:
        WeightsError: If weights are missing or do not fit.
        UsageError: If there is no system of that name, or it is a baseline.
    """
    if name in BASELINES:
        raise UsageError(f"'{name}' cannot take on objects that appear later", f"choose among {', '.join(SYSTEMS)}")
    if name not in SYSTEMS:
        raise UsageError(f"there is no system '{name}'", f"choose among {', '.join(SYSTEMS)}")
    segmenter = build_segmenter(name, weights, device)
    return lambda folder, given: _follow(segmenter, folder, given, short_side)


def _baseline_follower(baseline: Baseline) -> Follower:
    def follow(folder: Path, first: str, labels: np.ndarray) -> Answers:
        with open_video(folder) as reader:
            stems = reader.info.frame_names
            _check_size(labels, reader.info, first)
            start = stems.index(first)
            for frame in reader:
                if frame.index == start:
                    baseline.start(frame.image, labels)
                elif frame.index > start:
                    yield stems[frame.index], baseline.step(frame.image)

    return follow


def segmenter_follower(segmenter: Segmenter, short_side: int | None) -> Follower:
    """A segmenter that was made already; see ``build_follower``."""
    return lambda folder, first, labels: _follow(segmenter, folder, {first: labels}, short_side)


def _follow(segmenter: Segmenter, folder: Path, given: Mapping[str, np.ndarray], short_side: int | None) -> Answers:
    with open_video(folder) as reader:
        stems = reader.info.frame_names
        annotations = {}
        for stem, labels in given.items():
            _check_size(labels, reader.info, stem)
            object_ids = tuple(int(each) for each in np.unique(labels) if each)
            annotations[stems.index(stem)] = Annotation(stems.index(stem), labels, object_ids)
        start = min(annotations)
        for result in propagate(segmenter, reader, annotations, short_side=short_side):
            if result.frame.index > start:
                yield stems[result.frame.index], result.labels


def _check_size(labels: np.ndarray, info: VideoInfo, stem: str) -> None:
    if labels.shape != info.size:
        sizes = f"{labels.shape[1]}x{labels.shape[0]}, its frame {info.width}x{info.height}"
        raise MaskError(f"mask {stem} of sequence {info.path.name} is {sizes}", "give masks of the size of the frames")
