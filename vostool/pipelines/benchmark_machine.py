"""The machine: what it is, how fast it multiplies and copies, and how much memory is taken of it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from vostool.pipelines.benchmark_clock import synchronise
from vostool.pipelines.report import peak_rss_bytes

# Each rate is the best of as many tries as begin within so many seconds.
RATE_SECONDS = 0.5
# Sides of the matrices, and bytes of the block that is copied: far beyond the caches.
SIDES = {"cpu": (1024, 2048), "cuda": (4096, 8192)}
COPIED_BYTES = {"cpu": 2**28, "cuda": 2**30}


@dataclass(frozen=True)
class Machine:
    """Where the figures come from.

    Attributes:
        num_cores: That this process may use.
        num_threads: Of torch.
        gpu, driver, cuda: None where none is used; ``cuda`` is what torch was built for.
    """

    cpu: str
    num_cores: int
    num_threads: int
    gpu: str | None
    driver: str | None
    cuda: str | None
    torch: str
    python: str
    system: str


@dataclass(frozen=True)
class Rates:
    """What a device reaches at best.

    Attributes:
        matmul: Multiply-accumulates a second, in one precision.
        copy: Bytes a second, those read and those written.
    """

    matmul: float
    copy: float


def describe_machine(device: torch.device) -> Machine:
    """The machine as this process sees it."""
    is_cuda = device.type == "cuda"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(
        cpu=_cpu_name(), num_cores=cores, num_threads=torch.get_num_threads(),
        gpu=torch.cuda.get_device_name(device) if is_cuda else None, driver=_driver() if is_cuda else None,
        cuda=torch.version.cuda if is_cuda else None, torch=torch.__version__, python=platform.python_version(),
        system=f"{platform.system()} {platform.release()}",
    )  # fmt: skip


def measure_rates(device: torch.device, precision: torch.dtype) -> Rates:
    """Square matrices multiplied in the precision, and a large block copied."""
    kind = "cuda" if device.type == "cuda" else "cpu"
    matmul = max(_matmul_rate(side, device, precision) for side in SIDES[kind])
    rates = Rates(matmul, _copy_rate(COPIED_BYTES[kind], device))
    if device.type == "cuda":
        torch.cuda.empty_cache()  # What is measured next may need the room.
    return rates


def resident_bytes() -> int:
    """Memory that this process holds now; its peak where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return peak_rss_bytes()


def device_bytes(device: torch.device) -> int | None:
    """Memory of a GPU that this process holds now; None where there is none."""
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else None


def _matmul_rate(side: int, device: torch.device, precision: torch.dtype) -> float:
    left, right = (torch.rand(side, side, device=device, dtype=precision) for _ in range(2))
    return side**3 / _best_seconds(lambda: left @ right, device)


def _copy_rate(num_bytes: int, device: torch.device) -> float:
    source = torch.zeros(num_bytes, dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    return 2 * num_bytes / _best_seconds(lambda: target.copy_(source), device)


def _best_seconds(compute: Callable[[], object], device: torch.device) -> float:
    """The shortest of several tries; the first one warms up."""
    compute()
    synchronise(device)
    best, end = float("inf"), time.perf_counter()
    until = end + RATE_SECONDS
    while best == float("inf") or end < until:
        begun = time.perf_counter()
        compute()
        synchronise(device)
        end = time.perf_counter()
        best = min(best, end - begun)
    return best


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _driver() -> str | None:
    """Version of the NVIDIA driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    command = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return next(iter(outcome.stdout.split()), None)
