"""Write ids as the picture that every tool of the trade reads: an indexed PNG with the DAVIS palette."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from vostool.errors import OutputError
from vostool.video.colour.palette import davis_palette
from vostool.video.durable import whole_file


def save_indexed_mask(path: str | Path, labels: np.ndarray, *, overwrite: bool = False) -> Path:
    """Write HxW uint8 ids; the file appears whole or not at all.

    Raises:
        OutputError: ``path`` exists, or cannot be written.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists", "pass --overwrite, or give another name", code="output.exists")
    image = Image.fromarray(np.ascontiguousarray(labels, np.uint8)).convert("L")
    image.putpalette(davis_palette().tobytes())
    with whole_file(path) as part:
        image.save(part, "PNG")
    return path
