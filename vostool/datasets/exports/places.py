"""Where the files of a frame go in the folder of an export, and how they get there whole."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

# Of the frames: what data sets of stills take as good as the picture.
JPEG_QUALITY = 95
_NUMBER = re.compile(r"\d{5,}")
_TEMPORARY = ".part"


@dataclass(frozen=True, slots=True)
class Place:
    """One file for each frame: FOLDER/PREFIX + name of the frame + SUFFIX, below the root of the export."""

    folder: str
    prefix: str
    suffix: str

    def file(self, root: Path, name: str) -> Path:
        """The file of a frame."""
        return root / self.folder / f"{self.prefix}{name}{self.suffix}"

    def frame_of(self, file_name: str) -> str | None:
        """Name of the frame that a file of the folder is of, be it whole or half; None for other files."""
        whole = file_name.removesuffix(_TEMPORARY)
        if not whole.startswith(self.prefix) or not whole.endswith(self.suffix):
            return None
        return whole[len(self.prefix) : len(whole) - len(self.suffix)]


class FrameNames:
    """Names of frames: those of the images of a folder, or numbers of five digits and more."""

    def __init__(self, images: Sequence[str] = ()) -> None:
        self._images = images
        self._indices = {name: index for index, name in enumerate(images)}

    def __getitem__(self, index: int) -> str:
        return self._images[index] if self._images else f"{index:05d}"

    def index_of(self, name: str | None) -> int | None:
        """The frame of a name; None if no frame has it."""
        if self._images or name is None:
            return self._indices.get(name or "")
        return int(name) if _NUMBER.fullmatch(name) else None


def own_files(root: Path, places: Sequence[Place], names: FrameNames) -> Iterator[tuple[Place, Path, int]]:
    """Files that frames of this clip have in a folder, with their frame; half ones too."""
    for place in places:
        folder = root / place.folder
        for file in list(folder.iterdir()) if folder.is_dir() else []:
            index = names.index_of(place.frame_of(file.name))
            if index is not None and file.is_file():
                yield place, file, index


def is_half(file: Path) -> bool:
    """Whether a file was still being written."""
    return file.name.endswith(_TEMPORARY)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file that is either whole or not there at all."""
    temporary = path.with_name(path.name + _TEMPORARY)
    temporary.write_bytes(content)
    os.replace(temporary, path)


def encode_jpeg(image: np.ndarray) -> bytes:
    """HxWx3 uint8 RGB as a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
