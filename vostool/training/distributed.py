"""One run on several processes, as ``torchrun`` starts them: each trains on its part of every batch.

Losses are means over clips and all parts are of one size, so the mean of the processes' gradients is the gradient of
the whole batch.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from vostool.errors import UsageError
from vostool.training.batch import ClipBatch

# The others wait this long for the first one, which validates and writes.
PATIENCE = timedelta(hours=4)


@dataclass(frozen=True)
class Processes:
    """This process among those of the run.

    Attributes:
        rank: 0-based number of this one.
        count: How many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes, reports and validates."""
        return self.rank == 0

    def piece(self, batch_size: int) -> slice:
        """The clips of a global batch that this process trains on.

        Raises:
            UsageError: The batch cannot be parted evenly.
        """
        if batch_size % self.count:
            raise UsageError(
                f"a batch of {batch_size} clips cannot be parted evenly between {self.count} processes",
                f"give a --batch-size that is a multiple of {self.count}",
            )
        size = batch_size // self.count
        return slice(self.rank * size, (self.rank + 1) * size)

    def wrap(self, trainee: nn.Module) -> nn.Module:
        """A trainee whose gradients are means over the processes; all start from the first one's weights.

        Parameters that need no gradient by now never get one.
        """
        if self.count == 1:
            return trainee
        # What a batch does not touch differs from process to process: whether a mask before is told is drawn by lot.
        return DistributedDataParallel(_LossOnly(trainee), find_unused_parameters=True)

    def mean(self, values: Tensor) -> Tensor:
        """Means over the processes."""
        if self.count == 1:
            return values
        total = values.detach().clone()
        distributed.all_reduce(total)
        return total / self.count

    def largest(self, number: int, device: torch.device) -> int:
        """The largest of the numbers that the processes give."""
        if self.count == 1:
            return number
        shared = torch.tensor(number, device=device)
        distributed.all_reduce(shared, distributed.ReduceOp.MAX)
        return int(shared.item())

    def gather(self, names: Sequence[str]) -> tuple[str, ...]:
        """Names from all processes, in the order of the ranks."""
        if self.count == 1:
            return tuple(names)
        parts: list[list[str]] = [[] for _ in range(self.count)]
        distributed.all_gather_object(parts, list(names))
        return tuple(name for part in parts for name in part)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            distributed.barrier()


ALONE = Processes()


class _LossOnly(nn.Module):
    """Lets gradients into the loss only, so that a term of weight 0 does not make processes wait for its gradients."""

    def __init__(self, trainee: nn.Module) -> None:
        super().__init__()
        self._trainee = trainee

    def forward(self, batch: ClipBatch, progress: float, step: int, first_clip: int) -> dict[str, Tensor]:
        losses: dict[str, Tensor] = self._trainee(batch, progress, step, first_clip)
        return {name: value if name == "loss" else value.detach() for name, value in losses.items()}


@contextmanager
def join_processes(device: torch.device) -> Iterator[Processes]:
    """The processes of the run, for as long as the block lasts; alone where ``torchrun`` did not start this one.

    Args:
        device: Where this process trains: processes talk by NCCL on CUDA, else by Gloo.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield ALONE
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Processes(distributed.get_rank(), count)
    finally:
        # Wrapped trainees hold on to the group, and to themselves.
        gc.collect()
        distributed.destroy_process_group()
