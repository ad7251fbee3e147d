"""Devices and the precision that each of them computes in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from vostool.errors import DeviceError, UsageError

PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def resolve_device(name: str = "auto") -> torch.device:
    """``auto`` (CUDA, else MPS, else CPU), ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        UsageError: There is no device of that name.
        DeviceError: It is not on this machine; there is no silent way back to the CPU.
    """
    if name == "auto":
        return torch.device(_best_device())
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda", "mps"):
        raise UsageError(f"unknown device '{name}'", "use auto, cpu, cuda, cuda:N or mps", code="usage.device")
    if device.type == "cuda":
        _require_cuda(device)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("--device mps, but this machine has no Apple GPU that torch can use", "use --device cpu")
    return device


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _require_cuda(device: torch.device) -> None:
    if not torch.cuda.is_available():
        build = "this torch is a CPU build" if torch.version.cuda is None else "torch finds no CUDA device"
        raise DeviceError(f"--device {device}, but {build}", "use --device cpu, or install torch with CUDA")
    count = torch.cuda.device_count()
    if device.index is not None and device.index >= count:
        raise DeviceError(f"--device {device}, but there are {count} CUDA devices", f"use cuda:0 to cuda:{count - 1}")


def resolve_precision(name: str, device: torch.device) -> torch.dtype:
    """``auto`` or one of ``PRECISIONS``; ``auto`` is half precision on CUDA GPUs that are fast in it.

    bfloat16 keeps float32's range and is taken where the GPU has it (compute capability 8), float16 from capability 7.
    On CPUs half precision can be hundreds of times slower than float32, so there it is float32 unless asked for.
    """
    if name != "auto":
        if name not in PRECISIONS:
            known = ", ".join(["auto", *PRECISIONS])
            raise UsageError(f"unknown precision '{name}'", f"use one of {known}", code="usage.precision")
        return PRECISIONS[name]
    if device.type != "cuda":
        return torch.float32
    capability = torch.cuda.get_device_capability(device)
    if capability >= (8, 0):
        return torch.bfloat16
    return torch.float16 if capability >= (7, 0) else torch.float32


def computing(device: torch.device, precision: torch.dtype) -> AbstractContextManager[object]:
    """Automatic mixed precision for a network's passes; nothing in float32."""
    if precision == torch.float32:
        return nullcontext()
    return torch.autocast(device.type, precision)
