"""What other programs expect of a matte or of masks, as data.

ProPainter grows the masks that it gets once more, by 4 pixels unless ``--mask_dilation`` says otherwise (inference
script of sczhou/ProPainter); what grows here covers the soft border and the motion blur that masks leave out.
CorridorKey keys inwards and outwards from a coarse hint in a folder named ``AlphaHint``, one grey PNG for each frame;
a hint that is a little too small is better than one that holds background (README of nikopueringer/CorridorKey).
"""

from __future__ import annotations

from dataclasses import dataclass

from vostool.video.writing.output_kind import Kind
from vostool.video.writing.pictures import PLAIN, PictureStyle


@dataclass(frozen=True, slots=True)
class Preset:
    """An output for another program.

    Attributes:
        folder_name: Of the output, unless the user names one.
        grow_pixels: By which the objects are grown, or shrunk if negative, at 1080 lines.
        threshold: Alpha that makes a pixel an object's in masks; soft alpha is kept where it is None.
    """

    name: str
    kind: Kind
    folder_name: str
    grow_pixels: int = 0
    threshold: float | None = None
    style: PictureStyle = PLAIN


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("corridorkey", "matte", "AlphaHint", grow_pixels=-3),
        Preset("propainter", "masks", "masks", grow_pixels=8, threshold=0.5, style=PictureStyle(is_binary=True)),
    )
}


def pixels_at(grow_pixels: int, height: int) -> int:
    """Pixels to grow by in a picture of ``height`` lines, from those at 1080 lines; at least one unless none."""
    scaled = max(1, round(abs(grow_pixels) * height / 1080)) if grow_pixels else 0
    return scaled if grow_pixels > 0 else -scaled
