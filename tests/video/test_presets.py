from __future__ import annotations

import pytest

from vostool.video.writing.output_kind import is_folder_path
from vostool.video.writing.presets import PRESETS, pixels_at


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_presets_are_folders_of_grey_pngs(preset) -> None:  # type: ignore[no-untyped-def]
    from pathlib import Path

    assert is_folder_path(Path(preset.folder_name))
    assert preset.style.still_suffix == ".png"
    assert preset.kind == "matte" or (preset.style.is_binary and preset.threshold is not None)


def test_a_hint_shrinks_and_a_hole_to_fill_grows() -> None:
    assert PRESETS["corridorkey"].grow_pixels < 0 < PRESETS["propainter"].grow_pixels


@pytest.mark.parametrize(("pixels", "height", "expected"), [(8, 1080, 8), (8, 2160, 16), (-3, 480, -1), (0, 480, 0)])
def test_pixels_follow_the_size(pixels: int, height: int, expected: int) -> None:
    assert pixels_at(pixels, height) == expected
