"""The worst frames for the report's page: which they are, and truth, prediction and errors side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from vostool.metrics.report import Scores
from vostool.pipelines.report_html import Markup, element, picture
from vostool.pipelines.report_masks import ScoredMasks
from vostool.video.writing.overlay import bright_palette, draw_overlay

NUM_WORST = 8
NUM_PER_OBJECT = 2
MIN_DISTANCE = 5
WIDTH = 480
# Told apart with any kind of colour vision; both are named in the page's text.
MISSED_COLOUR, EXTRA_COLOUR = (45, 140, 255), (255, 145, 0)
FADED_BRIGHTNESS = 0.45
ERROR_OPACITY = 0.8


@dataclass(frozen=True, slots=True)
class WorstFrame:
    """One object on one frame.

    Attributes:
        sequence: Its name.
        object_id: As in the annotation.
        frame: Its name.
        index: Among the frames that count for the object.
        region: J.
        boundary: F.
    """

    sequence: str
    object_id: int
    frame: str
    index: int
    region: float
    boundary: float


def choose_worst(scores: Scores, num_frames: int = NUM_WORST) -> list[WorstFrame]:
    """The worst frames by J, then F, worst first.

    Every object has one before any has two, and none has more; the two are at least five frames apart, since the
    frames of one dip all look alike.
    """
    ranked = sorted(_all_frames(scores), key=lambda each: (each.region, each.boundary))
    chosen: list[WorstFrame] = []
    for num_allowed in range(1, NUM_PER_OBJECT + 1):
        for each in ranked:
            own = [other for other in chosen if (other.sequence, other.object_id) == (each.sequence, each.object_id)]
            is_near = any(abs(other.index - each.index) < MIN_DISTANCE for other in own)
            if len(own) < num_allowed and not is_near and len(chosen) < num_frames:
                chosen.append(each)
    return sorted(chosen, key=lambda each: (each.region, each.boundary))


def worst_figures(
    system: str, results: Mapping[str, Scores], masks: ScoredMasks, has_boundary: bool
) -> Iterator[Markup]:
    """A figure of three pictures for each of the worst frames of a system.

    Args:
        system: Whose.
        results: By system; what the others score there is told too.
        masks: What was scored.
        has_boundary: Whether F is told.
    """
    for worst in choose_worst(results[system]):
        others = {name: _region_at(scores, worst) for name, scores in results.items() if name != system}
        yield _figure(system, worst, others, masks, has_boundary)


def errors_over(frame: np.ndarray | None, truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """What is missed and what is too much, over a frame that is faded but for what is right.

    Args:
        frame: HxWx3 uint8 RGB; None for black, on which what is right is grey.
        truth: HxW bool.
        prediction: HxW bool.

    Returns:
        HxWx3 uint8 RGB.
    """
    if frame is None:
        canvas = np.where((truth & prediction)[:, :, None], np.uint8(120), np.zeros((*truth.shape, 3), np.uint8))
        opacity = 1.0
    else:
        grey = frame.mean(axis=2, keepdims=True) * FADED_BRIGHTNESS
        canvas = np.where((truth & prediction)[:, :, None], frame, grey.astype(np.uint8))
        opacity = ERROR_OPACITY
    for area, colour in ((truth & ~prediction, MISSED_COLOUR), (prediction & ~truth, EXTRA_COLOUR)):
        canvas[area] = np.rint(canvas[area] * (1 - opacity) + np.array(colour) * opacity).astype(np.uint8)
    return canvas


def _all_frames(scores: Scores) -> Iterator[WorstFrame]:
    for sequence in scores.sequences:
        for each in sequence.objects:
            values = zip(each.frames, each.regions, each.boundaries, strict=True)
            for index, (frame, region, boundary) in enumerate(values):
                yield WorstFrame(sequence.name, each.object_id, frame, index, region, boundary)


def _region_at(scores: Scores, worst: WorstFrame) -> float:
    sequence = next(each for each in scores.sequences if each.name == worst.sequence)
    item = next(each for each in sequence.objects if each.object_id == worst.object_id)
    return item.regions[item.frames.index(worst.frame)]


def _figure(
    system: str, worst: WorstFrame, others: Mapping[str, float], masks: ScoredMasks, has_boundary: bool
) -> Markup:
    truth = masks.truth(worst.sequence, worst.frame)
    found = masks.prediction(system, worst.sequence, worst.frame)
    prediction = np.zeros_like(truth) if found is None else found
    frame = masks.frame(worst.sequence, worst.frame, truth.shape)
    errors = errors_over(frame, truth == worst.object_id, prediction == worst.object_id)
    where = f"frame {worst.frame} of {worst.sequence}"
    panels = [
        _panel(_objects_over(frame, truth), "ground truth", f"True objects on {where}", frame is not None),
        _panel(
            _objects_over(frame, prediction), "prediction" if found is not None else "no prediction: scored 0",
            f"Predicted objects on {where}", frame is not None,
        ),
        _panel(errors, f"errors of object {worst.object_id}",
               f"What is missed and what is too much of object {worst.object_id} on {where}", frame is not None),
    ]  # fmt: skip
    return element(
        "figure",
        element("div", *panels, class_="triple"),
        _caption(worst, others, has_boundary),
        class_="card worst-frame",
    )


def _caption(worst: WorstFrame, others: Mapping[str, float], has_boundary: bool) -> Markup:
    region = "J" if has_boundary else "IoU"
    figures = f"{region} {worst.region:.3f}" + (f", F {worst.boundary:.3f}" if has_boundary else "")
    rest = "; others: " + ", ".join(f"{name} {value:.3f}" for name, value in others.items()) if others else ""
    where = f"{worst.sequence}, object {worst.object_id}, frame {worst.frame}: "
    return element("figcaption", where, element("strong", figures), element("span", rest, class_="quiet"))


def _panel(image: np.ndarray, name: str, alternative: str, is_photo: bool) -> Markup:
    return element("div", picture(_shrink(image, is_photo), alternative, is_photo), element("span", name))


def _objects_over(frame: np.ndarray | None, labels: np.ndarray) -> np.ndarray:
    return bright_palette()[labels] if frame is None else draw_overlay(frame, labels)


def _shrink(image: np.ndarray, is_photo: bool) -> np.ndarray:
    """To the width of a panel; the few colours of masks alone stay what they are."""
    height, width = image.shape[:2]
    if width <= WIDTH:
        return image
    method = Image.Resampling.LANCZOS if is_photo else Image.Resampling.NEAREST
    return np.array(Image.fromarray(image).resize((WIDTH, round(height * WIDTH / width)), method))
