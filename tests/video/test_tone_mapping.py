"""HDR for networks and plain screens."""

from __future__ import annotations

import numpy as np
import pytest

from vostool.types import BT2020, HLG, PQ, ColourTags
from vostool.video.colour.tone_mapping import hlg_light, pq_light, tone_map


@pytest.mark.parametrize(("signal", "light"), [(0, 0), (0.5081, 100), (0.5807, 203), (0.7518, 1000), (1, 10000)])
def test_pq_by_known_points(signal: float, light: float) -> None:
    """ITU-R BT.2408 table 1, and the ends."""
    assert pq_light(np.array([signal]))[0] == pytest.approx(light, rel=2e-3)


@pytest.mark.parametrize(("signal", "light"), [(0, 0), (0.75, 203), (1, 1000)])
def test_hlg_by_known_points(signal: float, light: float) -> None:
    assert hlg_light(np.array([signal]))[0] == pytest.approx(light, rel=5e-3)


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("primaries", [1, BT2020])
def test_grey_stays_grey_and_in_order(transfer: int, primaries: int) -> None:
    ramp = np.linspace(0, 65535, 512).astype(np.uint16).reshape(1, -1, 1).repeat(3, axis=2)
    image = tone_map(ramp, ColourTags(primaries, transfer, 9)).astype(int)
    assert np.ptp(image, axis=2).max() <= 1
    assert (np.diff(image[0, :, 1]) >= 0).all()
    assert image[0, 0, 0] == 0
    assert image[0, -1, 0] == 255


def test_both_show_the_reference_white_alike() -> None:
    levels = []
    for transfer, signal in ((PQ, 0.5807), (HLG, 0.75)):
        picture = np.full((1, 1, 3), round(signal * 65535), np.uint16)
        levels.append(int(tone_map(picture, ColourTags(BT2020, transfer, 9))[0, 0, 0]))
    assert abs(levels[0] - levels[1]) <= 1
    assert 180 < levels[0] < 210


def test_wide_primaries_become_those_of_a_plain_screen() -> None:
    """A BT.709 red is a mixture in BT.2020; taken for what it is, it is a pure red again."""
    mixed = np.array([0.6274, 0.0691, 0.0164]) * 203
    signal = [np.interp(light, pq_light(np.linspace(0, 1, 4096)), np.linspace(0, 1, 4096)) for light in mixed]
    deep = np.rint(np.array(signal) * 65535).astype(np.uint16).reshape(1, 1, 3)
    red, green, blue = tone_map(deep, ColourTags(BT2020, PQ, 9))[0, 0].tolist()
    assert red > 180
    assert max(green, blue) < 25
    assert min(tone_map(deep, ColourTags(1, PQ, 1))[0, 0].tolist()) > 25
