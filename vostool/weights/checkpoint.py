"""Reading any file of weights as it is: safetensors with or without our metadata, or PyTorch's own files.

What a file is, is told by its first bytes, not by its name; a web page or a pointer that was saved in place of the
weights is told as such.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from vostool.errors import UsageError, WeightsError
from vostool.weights.layout import identify, split_prefix
from vostool.weights.pickle_file import PICKLE_START, ZIP_START, read_state_dict

HEAD_BYTES = 512
PAGE_STARTS = (b"<!doctype", b"<html", b"<head", b"<?xml")
LARGE_FILE_POINTER = b"version https://git-lfs"
# safetensors: eight bytes with the length of the header, then the header, which is a JSON object.
LENGTH_BYTES = 8
AGAIN = "copy or download it again"


@dataclass(frozen=True)
class Checkpoint:
    """A file of weights as it is stored.

    Attributes:
        path: The file.
        format: ``safetensors``, ``pytorch`` or ``pytorch-legacy`` (before PyTorch 1.6).
        tensors: State dict in the dtypes of the file, without the prefix of nn.DataParallel.
        prefix: What stood, or once stood, before every name.
        key: Under which name the state dict lay in a training checkpoint; empty if the file is nothing else.
        metadata: Of a safetensors file.
    """

    path: Path
    format: str
    tensors: dict[str, Tensor]
    prefix: str = ""
    key: str = ""
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def system(self) -> str | None:
        """As the metadata say, else as the names tell; None if neither does."""
        return self.metadata.get("system") or identify(self.tensors)


def read_checkpoint(path: Path, key: str | None = None) -> Checkpoint:
    """Reads a file of weights; code in it is never run.

    Args:
        key: Which state dict of a training checkpoint that holds several.

    Raises:
        UsageError: A key for a format that has none.
        WeightsError: It cannot be read, is damaged, is no file of weights, or asks for code to be run.
    """
    try:
        with path.open("rb") as opened:
            head = opened.read(HEAD_BYTES)
        _refuse_other_things(path, head)
        if head[LENGTH_BYTES : LENGTH_BYTES + 1] == b"{":
            return _read_safetensors(path, key)
        if head.startswith((ZIP_START, PICKLE_START)):
            return _read_pickle(path, is_zip=head.startswith(ZIP_START), key=key)
    except OSError as error:
        raise WeightsError(
            f"{path} cannot be read ({error.strerror or error})", "check the path and the file's permissions"
        ) from None
    raise WeightsError(f"{path} is neither a safetensors nor a PyTorch file", AGAIN, code="weights.damaged")


def looks_like_page(head: bytes) -> bool:
    """Whether a file that begins so is a web page."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(PAGE_STARTS)


def _refuse_other_things(path: Path, head: bytes) -> None:
    if not head:
        raise WeightsError(f"{path} is empty", AGAIN, code="weights.damaged")
    if looks_like_page(head):
        raise WeightsError(
            f"{path} is a web page, not weights", "open it in a browser and download what it offers",
            code="weights.damaged",
        )  # fmt: skip
    if head.startswith(LARGE_FILE_POINTER):
        raise WeightsError(
            f"{path} is a Git LFS pointer, not the file itself", "run git lfs pull there", code="weights.damaged"
        )


def _read_safetensors(path: Path, key: str | None) -> Checkpoint:
    if key is not None:
        raise UsageError(f"{path} is a safetensors file, which holds one state dict and no '{key}'", "leave out --key")
    try:
        with safe_open(path, framework="pt") as opened:
            metadata = dict(opened.metadata() or {})
            stored = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise WeightsError(
            f"{path} is not a whole safetensors file ({_missing_bytes(path) or error})", AGAIN, code="weights.damaged"
        ) from None
    if not stored:
        raise WeightsError(f"{path} holds no tensors", "give a file of weights", code="weights.damaged")
    prefix, names = split_prefix(stored)
    tensors = dict(zip(names, stored.values(), strict=True))
    return Checkpoint(path, "safetensors", tensors, metadata.get("prefix") or prefix, metadata=metadata)


def _missing_bytes(path: Path) -> str:
    """How far the file falls short of what its header promises; empty if it cannot be told."""
    num_bytes = path.stat().st_size
    with path.open("rb") as opened:
        length = int.from_bytes(opened.read(LENGTH_BYTES), "little")
        content = opened.read(min(length, num_bytes))
    if LENGTH_BYTES + length > num_bytes:
        return f"it has {num_bytes} bytes, and its header alone should have {length}"
    try:
        header = json.loads(content)
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        promised = LENGTH_BYTES + length + max(ends, default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return ""
    return f"it has {num_bytes} bytes and should have {promised}" if num_bytes != promised else ""


def _read_pickle(path: Path, *, is_zip: bool, key: str | None) -> Checkpoint:
    taken, stored = read_state_dict(path, is_zip=is_zip, key=key)
    prefix, names = split_prefix(stored)
    tensors = dict(zip(names, stored.values(), strict=True))
    return Checkpoint(path, "pytorch" if is_zip else "pytorch-legacy", tensors, prefix, taken)
