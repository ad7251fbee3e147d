from __future__ import annotations

import numpy as np
import pytest

from vostool.video.colour.palette import colour_of, davis_palette

# From the published map; 255 is the border label's cream.
KNOWN = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 3: (128, 128, 0), 8: (64, 0, 0), 21: (128, 64, 128)}
KNOWN |= {22: (0, 192, 128), 255: (224, 224, 192)}


@pytest.mark.parametrize(("object_id", "colour"), KNOWN.items())
def test_known_colours(object_id: int, colour: tuple[int, int, int]) -> None:
    assert colour_of(object_id) == colour


def test_every_id_has_its_own_colour() -> None:
    palette = davis_palette()
    assert palette.shape == (256, 3)
    assert palette.dtype == np.uint8
    assert len(np.unique(palette, axis=0)) == 256


def test_the_shared_palette_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        davis_palette()[1] = 7
