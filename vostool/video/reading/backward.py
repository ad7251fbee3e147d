"""Parts of a clip, forward or backward: the very frames that reading from the beginning gives."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vostool.video.reading.diagnosis import require_file
from vostool.video.reading.image_range import ImageRange, ImagesBackward
from vostool.video.reading.images import DEFAULT_FRAME_RATE, IMAGE_SUFFIXES
from vostool.video.reading.interface import VideoReader

if TYPE_CHECKING:
    from vostool.video.reading.sections import SectionTable


def read_range(
    path: str | Path,
    start: int,
    stop: int | None = None,
    frame_rate: Fraction = DEFAULT_FRAME_RATE,
    *,
    keeps_depth: bool = False,
    deinterlace: bool = True,
) -> VideoReader:
    """Open a video for reading frames ``start`` to ``stop`` - 1, numbered as in the whole clip.

    It seeks where that is proven to give the same pictures; else it decodes what comes before, and drops it.

    Args:
        stop: None for the end of the clip; the clip may be shorter.
        frame_rate, keeps_depth, deinterlace: As for ``open_video``.

    Raises:
        VideoError: It is not there, cannot be read or holds no picture.
    """
    path = _require(path)
    if _is_images(path):
        return ImageRange(path, frame_rate, start, stop, keeps_depth=keeps_depth)
    # Here, so that folders can be read where there is no PyAV.
    from vostool.video.reading.file_range import FileRange

    return FileRange(path, start, stop, keeps_depth=keeps_depth, deinterlace=deinterlace)


def read_backward(
    path: str | Path,
    start: int = 0,
    stop: int | None = None,
    frame_rate: Fraction = DEFAULT_FRAME_RATE,
    *,
    keeps_depth: bool = False,
    deinterlace: bool = True,
    table: SectionTable | None = None,
) -> VideoReader:
    """Open a video for reading frames ``stop`` - 1 down to ``start``, with the numbers, times and pixels of forward.

    At most 64 pictures, and 512 MiB of them, are held at a time, however long the clip and its groups of pictures.

    Args:
        stop: None for the end of the clip; the clip may be shorter.
        frame_rate, keeps_depth, deinterlace: As for ``open_video``.
        table: What is known of where the file can be entered, to be shared by readers of the same file that are opened
            with the same ``deinterlace``; None finds it out.

    Raises:
        VideoError: It is not there, cannot be read or holds no picture.
    """
    path = _require(path)
    if _is_images(path):
        return ImagesBackward(path, frame_rate, start, stop, keeps_depth=keeps_depth)
    from vostool.video.reading.file_range import FileBackward

    return FileBackward(path, start, stop, keeps_depth=keeps_depth, deinterlace=deinterlace, table=table)


def _require(path: str | Path) -> Path:
    require_file(Path(path))
    return Path(path)


def _is_images(path: Path) -> bool:
    return path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES
