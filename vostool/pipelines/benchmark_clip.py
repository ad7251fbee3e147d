"""What is measured on: a clip of the user's, or one that is painted; either is repeated for as long as it takes.

Shapes: H, W source size.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from vostool.errors import UsageError
from vostool.pipelines.masks import MaskSource, read_annotation
from vostool.types import Annotation, Frame, FrameResult, VideoInfo
from vostool.video.reading.reader import open_video
from vostool.video.writing.sinks import open_sink

# One round of everything that moves: the clip can be repeated without a jump.
NUM_PAINTED = 48
FRAME_RATE, TIME_BASE = Fraction(24), Fraction(1, 12288)
TICKS_PER_FRAME = 512
# Of one patch of the background's noise, in pixels.
PATCH = 12


@dataclass(frozen=True)
class Footage:
    """A clip and the objects of its first frame.

    Attributes:
        name: For people.
        path: Of the clip.
        info: Of the clip.
        annotation: All objects that there are.
    """

    name: str
    path: Path
    info: VideoInfo
    annotation: Annotation

    def with_objects(self, count: int) -> Annotation:
        """The first so many objects.

        Raises:
            UsageError: There are fewer.
        """
        ids = self.annotation.object_ids
        if count > len(ids):
            raise UsageError(f"--objects {count}, but the mask shows {len(ids)}", "ask for no more than it shows")
        labels = np.where(np.isin(self.annotation.labels, ids[:count]), self.annotation.labels, 0).astype(np.uint8)
        return replace(self.annotation, labels=labels, object_ids=ids[:count])


def real_footage(clip: Path, mask: Path) -> Footage:
    """A clip and the mask of its first frame.

    Raises:
        VideoError: The clip cannot be read.
        MaskError: The mask cannot, or does not fit.
    """
    with open_video(clip) as reader:
        info = reader.info
    return Footage(str(clip), clip, info, read_annotation(MaskSource(mask), info.size, clip))


def painted_footage(folder: Path, short_side: int, num_objects: int) -> Footage:
    """A painted clip of 16:9 as a video file in the folder."""
    size = painted_size(short_side)
    path = folder / f"painted_{num_objects}.mp4"
    info = VideoInfo(path, size[1], size[0], FRAME_RATE, TIME_BASE)
    with open_sink("overlay", path, info, ()) as sink:
        for index in range(NUM_PAINTED):
            frame = painted_frame(index, size, num_objects)
            nothing = np.zeros(size, np.uint8), np.zeros((0, *size), np.float32)
            sink.write(FrameResult(frame, *nothing, object_ids=()))
        sink.finish()
    with open_video(path) as reader:
        return Footage("painted clip", path, reader.info, painted_annotation(size, num_objects))


def painted_size(short_side: int) -> tuple[int, int]:
    """(H, W) of a painted clip, both even; 480 gives the 854x480 of the papers."""
    return short_side + short_side % 2, 2 * math.ceil(short_side * 8 / 9)


def painted_frame(index: int, size: tuple[int, int], num_objects: int) -> Frame:
    """A frame of discs that circle over a background that slides by."""
    angle = index % NUM_PAINTED / NUM_PAINTED
    image = np.roll(_background(size), round(angle * size[1]), axis=1)
    for number in range(num_objects):
        colour = (60 + 67 * number % 190, 255 - 41 * number % 200, 97 * number % 255)
        cv2.circle(image, _centre(number, num_objects, angle, size), _radius(num_objects, size), colour, -1)
    return Frame(index, index * TICKS_PER_FRAME, TIME_BASE, image, TICKS_PER_FRAME)


def painted_annotation(size: tuple[int, int], num_objects: int) -> Annotation:
    """The discs of frame 0, which do not touch."""
    labels = np.zeros(size, np.uint8)
    for number in range(num_objects):
        cv2.circle(labels, _centre(number, num_objects, 0.0, size), _radius(num_objects, size), number + 1, -1)
    return Annotation(0, labels, tuple(range(1, num_objects + 1)))


def repeated(path: Path) -> Generator[Frame, None, None]:
    """The frames of a clip, from the start again whenever it ends; numbers and times go on rising."""
    index = shift = 0
    while True:
        with open_video(path) as reader:
            for frame in reader:
                moved = replace(frame, index=index, pts=frame.pts + shift)
                yield moved
                index += 1
        shift = moved.pts + max(1, frame.duration)


def _background(size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8 of soft noise, the same each time."""
    patches = (max(2, size[0] // PATCH), max(2, size[1] // PATCH), 3)
    noise = np.random.default_rng(0).integers(40, 200, patches, dtype=np.uint8)
    return np.asarray(cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC))


def _cell(num_objects: int, size: tuple[int, int]) -> tuple[int, float, float]:
    """Columns of a grid with a cell for each object, and a cell's height and width."""
    columns = math.ceil(math.sqrt(num_objects))
    return columns, size[0] / math.ceil(num_objects / columns), size[1] / columns


def _centre(number: int, num_objects: int, angle: float, size: tuple[int, int]) -> tuple[int, int]:
    """(x, y) in pixels."""
    columns, height, width = _cell(num_objects, size)
    turn = 2 * math.pi * (angle + number / num_objects)
    x = (number % columns + 0.5 + 0.15 * math.cos(turn)) * width
    return round(x), round((number // columns + 0.5 + 0.15 * math.sin(turn)) * height)


def _radius(num_objects: int, size: tuple[int, int]) -> int:
    _, height, width = _cell(num_objects, size)
    return max(2, round(0.25 * min(height, width)))
