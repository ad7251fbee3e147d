"""What clips are drawn from: videos, stills, cut-outs and backgrounds, decoded once and kept as uint8 tensors.

Shapes: H, W size of one picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


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
