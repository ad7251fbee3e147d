"""How much training clips are changed at random, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Augmentation:
    """Random changes. Those of the clip are the same for all its frames, those of a frame differ from one to the next.

    Attributes:
        zoom: Smallest and largest factor from the pixels of a video to those of a crop, or of a still relative to the
            scale at which it just covers the crop.
        mirror: Probability that the clip is mirrored.
        degrees, shear: Largest rotation and shear of a frame of a still, in degrees.
        scale: Largest factor by which a frame of a still grows or shrinks.
        shift: Largest translation of a frame of a still, as a share of the crop.
        shake: The same four of a frame of a video, as a share of those of a still.
        bend: Probability that a frame of a still is bent by a thin-plate spline.
        bend_strength: Deviation of its control points, as a share of the crop.
        clip_colour, frame_colour: Deviation of brightness, contrast and saturation.
        grey: Probability that the clip is grey.
        blur: Probability that a frame is smeared by motion.
        lighting: Probability that the light changes steadily from the first to the last frame of a clip.
        occluder: Probability that something passes in front of the object of a composite.
        second_object: Probability that a clip gets another object pasted on, and again until it has as many as it may.
        moving: Probability that a pasted object comes from a video and moves as it does there.
        growth: Largest factor by which a pasted object grows or shrinks from the first to the last frame.
        behind: Probability that a pasted object passes behind those that are there.
        leaving: Probability that a pasted object leaves the crop and comes back, in clips of three frames and more.
        look_alike: Probability that another object is a copy of the first one; half of the copies are background.
        reverse: Probability that a video runs backwards.
    """

    zoom: tuple[float, float] = (0.45, 1.0)
    mirror: float = 0.5
    degrees: float = 20.0
    shear: float = 10.0
    scale: float = 1.1
    shift: float = 0.08
    shake: float = 0.25
    bend: float = 0.0
    bend_strength: float = 0.02
    clip_colour: float = 0.08
    frame_colour: float = 0.02
    grey: float = 0.05
    blur: float = 0.0
    lighting: float = 0.0
    occluder: float = 0.0
    second_object: float = 0.0
    moving: float = 0.0
    growth: float = 1.0
    behind: float = 0.0
    leaving: float = 0.0
    look_alike: float = 0.0
    reverse: float = 0.5


@dataclass(frozen=True)
class ClipShape:
    """What is asked of a clip.

    Attributes:
        num_frames: T.
        height, width: Of the crop in pixels.
        max_objects: Most objects.
        max_gap: Most frames of a video from one frame of the clip to the next.
    """

    num_frames: int
    height: int
    width: int
    max_objects: int = 1
    max_gap: int = 1
