"""Why a file cannot be opened as a video, in words for its user."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from vostool.errors import VideoError

GIVE_A_VIDEO = "give a video, an image or a folder of images"
COPY_AGAIN = "copy or download it again"
SAMPLE_SIZE = 4096

# Boxes that an MP4 or QuickTime file begins with.
FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
BOX_HEADER_SIZE = 8


def require_file(path: Path) -> None:
    """Raise VideoError if there is no file at ``path``, or nothing in it."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise explain_os_error(path, error) from error
    if size == 0 and path.is_file():
        raise VideoError(f"{path} is empty (0 bytes)", COPY_AGAIN, code="video.empty")
    if not is_unicode(path):
        raise VideoError(f"the name of {shown(path)} is not UTF-8", "rename it", code="video.name")


def is_unicode(path: Path) -> bool:
    """Whether libav takes the path, whose names may be any bytes."""
    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(path: Path) -> str:
    """The path as text that can be written anywhere."""
    return str(path).encode(errors="replace").decode()


def explain_os_error(path: Path, error: OSError) -> VideoError:
    """The error for a path that the system does not let us read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return VideoError(f"no such file or folder: {path}", "check the path", code="video.not_found")
    if isinstance(error, PermissionError):
        return VideoError(f"no permission to read {path}", "change its access rights", code="video.permission")
    return VideoError(f"cannot read {path}: {error.strerror or error}", code="video.unreadable")


def explain_invalid_data(path: Path) -> VideoError:
    """The error for a file, or for a stream that has only a name, in which no video was recognised."""
    sample = _first_bytes(path, SAMPLE_SIZE)
    if sample[4:8] in FIRST_BOXES and not _has_whole_index(path):
        return VideoError(
            f"{path} has no index (no whole moov box): it is truncated or still being written",
            "wait until it is finished, or copy it again",
            code="video.no_index",
        )
    if is_text(sample):
        return VideoError(f"{path} is a text file, not a video", GIVE_A_VIDEO, code="video.text")
    return VideoError(f"{path} is not a video, or it is damaged at its beginning", GIVE_A_VIDEO, code="video.not_video")


def is_text(sample: bytes) -> bool:
    """True if the first bytes of a file are printable UTF-8; a character cut at the end does not matter."""
    text = sample.decode("utf-8", errors="replace").rstrip("\ufffd")
    return bool(text) and all(character.isprintable() or character in "\r\n\t\f\ufeff" for character in text)


def explain_no_picture(path: Path, reason: str) -> VideoError:
    """The error for a file that opens, but of which nothing can be decoded."""
    start = _first_bytes(path, BOX_HEADER_SIZE)
    if start[4:] in FIRST_BOXES and not _has_whole_index(path):
        return explain_invalid_data(path)
    because = f" ({reason})" if reason else ""
    return VideoError(f"no picture of {path} can be decoded{because}", COPY_AGAIN, code="video.no_picture")


def _first_bytes(path: Path, num_bytes: int) -> bytes:
    """The beginning of a file; nothing where the path is only the name of a stream."""
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(num_bytes)


def _has_whole_index(path: Path) -> bool:
    """True if an MP4 or QuickTime file has its moov box, up to the end."""
    size = path.stat().st_size
    return any(name == b"moov" and end <= size for name, end in _walk_boxes(path))


def _walk_boxes(path: Path) -> Iterator[tuple[bytes, int]]:
    """Name and end of the top-level boxes of an MP4 or QuickTime file, as far as they are there."""
    end = path.stat().st_size
    with path.open("rb") as file:
        start = 0
        while start + BOX_HEADER_SIZE <= end:
            file.seek(start)
            size, name = struct.unpack(">I4s", file.read(BOX_HEADER_SIZE))
            if size == 1:
                size = int.from_bytes(file.read(8), "big")
            # 0 means up to the end of the file.
            start = start + size if size >= BOX_HEADER_SIZE else end
            yield name, start
