"""Writing weights: safetensors in half precision, with the network's name and numbers in the metadata."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from safetensors.torch import save_file
from torch import Tensor


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
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in weights.items()
    }
    metadata = {
        "format": "vostool-1",
        "system": system,
        "config": json.dumps(config.to_dict()),
        "history": json.dumps(history),
    }
    temporary = path.with_name(path.name + ".tmp")
    save_file(tensors, temporary, metadata=metadata)
    # safetensors writes files that only their owner may read; a checkpoint is there to be given away.
    temporary.chmod(0o644)
    os.replace(temporary, path)
