"""Images as frames: a folder of them in natural order, or a single one; and one image written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from vostool.errors import UsageError, VideoError
from vostool.types import Frame, VideoInfo
from vostool.video.durable import whole_file
from vostool.video.reading.deep_images import read_deep_image
from vostool.video.reading.diagnosis import COPY_AGAIN, explain_os_error
from vostool.video.reading.interface import VideoReader

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})
DEFAULT_FRAME_RATE = Fraction(24)

# Of these a file of several pictures moves; in a JPEG and a TIFF the others are previews, pages or the like.
ANIMATED_FORMATS = ("PNG", "WEBP")

# Pillow's modes that hold one 16-bit number for a pixel; "I" is what some formats and versions give for them.
SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I")


class ImageFolderReader(VideoReader):
    """The images of a folder, or a single image, as frames of equal duration.

    An image that cannot be read is a corrupt frame: it repeats the one before it, or the first good one.

    Args:
        path: The folder or the image.
        frame_rate: Frames per second.

    Raises:
        VideoError: There are no images, none can be read, two have the same name; while iterating, two differ in size.
    """

    def __init__(self, path: Path, frame_rate: Fraction = DEFAULT_FRAME_RATE, *, keeps_depth: bool = False) -> None:
        self._paths = list_images(path) if path.is_dir() else [path]
        if not path.is_dir():
            _refuse_animation(path)
        self._first_path, self._first_image = _first_readable(path, self._paths)
        self._first_deep = read_deep_image(self._first_path)
        self._keeps_depth = keeps_depth and self._first_deep is not None
        height, width = self._first_image.shape[:2]
        super().__init__(
            VideoInfo(
                path=path,
                width=width,
                height=height,
                frame_rate=frame_rate,
                time_base=1 / frame_rate,
                num_frames=len(self._paths),
                is_num_frames_exact=True,
                duration=float(len(self._paths) / frame_rate),
                bit_depth=8 if self._first_deep is None else 16,
                codec=self._first_path.suffix.lower().lstrip("."),
                pixel_format=self._first_path.suffix.lower().lstrip("."),
                is_image_folder=path.is_dir(),
                frame_names=tuple(image.stem for image in self._paths) if path.is_dir() else (),
            )
        )

    @property
    def is_short(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing stays open between two images."""

    def _read(self) -> Iterator[Frame]:
        good, deep = self._first_image, self._first_deep if self._keeps_depth else None
        for index, path in enumerate(self._paths):
            image = read_image(path)
            if image is not None:
                self._require_size(path, image)
                good, deep = image, self._deep(path, image)
            yield Frame(index, index, self.info.time_base, good, 1, image is None, deep)

    def _deep(self, path: Path, image: np.ndarray) -> np.ndarray | None:
        """All bits of an image, of one with 8 bits among others too."""
        if not self._keeps_depth:
            return None
        deep = read_deep_image(path)
        return image.astype(np.uint16) * np.uint16(257) if deep is None else deep

    def _require_size(self, path: Path, image: np.ndarray) -> None:
        if image.shape == self._first_image.shape:
            return
        found, expected = _size_text(image), _size_text(self._first_image)
        raise VideoError(
            f"{path.name} is {found}, but {self._first_path.name} is {expected}",
            "all images of a folder must have one size",
            code="video.size_mismatch",
        )


def _refuse_animation(path: Path) -> None:
    """Raise VideoError for a picture that moves, of which the first frame alone would pass for all."""
    try:
        with Image.open(path) as image:
            is_animated = image.format in ANIMATED_FORMATS and getattr(image, "n_frames", 1) > 1
    except Exception:
        # Whatever is wrong with it is told by those who read it.
        return
    if is_animated:
        hint = "name it .apng" if path.suffix.lower() == ".png" else "make a video, a GIF or a folder of images of it"
        raise VideoError(f"{path} is an animation, not a single picture", hint, code="video.animation")


def list_images(folder: Path) -> list[Path]:
    """The images of a folder in natural order; hidden files and other kinds are left out.

    Raises:
        VideoError: There are none, or two have names that differ only in the suffix.
    """
    try:
        files = [path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file()]
    except OSError as error:
        raise explain_os_error(folder, error) from error
    images = sorted((path for path in files if path.suffix.lower() in IMAGE_SUFFIXES), key=natural_key)
    if not images:
        found = "1 file of another kind" if len(files) == 1 else f"{len(files) or 'no'} files of other kinds"
        kinds = ", ".join(sorted(suffix.lstrip(".") for suffix in IMAGE_SUFFIXES))
        raise VideoError(
            f"the folder {folder} has no images, but {found}", f"give images as {kinds}", code="video.no_images"
        )
    _require_unique_stems(folder, images)
    return images


def _require_unique_stems(folder: Path, images: list[Path]) -> None:
    """Refuse ``1.jpg`` beside ``1.png``: a mask could not be named after either."""
    first_of_stem: dict[str, Path] = {}
    for image in images:
        other = first_of_stem.setdefault(image.stem, image)
        if other is not image:
            raise VideoError(
                f"{folder} has two images of one name: {other.name} and {image.name}",
                "keep frames of one kind in it",
                code="video.same_name",
            )


def natural_key(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key by which ``frame2`` comes before ``frame10``; equal numbers by their text."""
    parts = re.findall(r"\d+|\D+", path.stem)
    key = [(0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in parts]
    return key, path.name


def read_image(path: Path) -> np.ndarray | None:
    """HxWx3 uint8 RGB, turned upright by its EXIF tag, alpha dropped, 16 bits cut to 8; None if it cannot be read."""
    try:
        with Image.open(path) as image:
            return _to_rgb(ImageOps.exif_transpose(image))
    # Pillow has no base error: damaged files raise any of these, and SyntaxError too.
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, Image.DecompressionBombError):
        deep = read_deep_image(path)
        return None if deep is None else (deep >> 8).astype(np.uint8)


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode in SIXTEEN_BIT_MODES:
        grey = np.clip(np.asarray(image).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode == "F":
        grey = np.clip(np.rint(np.asarray(image) * 255), 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    return np.array(image.convert("RGB"))


def _first_readable(path: Path, images: list[Path]) -> tuple[Path, np.ndarray]:
    """The first image that can be read, which sets the size of all."""
    for candidate in images:
        image = read_image(candidate)
        if image is not None:
            return candidate, image
    message = f"{path} is damaged or not an image"
    if path.is_dir():
        message = f"none of the {len(images)} images of {path} can be read"
    raise VideoError(message, COPY_AGAIN, code="video.no_picture")


def _size_text(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write a PNG that is either whole or not there at all.

    Args:
        image: HxWx3 uint8 RGB or HxW uint8.

    Raises:
        UsageError: The name does not end in .png.
        OutputError: It cannot be written; an existing file is replaced.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise UsageError(f"{path} is not named as a PNG", "end its name in .png", code="usage.image_suffix")
    with whole_file(path) as part:
        Image.fromarray(image).save(part, format="PNG")
