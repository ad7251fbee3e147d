"""Loading weights safely and strictly: safetensors only, which cannot run code, and every tensor must fit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from vostool.errors import WeightsError

# So many names of each kind are listed in an error; there may be hundreds.
MAX_NAMES = 3


@dataclass(frozen=True)
class Weights:
    """A weights file, read.

    Attributes:
        path: The file.
        system: Name of the system that it is for.
        config: Numbers of the network.
        tensors: State dict in float32.
    """

    path: Path
    system: str
    config: dict[str, Any]
    tensors: dict[str, Tensor]


def load_weights(path: Path, system: str) -> Weights:
    """Reads a file that ``save_weights`` wrote.

    Raises:
        WeightsError: It is not a safetensors file, is cut short, or is of another system.
    """
    try:
        with safe_open(path, framework="pt") as opened:
            metadata = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise WeightsError(
            f"{path} is not a whole safetensors file ({error})", "copy or download it again", code="weights.damaged"
        ) from None
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error})", "check the file's permissions") from None
    found = metadata.get("system")
    if found != system:
        raise WeightsError(
            f"{path} holds weights of '{found or 'an unnamed system'}', not of '{system}'",
            f"give a file made for '{system}'",
            code="weights.system",
        )
    floats = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    return Weights(path, system, json.loads(metadata.get("config", "{}")), floats)


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def apply_weights(network: nn.Module, weights: Weights) -> None:
    """Copies weights into a network.

    Raises:
        WeightsError: Names what is missing, unexpected or of another shape.
    """
    problems = compare_state(network.state_dict(), weights.tensors)
    if problems:
        raise WeightsError(
            f"{weights.path} does not fit '{weights.system}': {'; '.join(problems)}",
            "give weights of this very network",
            code="weights.mismatch",
        )
    network.load_state_dict(weights.tensors)


def compare_state(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """One clause for each kind of difference between two state dicts; empty if they fit."""
    missing = [name for name in expected if name not in found]
    unexpected = [name for name in found if name not in expected]
    misshapen = [
        f"{name} {tuple(found[name].shape)} instead of {tuple(value.shape)}"
        for name, value in expected.items()
        if name in found and found[name].shape != value.shape
    ]
    kinds = {"missing": missing, "unexpected": unexpected, "of another shape": misshapen}
    return [f"{len(names)} {kind} ({_some(names)})" for kind, names in kinds.items() if names]


def _some(names: list[str]) -> str:
    listed = ", ".join(names[:MAX_NAMES])
    return f"{listed}, ..." if len(names) > MAX_NAMES else listed
