"""What clips are drawn from: videos, stills, cut-outs and backgrounds, decoded once and kept as uint8 tensors.

Shapes: H, W size of one picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vostool.datasets.footage import ClipFiles, Footage
from vostool.datasets.pixels import (
    map_in_threads,
    number_objects,
    present_values,
    read_values,
    require_image,
    shrink_image,
    shrink_labels,
    shrunken_size,
)
from vostool.datasets.stills import StillFiles, find_cutouts, find_pictures, find_stills, read_still
from vostool.errors import InputError
from vostool.video.reading.reader import open_video

Note = Callable[[str], None]


@dataclass(frozen=True)
class VideoClip:
    """A video with masks, all frames of one size.

    Attributes:
        name: Name of the clip.
        images: Frames, (3, H, W) uint8 RGB.
        labels: Mask of each frame, (H, W) uint8 with 0 background and 1..k objects; None where there is no mask.
    """

    name: str
    images: tuple[Tensor, ...]
    labels: tuple[Tensor | None, ...]

    @property
    def annotated(self) -> tuple[int, ...]:
        """Indices of the frames that have a mask."""
        return tuple(index for index, labels in enumerate(self.labels) if labels is not None)

    def mask(self, frame: int) -> Tensor:
        """The mask of an annotated frame."""
        labels = self.labels[frame]
        assert labels is not None, "only annotated frames are asked for"
        return labels

    def to(self, device: torch.device) -> VideoClip:
        """The clip with its tensors on a device."""
        images = tuple(image.to(device) for image in self.images)
        return VideoClip(self.name, images, tuple(None if each is None else each.to(device) for each in self.labels))


@dataclass(frozen=True)
class Still:
    """A picture with the mask of its objects.

    Attributes:
        name: Name of the picture.
        image: (3, H, W) uint8 RGB.
        labels: (H, W) uint8, 0 background and 1..k objects; of a cut-out its opaque part, as object 1.
    """

    name: str
    image: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> Still:
        """The still with its tensors on a device."""
        return Still(self.name, self.image.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Library:
    """All that training clips are drawn from.

    Attributes:
        videos: Clips with masks.
        stills: Pictures with masks.
        cutouts: Objects without surroundings, to be pasted.
        backgrounds: Pictures to paste on, (3, H, W) uint8 RGB.
    """

    videos: tuple[VideoClip, ...] = ()
    stills: tuple[Still, ...] = ()
    cutouts: tuple[Still, ...] = ()
    backgrounds: tuple[Tensor, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to draw an object from."""
        return not (self.videos or self.stills or self.cutouts)

    @property
    def num_bytes(self) -> int:
        """Bytes of all tensors."""
        return sum(tensor.nbytes for tensor in self._tensors())

    def to(self, device: torch.device) -> Library:
        """The library with all tensors on a device."""
        videos, stills, cutouts = (
            tuple(clip.to(device) for clip in self.videos),
            tuple(still.to(device) for still in self.stills),
            tuple(cutout.to(device) for cutout in self.cutouts),
        )
        return Library(videos, stills, cutouts, tuple(picture.to(device) for picture in self.backgrounds))

    def _tensors(self) -> Iterator[Tensor]:
        for clip in self.videos:
            yield from clip.images
            yield from (labels for labels in clip.labels if labels is not None)
        for still in (*self.stills, *self.cutouts):
            yield from (still.image, still.labels)
        yield from self.backgrounds


def load_library(
    footage: Footage,
    *,
    stills: Path | None = None,
    cutouts: Path | None = None,
    backgrounds: Path | None = None,
    short_side: int = 480,
    year: int | None = None,
    on_note: Note = lambda line: None,
) -> Library:
    """Decode everything once, scaled down where it is larger.

    Args:
        footage: As found by ``find_footage``; may be empty.
        stills: Folder with SET/images and SET/masks in it or below.
        cutouts: Folder of pictures whose alpha is the mask.
        backgrounds: Folder of pictures to paste on.
        short_side: Largest short side in pixels; nothing is scaled up.
        year: What masks mean, see ``number_objects``.
        on_note: Told in one line of each thing that is left out because it cannot be read.

    Raises:
        InputError: A folder of stills, cut-outs or backgrounds has none, or nothing with an object can be read.
    """
    videos = (_load_clip(files, short_side, year, on_note) for files in footage.clips)
    library = Library(
        tuple(clip for clip in videos if clip is not None),
        _load_stills(find_stills(stills) if stills else [], short_side, on_note),
        _load_stills(find_cutouts(cutouts) if cutouts else [], short_side, on_note),
        _load_backgrounds(find_pictures(backgrounds) if backgrounds else [], short_side, on_note),
    )
    if library.is_empty:
        raise InputError("there is no clip and no still with an object", "give footage with masks, or stills")
    return library


