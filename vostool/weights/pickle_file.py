"""Reading PyTorch's own files (.pth, .pt, .pth.tar) without running the code that a pickle may carry.

torch's restricted unpickler builds tensors and plain containers only; whatever else a file asks for is refused here by
name, never run. The first torch without a known hole in it is 2.6 (CVE-2025-32434), the oldest that vostool allows.
"""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vostool.errors import WeightsError

ZIP_START, PICKLE_START = b"PK\x03\x04", b"\x80"
# A training checkpoint may nest its weights once, as in {"model": {"state_dict": ...}}.
MAX_DEPTH = 2
MAX_REASON = 100


def read_state_dict(path: Path, *, is_zip: bool, key: str | None = None) -> tuple[str, dict[str, Tensor]]:
    """The state dict in a file of torch.save.

    Args:
        is_zip: Whether it is an archive (PyTorch 1.6 and later), whose tensors need not be read at once.
        key: Which one, where there are several: names joined by dots.

    Returns:
        Under which name it lay, empty if the file is nothing else; and its tensors as they are stored.

    Raises:
        WeightsError: The file asks for code, is damaged, or holds no state dict or more than one.
    """
    found = dict(_state_dicts(_load_safely(path, is_zip=is_zip)))
    if key is not None:
        found = {name: tensors for name, tensors in found.items() if name == key}
    if len(found) == 1:
        name, tensors = next(iter(found.items()))
        return name, {each: value.detach() for each, value in tensors.items()}
    if not found:
        where = f" under '{key}'" if key else ""
        raise WeightsError(f"{path} holds no state dict{where}", "give a file of weights", code="weights.damaged")
    raise WeightsError(
        f"{path} is a training checkpoint with {len(found)} state dicts ({', '.join(found)})",
        f"take one out: vostool weights convert {path} OUT.safetensors --key {next(iter(found))}",
        code="weights.ambiguous",
    )


def _load_safely(path: Path, *, is_zip: bool) -> Any:
    try:
        with warnings.catch_warnings():
            # Unusual pickle protocols make torch warn before it fails; the failure is told below.
            warnings.simplefilter("ignore")
            if path.suffix.lower() == ".safetensors":  # torch would believe the name and not the content
                with path.open("rb") as opened:
                    return torch.load(opened, map_location="cpu", weights_only=True)
            return torch.load(str(path), map_location="cpu", weights_only=True, mmap=is_zip)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # on damaged bytes torch raises nearly anything, IndexError to struct.error
        if isinstance(error, pickle.UnpicklingError) or "Cannot use" in str(error):
            raise _unsafe(path, str(error)) from None
        raise WeightsError(
            f"{path} is cut short or damaged ({_first_sentence(error)})",
            "copy or download it again",
            code="weights.damaged",
        ) from None


def _unsafe(path: Path, reason: str) -> WeightsError:
    named = re.search(r"GLOBAL ([\w.]+)", reason)
    what = named[1] if named else "TorchScript" if "TorchScript" in reason else "an unknown kind of pickle"
    return WeightsError(
        f"{path} can only be read by running code that it carries ({what}), so it was not read",
        "ask its authors for safetensors; or, if you trust them, save its state dict alone with their program",
        code="weights.unsafe",
    )


def _first_sentence(error: Exception) -> str:
    text = re.split(r"(?<=\w)[.:] |\n", str(error) or type(error).__name__)[0]
    return text[:MAX_REASON]


def _state_dicts(content: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
    """Every mapping from names to tensors and nothing else; the state of an optimiser lies deeper than is looked."""
    if not isinstance(content, Mapping) or not content or not all(isinstance(key, str) for key in content):
        return
    if all(isinstance(value, Tensor) for value in content.values()):
        yield name, content
    elif depth < MAX_DEPTH:
        for key, value in content.items():
            yield from _state_dicts(value, f"{name}.{key}" if name else key, depth + 1)
