"""The objects that a user draws, from whichever options they were given by; and what is seen in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vostool.errors import MaskError, UsageError
from vostool.pipelines.moments import locate
from vostool.types import Annotation, VideoInfo
from vostool.video.masks.annotation import load_masks
from vostool.video.masks.annotation_set import AnnotationSet, Drawing
from vostool.video.masks.objects import list_pictures, load_object_folder, load_object_masks, parse_object_options
from vostool.video.masks.report import MaskReport, describe, summary_line
from vostool.video.reading.frame_times import NoSuchFrame
from vostool.video.reading.position import FrameIndex, Position, parse_position
from vostool.video.reading.reader import open_video

Locate = Callable[[Sequence[Position]], Mapping[Position, int]]

FIRST = FrameIndex(0)
MASK_HINT = "write --mask FILE for the first frame, --mask 120=FILE or --mask 00:00:07.5=FILE for another"
OBJECT_HINT = "write --object ID=FILE, or --object 120:ID=FILE for another frame than the first"


@dataclass(frozen=True)
class MaskSource:
    """Where the objects are drawn; no frame may be drawn in two ways.

    Attributes:
        mask: One picture with all objects of the first frame.
        objects: ``ID=FILE`` texts, one picture per object of the first frame; ``MOMENT:ID=FILE`` for another frame.
        object_folder: A folder with one picture per object of the first frame.
        mode: How pictures with all objects are read: ``auto``, ``binary``, ``color`` or ``index``.
        masks: ``FILE`` texts for the first frame, ``MOMENT=FILE`` for another frame, as ``parse_position`` takes it.
        mask_folder: A folder with one picture for each of some frames, see ``read_annotations``.
        mask_base: Number that the names in ``mask_folder`` give to the first frame; None for 0, or for the names of
            the images that the clip consists of.
        is_exact: Whether objects that a mask does not show are absent in its frame.
    """

    mask: Path | None = None
    objects: tuple[str, ...] = ()
    object_folder: Path | None = None
    mode: str = "auto"
    masks: tuple[str, ...] = ()
    mask_folder: Path | None = None
    mask_base: int | None = None
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class _Given:
    """Pictures of one moment, and the option that they were given by."""

    option: str
    position: Position
    picture: Path | None = None
    objects: Mapping[int, Path] | None = None
    folder: Path | None = None


def read_annotation(source: MaskSource, size: tuple[int, int] | None, clip: Path | None = None) -> Annotation:
    """The objects of frame 0, where no other frame is drawn.

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
        raise UsageError(f"give the objects by one of --mask, --object, --objects; found {found}", _how_to_paint(clip))
    if source.mask is not None:
        return load_masks(source.mask, size, mode=source.mode)
    if source.objects:
        return load_object_masks(parse_object_options(source.objects), size)
    assert source.object_folder is not None
    return load_object_folder(source.object_folder, size)


def read_annotations(
    source: MaskSource, info: VideoInfo, find: Locate | None = None, *, first_frame: int = 0
) -> AnnotationSet:
    """The objects of all frames that are drawn, each mask checked once.

    A picture in ``mask_folder`` belongs to the frame whose number is the last integer in its name. Where the clip is a
    folder of images, all masks are named as its images are and no base is given, it belongs to the image of its name.

    Args:
        find: Frame numbers of positions; None looks for them in the clip itself.
        first_frame: That masks belong to for which no moment is given.

    Raises:
        UsageError: Nothing was given, a text is wrong, a frame is drawn twice or is not in the clip.
        MaskError: A mask cannot be read, is ambiguous, empty or of another shape.
        VideoError: The clip cannot be read.
    """
    first = FrameIndex(first_frame)
    given = [*_given_alone(source, first), *_given_in_folder(source, info)]
    if not given:
        raise UsageError("give the objects by --mask, --masks, --object or --objects", _how_to_paint(info.path))
    # The first frame is known to be there.
    frames = {first: first_frame, **_find(given, first, find or (lambda positions: locate(positions, info.path, info)))}
    _refuse_twice(given, frames)
    drawings = [Drawing(frames[each.position], each.picture, each.objects, each.folder) for each in given]
    return AnnotationSet(drawings, info.size, mode=source.mode, is_exact=source.is_exact)


