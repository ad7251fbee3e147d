"""How a stored picture has to be turned to be upright: a display matrix as quarter turns and a mirror."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import av
import cv2
import numpy as np
from av.sidedata.sidedata import SideData, SideDataContainer

MATRIX_LAYOUT = "=9i"

# By the number of quarter turns counter-clockwise; OpenCV does them many times faster than NumPy.
TURNS = (None, cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)


@dataclass(frozen=True, slots=True)
class Orientation:
    """A mirror from left to right, then turns.

    Attributes:
        quarter_turns: 0..3, counter-clockwise.
    """

    quarter_turns: int = 0
    is_mirrored: bool = False

    @property
    def degrees(self) -> int:
        """0, 90, 180 or 270, counter-clockwise."""
        return 90 * self.quarter_turns

    @property
    def swaps_sides(self) -> bool:
        """True if width and height change places."""
        return self.quarter_turns % 2 == 1

    def apply(self, image: np.ndarray) -> np.ndarray:
        """The upright picture, contiguous, of an HxWxC one as stored."""
        mirrored = cv2.flip(image, 1) if self.is_mirrored else image
        turn = TURNS[self.quarter_turns]
        return mirrored if turn is None else cv2.rotate(mirrored, turn)


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """The orientation that the frame's display matrix asks for; upright if it has none."""
    # Not frame.side_data: PyAV keeps that in the frame, in a ring that holds all pictures of the decoder.
    side_data = SideDataContainer(frame).get("DISPLAYMATRIX")  # type: ignore[call-arg]
    if side_data is None:
        return Orientation()
    return orientation_from_matrix(struct.unpack(MATRIX_LAYOUT, bytes(cast(SideData, side_data))))


def orientation_from_matrix(matrix: Sequence[int]) -> Orientation:
    """The nearest orientation to a display matrix.

    Args:
        matrix: a, b, u, c, d, v, x, y, w of ISO 14496-12: a stored point (p, q) is shown at (ap + cq, bp + dq), where
            q grows downwards.
    """
    first, second, third, fourth = matrix[0], matrix[1], matrix[3], matrix[4]
    is_mirrored = first * fourth - second * third < 0
    cosine = -first if is_mirrored else first
    return Orientation(round(math.atan2(third, cosine) / (math.pi / 2)) % 4, is_mirrored)
