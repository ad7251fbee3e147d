"""Between PyTorch's files and safetensors, bit for bit: dtypes, counters and names are kept, the prefix is noted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vostool.errors import OutputError, UsageError, WeightsError
from vostool.weights.checkpoint import Checkpoint, read_checkpoint
from vostool.weights.load import file_sha256, require_system
from vostool.weights.save import FORMAT, write_pickle, write_safetensors

PICKLE_ENDINGS = (".pth", ".pt", ".pth.tar")


@dataclass(frozen=True)
class Conversion:
    """What was written.

    Attributes:
        source, target: The files.
        system: Name of the system, as far as it can be told.
        prefix: What stands before every name in a PyTorch file, or once stood there.
        key: Under which name the state dict lay in a training checkpoint.
        num_tensors: How many.
        num_rounded: Tensors that half precision changed.
    """

    source: Path
    target: Path
    system: str | None
    prefix: str
    key: str
    num_tensors: int
    num_rounded: int = 0


def convert(
    source: Path,
    target: Path,
    *,
    system: str | None = None,
    key: str | None = None,
    keeps_prefix: bool = True,
    is_half: bool = False,
    overwrite: bool = False,
    history: Mapping[str, object] | None = None,
) -> Conversion:
    """Reads a file of weights and writes it in the format that the target's ending names.

    Args:
        system: Name of the system; None for what the file tells.
        key: Which state dict of a training checkpoint that holds several.
        keeps_prefix: Whether names in a PyTorch file get the prefix that they had.
        is_half: Whether floating-point tensors are stored in half precision, which loses some of them.
        history: Said in the metadata beside the source's name and sha256.

    Raises:
        UsageError: The target's ending names no format.
        OutputError: The target exists or cannot be written.
        WeightsError: The source cannot be read, or is not told to be of any system, or of another one.
    """
    is_pickle = check_target(target, overwrite=overwrite)
    checkpoint = read_checkpoint(source, key)
    if system is not None:
        require_system(checkpoint, system)
    system = system or checkpoint.system
    tensors = _to_half(checkpoint) if is_half else checkpoint.tensors
    if is_pickle:
        prefix = checkpoint.prefix if keeps_prefix else ""
        write_pickle(target, {prefix + name: value for name, value in tensors.items()})
    else:
        write_safetensors(target, tensors, _metadata(checkpoint, system, history or {}))
    num_rounded = sum(not _is_same(tensors[name], value) for name, value in checkpoint.tensors.items())
    return Conversion(source, target, system, checkpoint.prefix, checkpoint.key, len(tensors), num_rounded)


def check_target(target: Path, *, overwrite: bool) -> bool:
    """Refuses a target that cannot be written; tells whether it is a PyTorch file.

    Raises:
        UsageError: Its ending names no format.
        OutputError: It exists, or its folder is missing.
    """
    is_pickle = target.name.lower().endswith(PICKLE_ENDINGS)
    if not is_pickle and target.suffix.lower() != ".safetensors":
        raise UsageError(f"{target} names no format of weights", "end it in .safetensors or .pth")
    if target.exists() and not overwrite:
        raise OutputError(f"output {target} exists", "give another name or --overwrite", code="output.exists")
    if not target.parent.is_dir():
        raise OutputError(f"folder {target.parent} of the output is missing", "make it first", code="output.folder")
    return is_pickle


def _metadata(checkpoint: Checkpoint, system: str | None, history: Mapping[str, object]) -> dict[str, str]:
    """Those of the source, if it had any of ours, else where the tensors come from."""
    if system is None:
        raise WeightsError(
            f"{checkpoint.path} does not tell which system it is for", "name it with --system", code="weights.system"
        )
    origin = {
        "file": checkpoint.path.name,
        "sha256": file_sha256(checkpoint.path),
        "format": checkpoint.format,
        "key": checkpoint.key,
    }
    made = {
        "config": "{}",
        "history": json.dumps({"converted_from": origin | dict(history)}),
        "prefix": checkpoint.prefix,
    }
    return made | checkpoint.metadata | {"format": FORMAT, "system": system}


def _to_half(checkpoint: Checkpoint) -> dict[str, Tensor]:
    halved = {name: value.half() if value.is_floating_point() else value for name, value in checkpoint.tensors.items()}
    for name, value in checkpoint.tensors.items():
        if value.is_floating_point() and not torch.equal(value.isfinite(), halved[name].isfinite()):
            raise WeightsError(
                f"{name} of {checkpoint.path} has numbers too large for half precision", "leave out --half"
            )
    return halved


def _is_same(written: Tensor, value: Tensor) -> bool:
    return written is value or bool(((written.to(value.dtype) == value) | (value != value)).all())
