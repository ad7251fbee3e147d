"""HDR pictures as a network or a plain screen wants them: 8 bits, BT.709.

Each number becomes light in units of the reference white of 203 cd/m2 (ITU-R BT.2408), primaries become those of
BT.709, light L becomes L (1 + L / W^2) / (1 + L) (Reinhard et al. 2002, equation 4, each colour for itself) with W,
what is shown as white, at 1000 cd/m2, and that is coded with the inverse of a gamma of 2.4 (BT.1886).
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from vostool.types import BT2020, HLG, ColourTags

REFERENCE_WHITE = 203.0
PEAK = 1000.0
GAMMA = 2.4

# From BT.2020 to BT.709 in linear light, ITU-R BT.2087 section 3.
TO_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32)

_LINEAR_BITS = 12
_CODED_STEPS = 4096


def tone_map(deep: np.ndarray, tags: ColourTags) -> np.ndarray:
    """HxWx3 uint8 from HxWx3 uint16 full-range RGB that is coded as PQ or HLG."""
    light = np.take(_light(tags.transfer), deep >> 16 - _LINEAR_BITS)
    if tags.primaries == BT2020:
        light = cv2.transform(light, TO_BT709)
    # In steps of the root, so that the dark ones are fine enough.
    steps = np.sqrt(np.clip(light * (REFERENCE_WHITE / PEAK), 0, 1)) * (_CODED_STEPS - 1)
    return np.asarray(np.take(_coded(), np.rint(steps).astype(np.uint16)))


def pq_light(signal: np.ndarray) -> np.ndarray:
    """cd/m2 of a PQ signal 0..1, ITU-R BT.2100 table 4."""
    power = signal ** (32 / 2523)
    ratio = np.maximum(power - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * power)
    return np.asarray(10000 * ratio ** (8192 / 1305))


def hlg_light(signal: np.ndarray) -> np.ndarray:
    """cd/m2 of an HLG signal 0..1 on a screen of 1000 cd/m2, ITU-R BT.2100 table 5; the gamma of 1.2 by colour."""
    bend, shift = 0.17883277, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - shift) / bend) + 1 - 4 * bend) / 12)
    return np.asarray(PEAK * scene**1.2)


@cache
def _light(transfer: int) -> np.ndarray:
    """Light in reference whites, for each number of ``_LINEAR_BITS`` bits."""
    signal = np.linspace(0, 1, 1 << _LINEAR_BITS)
    light = hlg_light(signal) if transfer == HLG else pq_light(signal)
    return (light / REFERENCE_WHITE).astype(np.float32)


@cache
def _coded() -> np.ndarray:
    """8-bit numbers for light from 0 to ``PEAK`` in equal steps of its root."""
    white = PEAK / REFERENCE_WHITE
    light = np.linspace(0, 1, _CODED_STEPS) ** 2 * white
    shown = light * (1 + light / white**2) / (1 + light)
    return np.rint(255 * np.clip(shown, 0, 1) ** (1 / GAMMA)).astype(np.uint8)
