"""Exporting the exact picture that a mask is to be painted on."""

from __future__ import annotations

from pathlib import Path

from vostool.errors import OutputError
from vostool.types import Frame
from vostool.video.reading.images import write_image
from vostool.video.reading.position import parse_position
from vostool.video.reading.reader import read_frame_at
from vostool.video.writing.output_kind import clip_stem


def export_frame(source: Path, at: str, output: Path | None = None, *, overwrite: bool = False) -> tuple[Path, Frame]:
    """Writes one frame of a clip as PNG.

    Args:
        at: Frame number from 0, seconds such as ``4.5s``, or a timecode.
        output: Where to; None for ``CLIP_frameN.png`` in the current folder.

    Raises:
        VideoError: The clip cannot be read or is shorter.
        OutputError: The output exists, or its folder is missing.
    """
    frame = read_frame_at(source, parse_position(at))
    path = output or Path(f"{clip_stem(str(source))}_frame{frame.index}.png")
    if path.exists() and not overwrite:
        raise OutputError(f"output {path} exists", "give another name or --overwrite", code="output.exists")
    if not path.parent.is_dir():
        raise OutputError(f"folder {path.parent} of the output is missing", "make it first", code="output.folder")
    write_image(path, frame.image)
    return path, frame
