"""Decode one mask picture of any mode into plain 8-bit planes, upright."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vostool.errors import MaskError

LOSSY_FORMATS = frozenset({"JPEG", "MPO", "JPEG2000"})
_WIDE_GREY_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
_PAINT_HINT = "give a picture such as PNG, painted on the frame that `vostool frame` exports"


@dataclass(frozen=True, slots=True)
class MaskPicture:
    """A decoded mask picture.

    Attributes:
        name: File name, for messages.
        form: What the file is, for example ``indexed PNG`` or ``RGBA PNG``.
        values: HxW uint8 grey levels or palette indices, or HxWx3 uint8 RGB.
        alpha: HxW uint8, or None if the picture is opaque.
        palette: 256x3 uint8 if ``values`` are palette indices, else None.
        is_lossy: True if the format rounds pixel values.
        notes: What decoding decided.
    """

    name: str
    form: str
    values: np.ndarray
    alpha: np.ndarray | None = None
    palette: np.ndarray | None = None
    is_lossy: bool = False
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.values.shape[0], self.values.shape[1]

    @property
    def is_colour(self) -> bool:
        """True if ``values`` hold RGB."""
        return self.values.ndim == 3


def read_picture(path: Path) -> MaskPicture:
    """Decode ``path``; raises MaskError, with one line to read, for whatever is not a whole picture."""
    if path.is_dir():
        raise MaskError(
            f"{path} is a folder, not a mask picture",
            "give one picture, or use --objects for a folder with one picture per object",
            code="mask.is_folder",
        )
    if not path.exists():
        raise MaskError(f"there is no mask {path}", "check the path", code="mask.not_found")
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path) as image:
                return _planes(path.name, image)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            message = f"{path.name} has more than {(Image.MAX_IMAGE_PIXELS or 0) // 10**6} million pixels"
            raise MaskError(message, "give a mask of the size of the frames", code="mask.too_large") from error
        except UnidentifiedImageError as error:
            message = f"{path.name} is not a picture ({path.stat().st_size} bytes of something else)"
            raise MaskError(message, _PAINT_HINT, code="mask.not_a_picture") from error
        except PermissionError as error:
            message = f"{path} may not be read"
            raise MaskError(message, "check its permissions", code="mask.unreadable") from error
        # Pillow's decoders raise all of these for damaged files.
        except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
            message = f"{path.name} is truncated or damaged ({error})"
            raise MaskError(message, "export it again", code="mask.damaged") from error


def _planes(name: str, image: Image.Image) -> MaskPicture:
    """Load the first picture of the file and take its planes apart."""
    file_format = image.format or "picture"
    num_pictures = getattr(image, "n_frames", 1)
    notes = [f"the file holds {num_pictures} pictures, the first is used"] if num_pictures > 1 else []
    image.load()
    has_orientation = image.getexif().get(0x0112, 1) not in (0, 1)
    upright = ImageOps.exif_transpose(image)
    if has_orientation:
        notes.append("turned upright by its EXIF orientation")
    is_lossy = file_format in LOSSY_FORMATS
    mode = upright.mode
    if mode == "P":
        return _indexed(name, f"indexed {file_format}", upright, tuple(notes))
    if mode in _WIDE_GREY_MODES:
        levels, form = _wide_grey(name, np.asarray(upright), mode)
        return MaskPicture(name, f"{form} {file_format}", levels, is_lossy=is_lossy, notes=tuple(notes))
    values, alpha = _split_alpha(upright)
    form = {"1": "1-bit", "L": "grey"}.get(mode, mode)
    return MaskPicture(name, f"{form} {file_format}", values, alpha, None, is_lossy, tuple(notes))


def _indexed(name: str, form: str, image: Image.Image, notes: tuple[str, ...]) -> MaskPicture:
    """Keep the indices and the palette; a palette's transparency counts only where colours are asked for."""
    palette = np.zeros((256, 3), np.uint8)
    colours = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    palette[: len(colours)] = colours[:256]
    return MaskPicture(name, form, np.asarray(image), None, palette, False, notes)


def _split_alpha(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """Grey or RGB values and the alpha plane, None where everything is opaque."""
    is_grey = image.mode in ("1", "L", "LA", "La")
    has_alpha = image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    if not has_alpha:
        return np.array(image.convert("L" if is_grey else "RGB")), None
    planes = np.array(image.convert("RGBA"))
    alpha = planes[..., 3]
    values = np.ascontiguousarray(planes[..., 0] if is_grey else planes[..., :3])
    return values, None if alpha.min() == 255 else np.ascontiguousarray(alpha)


def _wide_grey(name: str, levels: np.ndarray, mode: str) -> tuple[np.ndarray, str]:
    """Bring 16-bit, 32-bit and floating grey to 8 bits: as ids if they fit, else as brightness."""
    form = "floating grey" if mode == "F" else "16-bit grey"
    if mode == "F":
        if not np.isfinite(levels).all():
            raise MaskError(f"{name} holds values that are no numbers", "export it as 8-bit PNG", code="mask.values")
        is_unit = levels.max() <= 1
        levels = np.rint(levels * 255 if is_unit else levels)
    lowest, highest = int(levels.min()), int(levels.max())
    if lowest < 0:
        raise MaskError(f"{name} holds negative values ({lowest})", "ids are 1 to 255", code="mask.values")
    if highest <= 255:
        return levels.astype(np.uint8), form
    if ((levels == 0) | (levels == highest)).all():
        return np.where(levels > 0, 255, 0).astype(np.uint8), form
    # Brightness that reaches near full scale; anything between is ids that do not fit.
    if 60000 <= highest <= 65535:
        return np.rint(levels / (65535 / 255)).astype(np.uint8), form
    message = f"{name} holds {form} values up to {highest}, too large for object ids"
    raise MaskError(message, "ids are 1 to 255", code="mask.values")