def _load_clip(files: ClipFiles, short_side: int, year: int | None, note: Note) -> VideoClip | None:
    """The frames from the first to the last mask; None, and a note, if fewer than two masks can be used."""
    images = (_read_video if isinstance(files.frames, Path) else _read_images)(files, short_side, note)
    size = shrunken_size(files.size, short_side)
    if odd := [index for index, image in images.items() if image.shape[1:] != size]:
        note(f"{files.name}: frame {odd[0]} has another size than the others; clip left out")
        return None
    indices = [index for index in files.masks if index in images]
    if len(indices) < 2:
        note(f"{files.name}: fewer than two of its frames with a mask can be read; clip left out")
        return None
    masks = map_in_threads(partial(_read_mask, short_side=short_side), [files.masks[index] for index in indices])
    table = number_objects([present for _, present in masks], year)
    labels = {index: torch.from_numpy(table[values]) for index, (values, _) in zip(indices, masks, strict=True)}
    return VideoClip(files.name, tuple(images.values()), tuple(labels.get(index) for index in images))


def _read_images(files: ClipFiles, short_side: int, note: Note) -> dict[int, Tensor]:
    """Frames of a folder by index; one that cannot be read is noted and missing."""
    assert not isinstance(files.frames, Path)
    paths = [files.frames[index] for index in files.span]
    images = map_in_threads(partial(_read_picture, short_side=short_side, note=note), paths)
    return {index: image for index, image in zip(files.span, images, strict=True) if image is not None}


def _read_video(files: ClipFiles, short_side: int, note: Note) -> dict[int, Tensor]:
    """Frames of a video by index; damaged ones and those past its end are noted and missing."""
    assert isinstance(files.frames, Path)
    images: dict[int, Tensor] = {}
    with open_video(files.frames) as reader:
        for frame in islice(reader, files.span.stop):
            if frame.index in files.span and not frame.is_corrupt:
                images[frame.index] = _to_tensor(shrink_image(frame.image, short_side))
        num_frames = reader.num_frames_read
    if num_lost := len(files.span) - len(images):
        lost = f"{num_lost} frame{'s' if num_lost > 1 else ''} left out"
        note(f"{files.name}: {lost}, damaged or past the end of its {num_frames} frames")
    return images


def _read_mask(path: Path, *, short_side: int) -> tuple[np.ndarray, frozenset[int]]:
    """Values of a mask scaled down, and which it had before, since a small object may vanish."""
    values = read_values(path)
    return shrink_labels(values, short_side), present_values(values)


def _load_stills(found: list[StillFiles], short_side: int, note: Note) -> tuple[Still, ...]:
    stills = map_in_threads(partial(_load_still, short_side=short_side, note=note), found)
    return tuple(still for still in stills if still is not None)


def _load_still(files: StillFiles, *, short_side: int, note: Note) -> Still | None:
    try:
        image, labels = read_still(files, short_side)
    except InputError as error:
        note(f"still left out: {error.message}")
        return None
    return Still(files.name, _to_tensor(image), torch.from_numpy(labels))


def _load_backgrounds(paths: list[Path], short_side: int, note: Note) -> tuple[Tensor, ...]:
    pictures = map_in_threads(partial(_read_picture, short_side=short_side, note=note), paths)
    return tuple(picture for picture in pictures if picture is not None)


def _read_picture(path: Path, *, short_side: int, note: Note) -> Tensor | None:
    try:
        return _to_tensor(shrink_image(require_image(path), short_side))
    except InputError as error:
        note(f"picture left out: {error.message}")
        return None


def _to_tensor(image: np.ndarray) -> Tensor:
    """(3, H, W) uint8 of an HxWx3 image."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
