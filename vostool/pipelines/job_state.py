"""What an interrupted job leaves to go on from: its state in one file, and a fingerprint of what must not change.

A file of state is what ``torch.save`` writes, and behind it a mark and the sha256 of all that is before the mark.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

import torch

from vostool import __version__
from vostool.errors import InputError, OutputError
from vostool.weights.load import file_sha256

# The last digit counts the layouts.
MARK = b"vostool-state-1\n"
NUM_END_BYTES = len(MARK) + hashlib.sha256().digest_size
NUM_HEAD_BYTES = 1 << 20
ANEW = "start anew without resuming"

Fingerprint = dict[str, dict[str, str]]


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Writes a state, so that whatever happens there is the old file or the new one, whole.

    Args:
        state: Plain containers, numbers, texts and tensors.

    Raises:
        OutputError: It cannot be written; the file before it is still there.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            hashed = _HashedFile(file)
            torch.save(dict(state), cast(IO[bytes], hashed))
            file.write(MARK + hashed.digest())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise OutputError(f"{path} cannot be written ({reason})", "check the folder and the space left") from error


def load_state(path: Path) -> dict[str, Any]:
    """What ``save_state`` wrote, on the CPU.

    Raises:
        InputError: It is not there, damaged, or of another version.
    """
    try:
        _check_end(path)
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", ANEW, code="state.missing") from None
    except (RuntimeError, EOFError, ValueError, TypeError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} holds no state ({reason})", ANEW, code="state.damaged") from None


def _check_end(path: Path) -> None:
    """Compares the file with its sha256, since torch does not notice tensors that have changed."""
    num_bytes = path.stat().st_size - NUM_END_BYTES
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for start in range(0, num_bytes, NUM_HEAD_BYTES):
            digest.update(file.read(min(NUM_HEAD_BYTES, num_bytes - start)))
        end = file.read()
    if not end.startswith(MARK):
        raise ValueError("it is cut off, or of another version")
    if end != MARK + digest.digest():
        raise ValueError("it is damaged")


class _HashedFile:
    """A file that knows the sha256 of what is written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def digest(self) -> bytes:
        return self._hash.digest()


def _sync_folder(folder: Path) -> None:
    """Makes the new name last, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def take_fingerprint(
    source: Path, masks: Iterable[Path], weights: Mapping[str, str], options: Mapping[str, object]
) -> Fingerprint:
    """What must be the same when a job goes on; texts only, so that it can be part of a state.

    Args:
        source: Video or folder of images; of anything else, such as a pipe, the name alone counts.
        masks: Files, or folders whose files all count.
        weights: sha256 of each file of weights, by what it is called in messages.
        options: Everything else that shapes the outputs.
    """
    return {
        "clip": _describe_clip(source),
        "mask": {str(file.resolve()): file_sha256(file) for mask in masks for file in _files_of(mask)},
        "weights": dict(weights),
        "option": {name: str(value) for name, value in options.items()},
        "program": {"vostool": __version__},
    }


def differences(before: Fingerprint, now: Fingerprint) -> list[str]:
    """What has changed between two fingerprints, one line each; empty if nothing has."""
    lines = []
    for kind in now:
        was, found = before.get(kind, {}), now[kind]
        names = [*found, *(name for name in was if name not in found)]
        lines += [_difference(kind, name, was.get(name), found.get(name)) for name in names]
    return list(dict.fromkeys(line for line in lines if line))


def _difference(kind: str, name: str, before: str | None, now: str | None) -> str:
    """In words; empty if there is none."""
    if before == now:
        return ""
    if kind in ("mask", "weights"):
        fate = "is new" if before is None else "is gone" if now is None else "has changed"
        return f"{kind} {Path(name).name if kind == 'mask' else name} {fate}"
    subject = f"{kind} {name}" if kind == "option" else name if kind == "program" else f"the clip's {name}"
    return f"{subject} was {_shown(before)} and is now {_shown(now)}"


def _shown(value: str | None) -> str:
    return "not set" if value in (None, "None") else str(value)


def _describe_clip(source: Path) -> dict[str, str]:
    """Its place, size and date, and the beginning of its first file."""
    files = list(_files_of(source))
    if not files or not all(file.is_file() for file in files):
        return {"path": str(source)}
    stats = [file.stat() for file in files]
    with files[0].open("rb") as first:
        head = first.read(NUM_HEAD_BYTES)
    return {
        "path": str(source.resolve()),
        "number of files": str(len(files)),
        "size in bytes": str(sum(each.st_size for each in stats)),
        "date in ns": str(max(each.st_mtime_ns for each in stats)),
        "beginning (sha256)": hashlib.sha256(head).hexdigest(),
    }


def _files_of(path: Path) -> Iterator[Path]:
    """The path itself, or the files of a folder by name."""
    if path.is_dir():
        yield from sorted(file for file in path.iterdir() if file.is_file())
    else:
        yield path
