"""The objects that a user draws, from whichever option they were given by; and what is seen in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vostool.errors import UsageError
from vostool.types import Annotation
from vostool.video.annotation import load_masks
from vostool.video.mask_objects import load_object_folder, load_object_masks, parse_object_options
from vostool.video.mask_report import MaskReport, describe, summary_line
from vostool.video.reader import open_video


@dataclass(frozen=True)
class MaskSource:
    """Where the objects of one frame are drawn; exactly one of the three is given.

    Attributes:
        mask: One picture with all objects.
        objects: ``ID=FILE`` texts, one picture per object.
        object_folder: A folder with one picture per object.
        mode: How ``mask`` is read: ``auto``, ``binary``, ``color`` or ``index``.
    """

    mask: Path | None = None
    objects: tuple[str, ...] = ()
    object_folder: Path | None = None
    mode: str = "auto"


def read_annotation(source: MaskSource, size: tuple[int, int] | None, clip: Path | None = None) -> Annotation:
    """The objects of frame 0.

    Args:
        size: (height, width) of the upright frames; None takes the mask's own.
        clip: Named in the hint of how to get a picture to paint on.

    Raises:
        UsageError: None or more than one of the three ways was used.
        MaskError: The mask cannot be read, is ambiguous, empty or of another shape.
    """
    given = [source.mask is not None, bool(source.objects), source.object_folder is not None]
    if sum(given) != 1:
        found = "none of them" if not any(given) else "more than one of them"
        hint = f"vostool frame {clip or 'CLIP'} -o first.png exports the picture to paint on"
        raise UsageError(f"give the objects by one of --mask, --object, --objects; found {found}", hint)
    if source.mask is not None:
        return load_masks(source.mask, size, mode=source.mode)
    if source.objects:
        return load_object_masks(parse_object_options(source.objects), size)
    assert source.object_folder is not None
    return load_object_folder(source.object_folder, size)


def check_mask(source: MaskSource, clip: Path | None = None) -> tuple[MaskReport, str]:
    """What is seen in a mask, and the same in one line.

    Args:
        clip: The video that it is for, whose size it must fit; None for any.
    """
    size = None
    if clip is not None:
        with open_video(clip) as reader:
            size = reader.info.size
    annotation = read_annotation(source, size, clip)
    return describe(annotation), summary_line(annotation)
