"""Writing weights: safetensors with the network's name and numbers in the metadata, or PyTorch's own files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from vostool.errors import OutputError

FORMAT = "vostool-1"


class Config(Protocol):
    """Numbers of a network."""

    def to_dict(self) -> dict[str, object]:
        """Plain values."""
        ...


def save_weights(
    path: Path, system: str, weights: Mapping[str, Tensor], config: Config, history: Mapping[str, object]
) -> None:
    """Writes a checkpoint that ``load_weights`` takes, by rename.

    Args:
        weights: State dict; floating-point tensors are stored in half precision.
        history: How the weights were made, plain values.
    """
    tensors = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    metadata = {
        "format": FORMAT,
        "system": system,
        "config": json.dumps(config.to_dict()),
        "history": json.dumps(history),
    }
    write_safetensors(path, tensors, metadata)


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Writes tensors in the dtypes that they have, by rename.

    Raises:
        OutputError: The file cannot be written.
    """
    _write_by_rename(path, lambda temporary: save_file(_own_copies(tensors), temporary, metadata=dict(metadata)))


def write_pickle(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Writes a flat state dict as torch.save does, by rename.

    Raises:
        OutputError: The file cannot be written.
    """
    _write_by_rename(path, lambda temporary: torch.save(_own_copies(tensors), temporary))


def _own_copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """On the CPU, each with memory of its own: views would be refused, or drag all of their storage along."""
    return {name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}


def _write_by_rename(path: Path, write: Callable[[Path], object]) -> None:
    temporary = path.with_name(path.name + ".tmp")
    try:
        write(temporary)
        # safetensors writes files that only their owner may read; a checkpoint is there to be given away.
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise OutputError(f"{path} cannot be written ({reason})", "check the folder and the space left") from error
    finally:
        temporary.unlink(missing_ok=True)
