"""Running out of memory, on the CPU or on a GPU, as one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from vostool.errors import MemoryExhausted

# What torch says, apart from its own OutOfMemoryError: on a CPU, in CUDA's libraries, on Apple's GPUs.
SIGNS = (
    "allocate memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED", "MPS backend out of memory",
    "can't start new thread",
)  # fmt: skip


@contextmanager
def memory_errors(hint: str) -> Iterator[None]:
    """Raises MemoryExhausted with the hint for whatever torch and Python raise when memory ends."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise MemoryExhausted(f"out of GPU memory ({str(error).splitlines()[0]})", hint) from error
    except MemoryError as error:
        raise MemoryExhausted("out of memory", hint) from error
    except RuntimeError as error:
        if not any(sign in str(error) for sign in SIGNS):
            raise
        raise MemoryExhausted(f"out of memory ({str(error).splitlines()[0]})", hint) from error
