"""Loading weights for a network: safely, in float32, and strictly, so that every tensor must fit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vostool.errors import WeightsError
from vostool.weights.checkpoint import Checkpoint, read_checkpoint
from vostool.weights.layout import COUNTER_SUFFIX, identify

# So many names of each kind are listed in an error; there may be hundreds.
MAX_NAMES = 3


@dataclass(frozen=True)
class Weights:
    """A weights file, read for use.

    Attributes:
        path: The file.
        system: Name of the system that it is for.
        config: Numbers of the network.
        tensors: State dict in float32.
        prefix: What stood before every name, as nn.DataParallel's ``module.``.
        dtypes: Of the floating-point tensors as they are stored, for example ``float16``.
        key: Under which name they lay in a training checkpoint; empty if the file is nothing else.
    """

    path: Path
    system: str
    config: dict[str, Any]
    tensors: dict[str, Tensor]
    prefix: str = ""
    dtypes: tuple[str, ...] = ()
    key: str = ""


def load_weights(path: Path, system: str) -> Weights:
    """Reads a file that ``save_weights`` wrote, a published one, or a plain safetensors file.

    Raises:
        WeightsError: It is damaged, asks for code to be run, is of another system, or its config is no JSON object.
    """
    checkpoint = read_checkpoint(path)
    require_system(checkpoint, system)
    floats = {name: value.float() if value.is_floating_point() else value for name, value in checkpoint.tensors.items()}
    return Weights(
        path, system, _config(checkpoint), floats, checkpoint.prefix, _float_dtypes(checkpoint), checkpoint.key
    )


def require_system(checkpoint: Checkpoint, system: str) -> None:
    """Refuses a file of another system; one that does not tell is left to the comparison with the network.

    Raises:
        WeightsError: It is of another system, which is named.
    """
    if checkpoint.system not in (None, system):
        raise WeightsError(
            f"{checkpoint.path} holds weights of '{checkpoint.system}', not of '{system}'",
            f"use --system {checkpoint.system}, or give a file made for '{system}'",
            code="weights.system",
        )


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def apply_weights(network: nn.Module, weights: Weights) -> None:
    """Copies weights into a network; batch counters that the file lacks keep the network's values.

    Raises:
        WeightsError: Names what is missing, unexpected or of another shape.
    """
    expected = network.state_dict()
    require_fit(expected, weights)
    network.load_state_dict({name: weights.tensors.get(name, value) for name, value in expected.items()})


def require_fit(expected: Mapping[str, Tensor], weights: Weights) -> None:
    """Refuses weights that do not fit the state dict of a network, or are no numbers.

    Raises:
        WeightsError: Names what is missing, unexpected or of another shape, and the network that it does look like; or
            what holds NaN or infinity.
    """
    problems = compare_state(expected, weights.tensors)
    if not problems:
        _require_finite(weights)
        return
    other = identify(weights.tensors)
    hint = f"its names are those of {other}" if other not in (None, weights.system) else "give weights that fit"
    raise WeightsError(
        f"{weights.path} does not fit '{weights.system}': {'; '.join(problems)}", hint, code="weights.mismatch"
    )


def _require_finite(weights: Weights) -> None:
    floats = {name: value for name, value in weights.tensors.items() if value.is_floating_point()}
    # Tensors on the meta device are outlines without numbers.
    broken = [name for name, value in floats.items() if not value.is_meta and not torch.isfinite(value).all()]
    if broken:
        message = f"{weights.path} holds NaN or infinity in {len(broken)} of {len(floats)} tensors ({_some(broken)})"
        raise WeightsError(message, "it is damaged, or its training failed; give others", code="weights.not_finite")


def compare_state(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """One clause for each kind of difference between two state dicts; empty if they fit.

    Counters of batches may be missing or be too many: nothing reads them.
    """
    missing = [name for name in expected if name not in found and not name.endswith(COUNTER_SUFFIX)]
    unexpected = [name for name in found if name not in expected and not name.endswith(COUNTER_SUFFIX)]
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


def _config(checkpoint: Checkpoint) -> dict[str, Any]:
    try:
        config = json.loads(checkpoint.metadata.get("config", "{}"))
    except ValueError:
        config = None
    if not isinstance(config, dict):
        raise WeightsError(
            f"the config in the metadata of {checkpoint.path} is no JSON object",
            "give a file that vostool wrote",
            code="weights.config",
        )
    return config


def _float_dtypes(checkpoint: Checkpoint) -> tuple[str, ...]:
    floats = (value.dtype for value in checkpoint.tensors.values() if value.is_floating_point())
    return tuple(sorted({str(dtype).removeprefix("torch.") for dtype in floats}))
