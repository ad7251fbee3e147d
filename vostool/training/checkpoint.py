"""What a run leaves in its folder, each file written under another name and then renamed, so that none is ever half.

state.pt           all that the run needs to go on
last.safetensors   the weights of the same step, as ``vostool segment --weights`` takes them
best.safetensors   those that scored best in validation
metrics.jsonl      one line for each step, and one for each validation
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vostool.errors import OutputError, UsageError, WeightsError

SPACE_HINT = "check the folder and the space left; --resume goes on from what was saved last"


@dataclass(frozen=True)
class PlainConfig:
    """Numbers of a network as plain values."""

    values: Mapping[str, object]

    def to_dict(self) -> dict[str, object]:
        """Plain values."""
        return dict(self.values)


def network_config(network: nn.Module) -> PlainConfig:
    """Of a network with numbers of its own; empty for one that there is only one of."""
    config = getattr(network, "config", None)
    return PlainConfig(config.to_dict() if config is not None else {})


class RunFolder:
    """The folder of one run.

    Attributes:
        path: The folder.
        state, last, best, metrics: Its files, whether they are there or not.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = path / "state.pt"
        self.last = path / "last.safetensors"
        self.best = path / "best.safetensors"
        self.metrics = path / "metrics.jsonl"

    def create(self) -> None:
        """Makes the folder where it is missing.

        Raises:
            OutputError: It cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"folder {self.path} cannot be made ({error.strerror})", "name another") from None

    def clear(self) -> None:
        """Removes what an earlier run left; other files stay."""
        for file in (self.state, self.last, self.best, self.metrics):
            file.unlink(missing_ok=True)

    def write_state(self, state: Mapping[str, Any]) -> None:
        """Writes ``state.pt``: plain containers and tensors only.

        Raises:
            OutputError: It cannot be written; the state before it is still there.
        """
        _replace(self.state, lambda temporary: torch.save(dict(state), temporary))

    def read_state(self) -> dict[str, Any]:
        """What ``write_state`` wrote, on the CPU.

        Raises:
            UsageError: There is no state to go on from.
            WeightsError: It is damaged.
        """
        if not self.state.is_file():
            raise UsageError(
                f"there is no run to resume in {self.path}: state.pt is missing", "start one without --resume"
            )
        try:
            return torch.load(self.state, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise WeightsError(
                f"{self.state} cannot be read ({reason})", "start anew from last.safetensors with --from"
            ) from None

    def append(self, line: Mapping[str, object]) -> None:
        """Adds a line to the metrics.

        Raises:
            OutputError: It cannot be written.
        """
        try:
            with self.metrics.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(line) + "\n")
        except OSError as error:
            raise OutputError(f"{self.metrics} cannot be written ({error.strerror})", SPACE_HINT) from error

    def keep_lines(self, is_kept: Callable[[Mapping[str, Any]], bool]) -> None:
        """Drops lines of the metrics, and a last one that was cut off."""
        if not self.metrics.is_file():
            return
        kept = [line for line in self.metrics.read_text(encoding="utf-8").splitlines() if _passes(line, is_kept)]
        text = "".join(f"{line}\n" for line in kept)
        _replace(self.metrics, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _passes(line: str, is_kept: Callable[[Mapping[str, Any]], bool]) -> bool:
    try:
        return is_kept(json.loads(line))
    except json.JSONDecodeError:
        return False


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    temporary = path.with_name(path.name + ".tmp")
    try:
        write(temporary)
        # On the disk before it takes the old one's name, so that a power cut leaves one of the two whole.
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        reason = str(error).splitlines()[0]
        raise OutputError(f"{path} cannot be written ({reason})", SPACE_HINT) from error
