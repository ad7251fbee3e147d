"""COCO's run lengths of a mask, and the string that they are packed into.

Runs of zeros and ones in turn go down the columns, from left to right, and begin with zeros, maybe none of them.
The string (cocodataset/cocoapi:common/maskApi.c, rleToString) holds them in digits of 5 bits, lowest first, each a
character from 48 on whose sixth bit says that another digit follows; from the fourth run on it is the difference to the
run before the last that is written.
"""

from __future__ import annotations

import numpy as np

_FIRST_CHARACTER = 48
_DIGIT_BITS, _DIGIT, _SIGN, _GOES_ON = 5, 31, 16, 32
# Enough for the runs, and differences of runs, of pictures of up to 2**34 pixels.
_MAX_DIGITS = 7


def encode_runs(mask: np.ndarray) -> np.ndarray:
    """Run lengths of an HxW bool mask, (N,) int64."""
    height = mask.shape[0]
    columns = np.flatnonzero(mask.any(axis=0))
    if not len(columns):
        return np.array([mask.size], np.int64)
    # Only columns with the object are turned, which is most of the work.
    first, end = int(columns[0]), int(columns[-1]) + 1
    pixels = np.ascontiguousarray(mask[:, first:end].T).ravel()
    padded = np.concatenate([[False], pixels, [False]])
    changes = np.flatnonzero(padded[1:] != padded[:-1]) + first * height
    last_zeros = mask.size - int(changes[-1])
    runs = np.diff(changes, prepend=0)
    return np.append(runs, last_zeros) if last_zeros else runs


def decode_runs(runs: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The HxW bool mask of run lengths; the inverse of ``encode_runs``."""
    height, width = size
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(width, height).T


def pack_runs(runs: np.ndarray) -> str:
    """The string of run lengths."""
    differences = runs.astype(np.int64)
    differences[3:] -= runs[1:-2]
    shifts = np.arange(_MAX_DIGITS) * _DIGIT_BITS
    digits = differences[:, None] >> shifts & _DIGIT
    rests = differences[:, None] >> shifts + _DIGIT_BITS
    # The last digit's highest bit is the sign of the number.
    goes_on = rests != np.where(digits & _SIGN, -1, 0)
    is_needed = np.ones_like(goes_on)
    is_needed[:, 1:] = np.logical_and.accumulate(goes_on, axis=1)[:, :-1]
    characters = digits + _FIRST_CHARACTER + _GOES_ON * goes_on
    return characters[is_needed].astype(np.uint8).tobytes().decode("ascii")


def unpack_runs(text: str) -> np.ndarray:
    """The run lengths of a string, (N,) int64; the inverse of ``pack_runs``."""
    runs: list[int] = []
    number = shift = 0
    for character in text.encode("ascii"):
        digit = character - _FIRST_CHARACTER
        number |= (digit & _DIGIT) << shift
        shift += _DIGIT_BITS
        if not digit & _GOES_ON:
            number -= 1 << shift if digit & _SIGN else 0
            runs.append(number + runs[-2] if len(runs) > 2 else number)
            number = shift = 0
    return np.array(runs, np.int64)
