"""Where a process trains, and how precisely."""

from __future__ import annotations

import os

import torch

from vostool.errors import UsageError
from vostool.propagation.device import resolve_device, resolve_precision


def training_precision(name: str, device: torch.device) -> torch.dtype:
    """``auto``, ``float32`` or ``bfloat16``; ``auto`` is bfloat16 on CUDA GPUs that have it.

    Raises:
        UsageError: Another name: float16 would need its losses scaled.
    """
    if name == "float16":
        raise UsageError("float16 is too narrow to train in", "use --precision bfloat16 or float32")
    precision = resolve_precision(name, device)
    return torch.float32 if precision == torch.float16 else precision


def local_device(name: str = "auto") -> torch.device:
    """As ``resolve_device``, but each process of a machine takes a CUDA device of its own, unless one is named.

    Raises:
        UsageError: There is no device of that name.
        DeviceError: It is not on this machine, or there are more processes than devices.
    """
    device = resolve_device(name)
    if device.type == "cuda" and name in ("auto", "cuda"):
        return resolve_device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}")
    return device
