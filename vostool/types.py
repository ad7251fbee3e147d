"""The records that travel from package to package.

Shapes: H, W height and width at source size, upright; K number of objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

MAX_OBJECTS = 64

# Codes of ITU-T H.273 that more than one module asks for.
BT2020, PQ, HLG = 9, 16, 18


@dataclass(frozen=True, slots=True)
class ColourTags:
    """Colour description of a stream, as the integer codes of ITU-T H.273 (FFmpeg's AVCOL_*); 2 is unspecified.

    Attributes:
        colour_range: 0 unspecified, 1 limited (16-235), 2 full (0-255), as FFmpeg's AVCOL_RANGE_*.
    """

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    colour_range: int = 0


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a video, or of a folder of images, before its frames are read.

    Attributes:
        path: The file or the folder.
        width, height: Size of the upright picture, after rotation, in pixels.
        frame_rate: Average frames per second; 24 for a folder of images.
        time_base: Seconds per unit of ``Frame.pts``.
        num_frames: What the container claims, or what can be derived from its duration; None if unknown.
        is_num_frames_exact: True if ``num_frames`` is a promise of the container or a count of files, so that
            fewer frames mean a damaged file; False if it is an estimate.
        duration: Seconds, or None if unknown.
        rotation: Degrees counter-clockwise that the reader applied to make the picture upright: 0, 90, 180, 270.
        sample_aspect_ratio: Width to height of one pixel of the upright picture.
        colour: Tags as found in the stream, unspecified where it has none.
        bit_depth: Most bits of any component of a pixel.
        codec, pixel_format: FFmpeg's names; the suffix of the images for a folder.
        num_audio_streams: How many there are.
        is_image_folder: True if ``path`` is a folder of images.
        frame_names: Stems of the image files in natural order; empty for a video.
        is_interlaced: True if pictures are coded as two fields.
        is_deinterlaced: True if the reader makes progressive pictures of them.
        is_variable_rate: True if the frames are known to be unevenly spaced; not every uneven video is known to be.
        has_untagged_hd: True if the stream is HD and does not say how its colour is coded.
    """

    path: Path
    width: int
    height: int
    frame_rate: Fraction
    time_base: Fraction
    num_frames: int | None = None
    is_num_frames_exact: bool = False
    duration: float | None = None
    rotation: int = 0
    sample_aspect_ratio: Fraction = Fraction(1)
    colour: ColourTags = ColourTags()
    bit_depth: int = 8
    codec: str = ""
    pixel_format: str = ""
    num_audio_streams: int = 0
    is_image_folder: bool = False
    frame_names: tuple[str, ...] = ()
    is_interlaced: bool = False
    is_deinterlaced: bool = False
    is_variable_rate: bool = False
    has_untagged_hd: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the upright picture."""
        return self.height, self.width

    @property
    def is_hdr(self) -> bool:
        """True if the picture is coded for a high dynamic range, as PQ or HLG."""
        return self.colour.transfer in (PQ, HLG)

    @property
    def is_deep(self) -> bool:
        """True if 8 bits do not hold all of the picture: the reader can keep more in ``Frame.deep``."""
        return self.bit_depth > 8 or self.is_hdr

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each thing about the source that an editor may want to know."""
        transfer = "PQ" if self.colour.transfer == PQ else "HLG"
        lines = {
            f"HDR source ({transfer}): masks and overlays are made on a tone-mapped copy, cut-outs keep its pixels and "
            "tags": self.is_hdr,
            "interlaced source: pictures are made progressive, one for each frame": self.is_deinterlaced,
            "interlaced source: both fields are taken as one picture": self.is_interlaced and not self.is_deinterlaced,
            "HD source without colour tags: read as BT.709": self.has_untagged_hd,
            f"rotated source: turned upright by {self.rotation} degrees counter-clockwise": self.rotation != 0,
            "uneven frame rate: every frame keeps its own time": self.is_variable_rate,
        }
        return tuple(line for line, holds in lines.items() if holds)


@dataclass(frozen=True, slots=True)
class Frame:
    """One upright frame.

    Attributes:
        index: 0-based place in presentation order.
        pts: Presentation time in units of ``time_base``, strictly increasing over a clip.
        time_base: Seconds per unit of ``pts``.
        image: HxWx3 uint8 RGB, full range, upright.
        duration: In units of ``time_base``; 0 if unknown.
        is_corrupt: True if the picture is damaged or was lost and ``image`` repeats the one before it.
        deep: HxWx3 uint16 RGB, full range 0..65535, upright: all bits of a source with more than 8, if the reader was
            asked to keep them; else None.
    """

    index: int
    pts: int
    time_base: Fraction
    image: np.ndarray
    duration: int = 0
    is_corrupt: bool = False
    deep: np.ndarray | None = None

    @property
    def time(self) -> float:
        """Presentation time in seconds."""
        return float(self.pts * self.time_base)


@dataclass(frozen=True, slots=True)
class Annotation:
    """The objects of one frame, as the user drew them.

    Attributes:
        frame_index: 0-based frame that the mask belongs to.
        labels: HxW uint8 at source size; 0 background, otherwise one of ``object_ids``.
        object_ids: The user's ids in rising order, 1..255, at most ``MAX_OBJECTS``.
        notes: One line for each thing that was repaired or decided.
        source: Name of the picture or folder that it was read from; empty if it was made in memory.
        kind: What the picture was recognised as, for example ``indexed PNG``.
        is_exact: True if objects that the mask does not show are absent in that frame; if False, they are tracked on.
    """

    frame_index: int
    labels: np.ndarray
    object_ids: tuple[int, ...]
    notes: tuple[str, ...] = ()
    source: str = ""
    kind: str = ""
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What the propagator says about one frame, at source size.

    Attributes:
        frame: The frame itself.
        labels: HxW uint8; 0 background, otherwise one of ``object_ids``.
        alpha: KxHxW float32 in 0..1, probability of each object, in the order of ``object_ids``.
        object_ids: The user's ids.
        is_repeated: True if the frame was corrupt and the result is the one before it.
        confidence: (K,) float32 in 0..1, for each object the intersection over union with the truth that its
            probabilities lead to expect; 1 where it was drawn, 0 where it is absent; None if it was not measured.
    """

    frame: Frame
    labels: np.ndarray
    alpha: np.ndarray
    object_ids: tuple[int, ...]
    is_repeated: bool = False
    confidence: np.ndarray | None = None