def parse_mask_option(text: str, first: FrameIndex = FIRST) -> tuple[Position, Path]:
    """Take ``FILE``, which belongs to ``first``, or ``MOMENT=FILE`` apart; raises UsageError.

    What exists as a file is one, whatever its name.
    """
    left, separator, right = text.partition("=")
    if not separator or Path(text).exists():
        return first, Path(text)
    if not right.strip():
        raise UsageError(f"--mask {text!r} names no file", MASK_HINT, code="usage.mask")
    try:
        return parse_position(left), Path(right.strip())
    except UsageError as error:
        message = f"--mask {text!r}: there is no such file, and {error.message}"
        raise UsageError(message, MASK_HINT, code="usage.mask") from error


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


def _how_to_paint(clip: Path | None) -> str:
    return f"vostool frame {clip or 'CLIP'} -o first.png exports the picture to paint on"


def _given_alone(source: MaskSource, first: FrameIndex) -> Iterator[_Given]:
    """What the options name picture by picture."""
    if source.mask is not None:
        yield _Given(f"--mask {source.mask}", first, source.mask)
    for text in source.masks:
        position, path = parse_mask_option(text, first)
        yield _Given(f"--mask {text}", position, path)
    by_position: dict[Position, list[str]] = {}
    for text in source.objects:
        position, rest = _split_object_option(text, first)
        by_position.setdefault(position, []).append(rest)
    for position, texts in by_position.items():
        yield _Given(f"--object {texts[0]}", position, objects=parse_object_options(texts))
    if source.object_folder is not None:
        yield _Given(f"--objects {source.object_folder}", first, folder=source.object_folder)


def _split_object_option(text: str, first: FrameIndex) -> tuple[Position, str]:
    """``120:2=FILE`` as frame 120 and ``2=FILE``."""
    left, separator, path = text.partition("=")
    moment, colon, number = left.rpartition(":")
    if not separator or not colon:
        return first, text
    try:
        return parse_position(moment), f"{number}={path}"
    except UsageError as error:
        raise UsageError(f"--object {text!r}: {error.message}", OBJECT_HINT, code="usage.object") from error


def _given_in_folder(source: MaskSource, info: VideoInfo) -> list[_Given]:
    """The pictures of ``mask_folder`` with their frames."""
    folder = source.mask_folder
    if folder is None:
        return []
    paths = list_pictures(folder, "--masks", "give a folder with one mask per frame")
    places = {name: index for index, name in enumerate(info.frame_names)}
    if source.mask_base is None and places and all(path.stem in places for path in paths):
        numbers = [places[path.stem] for path in paths]
    else:
        numbers = [_number_of(path, source.mask_base or 0) for path in paths]
    return [
        _Given(f"--masks {folder}: {path.name}", FrameIndex(number), path)
        for path, number in zip(paths, numbers, strict=True)
    ]


def _number_of(path: Path, base: int) -> int:
    """The frame that a mask's name says."""
    digits = re.findall(r"[0-9]+", path.stem)
    if not digits:
        hint = "name every mask after its frame, as in 00120.png, or give them one by one as --mask 120=FILE"
        raise MaskError(f"{path.name} has no frame number in its name", hint, code="mask.no_number")
    number = int(digits[-1]) - base
    if number < 0:
        message = f"{path.name} has the number {int(digits[-1])}, below the first frame's {base}"
        raise MaskError(message, "pass --mask-base 0 if frames are counted from 0", code="mask.base")
    return number


def _find(given: Sequence[_Given], first: FrameIndex, find: Locate) -> Mapping[Position, int]:
    """The frame of each position but the first; of a position that is not in the clip the error names the option."""
    positions = [position for position in dict.fromkeys(each.position for each in given) if position != first]
    if not positions:
        return {}
    try:
        return find(positions)
    except NoSuchFrame as error:
        option = next(each.option for each in given if each.position == error.position)
        raise UsageError(f"{option}: {error.message}", error.hint, code="usage.mask") from error


def _refuse_twice(given: Sequence[_Given], frames: Mapping[Position, int]) -> None:
    first: dict[int, _Given] = {}
    for each in given:
        other = first.setdefault(frames[each.position], each)
        if other is not each:
            message = f"frame {frames[each.position]} is drawn twice, by {other.option} and {each.option}"
            raise UsageError(message, "give one mask per frame", code="usage.mask_twice")
