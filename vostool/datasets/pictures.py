"""Pictures and masks on disk, decoded once and kept as uint8.

Shapes: H, W size of one picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from vostool.video.images import IMAGE_SUFFIXES


@dataclass(frozen=True)
class MaskedPicture:
    """A picture with the mask of its objects, or a cut-out whose own alpha is the mask.

    Attributes:
        picture_path: The picture; for a cut-out an RGBA file.
        mask_path: Indexed or grey mask with ids 1..k; None for a cut-out.
    """

    picture_path: Path
    mask_path: Path | None = None

    @cached_property
    def image(self) -> np.ndarray:
        """HxWx3 uint8 RGB."""
        return self._load[0]

    @cached_property
    def labels(self) -> np.ndarray:
        """HxW uint8: 0 background, 1..k objects."""
        return self._load[1]

    @cached_property
    def _load(self) -> tuple[np.ndarray, np.ndarray]:
        with Image.open(self.picture_path) as opened:
            if self.mask_path is None:
                pixels = np.asarray(opened.convert("RGBA"))
                return np.ascontiguousarray(pixels[..., :3]), (pixels[..., 3] > 127).astype(np.uint8)
            image = np.asarray(opened.convert("RGB"))
        with Image.open(self.mask_path) as opened:
            labels = np.asarray(opened if opened.mode in ("P", "L") else opened.convert("L"), dtype=np.uint8)
        if labels.shape != image.shape[:2]:
            labels = cv2.resize(labels, image.shape[1::-1], interpolation=cv2.INTER_NEAREST).astype(np.uint8)
        return image, labels


def find_pictures(folder: Path) -> list[Path]:
    """All pictures below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)


def find_stills(root: Path) -> list[MaskedPicture]:
    """Pairs of ROOT/SET/images/NAME.* and ROOT/SET/masks/NAME.png."""
    pairs = []
    for picture in find_pictures(root):
        mask = picture.parent.parent / "masks" / f"{picture.stem}.png"
        if picture.parent.name == "images" and mask.exists():
            pairs.append(MaskedPicture(picture, mask))
    return pairs


def find_cutouts(root: Path) -> list[MaskedPicture]:
    """RGBA pictures whose alpha is the mask."""
    return [MaskedPicture(path) for path in find_pictures(root)]


def choose_object(labels: np.ndarray, generator: np.random.Generator, *, min_share: float = 0.01) -> np.ndarray | None:
    """One object of a mask, at random among those that cover enough of the picture.

    Returns:
        HxW uint8 of 0 and 1, or None if there is none of at least ``min_share`` of the pixels and at most 0.8.
    """
    counts = np.bincount(labels.ravel(), minlength=256)[1:255]
    usable = np.flatnonzero((counts >= min_share * labels.size) & (counts <= 0.8 * labels.size)) + 1
    if len(usable) == 0:
        return None
    return (labels == generator.choice(usable)).astype(np.uint8)


def load_sequence(frames: Sequence[Path], masks: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Decodes a sequence: (T, H, W, 3) uint8 RGB and (T, H, W) uint8, where non-zero is the object."""
    pairs = [MaskedPicture(frame, mask) for frame, mask in zip(frames, masks, strict=True)]
    images = np.stack([pair.image for pair in pairs])
    labels = np.stack([(pair.labels > 0).astype(np.uint8) for pair in pairs])
    return images, labels
