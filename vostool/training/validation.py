"""Scores a network on clips in memory as it will be used: the real segmenter, frame by frame.

Shapes: H, W size of the clip.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from vostool.datasets.library import VideoClip
from vostool.errors import InputError
from vostool.metrics.report import ObjectScores, Scores, SequenceScores, score_sequence
from vostool.propagation.propagator import DEFAULT_SHORT_SIDE, propagate
from vostool.propagation.segmenter import Segmenter
from vostool.systems import System, make_segmenter
from vostool.types import Annotation, Frame

TIME_BASE = Fraction(1, 24)


def validate_clips(
    system: System,
    network: Any,
    clips: Sequence[VideoClip],
    device: torch.device,
    short_side: int | None = DEFAULT_SHORT_SIDE,
    precision: torch.dtype = torch.float32,
) -> Scores:
    """J and F of every object on the annotated frames after its first one.

    Args:
        network: Of the system, in evaluation mode and on the device.
        clips: An object is given by the first mask that shows it; frames before the first mask are left out.
        short_side: Of the picture that the network sees, in pixels; None keeps the clip's size.

    Raises:
        InputError: No object of any clip has a second mask.
    """
    segmenter = make_segmenter(system, network, device, precision)
    scores = []
    for clip in clips:
        predictions = predict_clip(segmenter, clip, short_side)
        if objects := _score_objects(clip, predictions):
            scores.append(SequenceScores(clip.name, objects))
    if not scores:
        names = ", ".join(clip.name for clip in clips) or "none"
        raise InputError(f"no object of the validation clips ({names}) has a second mask", "annotate more frames")
    return Scores(tuple(scores))


def predict_clip(
    segmenter: Segmenter, clip: VideoClip, short_side: int | None = DEFAULT_SHORT_SIDE
) -> dict[int, np.ndarray]:
    """(H, W) uint8 labels by index of frame, for the frames with a mask."""
    annotations = first_annotations(clip)
    results = propagate(segmenter, _frames(clip), annotations, short_side=short_side)
    return {result.frame.index: result.labels for result in results if clip.labels[result.frame.index] is not None}


def first_annotations(clip: VideoClip) -> dict[int, Annotation]:
    """By index of frame: each object is drawn in the first mask that shows it, and nowhere else."""
    seen: set[int] = set()
    found = {}
    for index in clip.annotated:
        labels = _labels(clip, index)
        if fresh := tuple(int(each) for each in np.unique(labels) if each and int(each) not in seen):
            seen |= set(fresh)
            found[index] = Annotation(index, np.where(np.isin(labels, fresh), labels, 0).astype(np.uint8), fresh)
    return found


def _frames(clip: VideoClip) -> Iterator[Frame]:
    """From the first to the last frame with a mask."""
    for index in range(clip.annotated[0], clip.annotated[-1] + 1):
        image = clip.images[index].permute(1, 2, 0).cpu().contiguous().numpy()
        yield Frame(index, index, TIME_BASE, image)


def _score_objects(clip: VideoClip, predictions: Mapping[int, np.ndarray]) -> tuple[ObjectScores, ...]:
    scores: list[ObjectScores] = []
    for given, annotation in first_annotations(clip).items():
        later = [index for index in clip.annotated if index > given]
        pairs = [(predictions[index], _labels(clip, index)) for index in later]
        if pairs:
            scores.extend(score_sequence(clip.name, pairs, annotation.object_ids).objects)
    return tuple(scores)


def _labels(clip: VideoClip, index: int) -> np.ndarray:
    return clip.mask(index).cpu().numpy()
