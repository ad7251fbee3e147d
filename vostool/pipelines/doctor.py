"""Whether this machine can do what vostool does, found out by doing it in small."""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import torch

from vostool import __version__
from vostool.errors import VostoolError, WeightsError
from vostool.pipelines.benchmark_machine import describe_machine
from vostool.propagation.device import resolve_device, resolve_precision
from vostool.propagation.propagator import Propagator
from vostool.systems import build_segmenter, list_systems
from vostool.types import Annotation, Frame
from vostool.video.writing.coders import describe_libraries, try_coders
from vostool.weights.known import known_for
from vostool.weights.load import file_sha256
from vostool.weights.store import CHECKOUT, PACKAGED, cache_folder, find_weights

SCHEMA_VERSION = 1
Verdict = Literal["ok", "fail", "none"]
# The system that comes with its weights.
DEFAULT_SYSTEM = "lite"
TRIAL_SIZE, TRIAL_FRAMES = (96, 128), 3


@dataclass(frozen=True)
class Check:
    """One thing that was tried.

    Attributes:
        name: What it is.
        verdict: ``ok``, ``fail``, or ``none`` for what is not on this machine and need not be.
        detail: What was found, in a few words.
    """

    name: str
    verdict: Verdict
    detail: str

    @property
    def line(self) -> str:
        """For people."""
        return f"{self.verdict:<5} {self.name}: {self.detail}"


@dataclass(frozen=True)
class Diagnosis:
    """All that was tried, in order."""

    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> int:
        """That of a machine which cannot do what was asked, or 0."""
        return 4 if any(check.verdict == "fail" for check in self.checks) else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        checks = [asdict(check) for check in self.checks]
        return {"schema": SCHEMA_VERSION, "is_ok": self.exit_code == 0, "checks": checks}


def diagnose() -> Diagnosis:
    """Tries devices, encoders, weights and the network."""
    return Diagnosis((*_versions(), *_devices(), *_coders(), *_weights(), _cache(), _network()))


def _versions() -> Iterator[Check]:
    machine = describe_machine(torch.device("cpu"))
    yield Check("vostool", "ok", f"{__version__} on Python {platform.python_version()}, {platform.platform()}")
    threads = f"{machine.num_threads} thread{'' if machine.num_threads == 1 else 's'}"
    yield Check("torch", "ok", f"{torch.__version__}, {threads} on {machine.num_cores} cores of {machine.cpu}")
    yield Check("opencv", "ok", f"{cv2.__version__}, NumPy {np.__version__}")
    libraries = describe_libraries()
    codecs = f"libavcodec {libraries['libavcodec']}, libavformat {libraries['libavformat']}"
    yield Check("pyav", "ok", f"{libraries['pyav']} with FFmpeg {libraries['ffmpeg']}: {codecs}")


def _devices() -> Iterator[Check]:
    yield _try("cpu", lambda: _compute(torch.device("cpu")))
    if not torch.cuda.is_available():
        build = "this torch is a CPU build" if torch.version.cuda is None else "torch finds no device or driver"
        yield Check("cuda", "none", build + (", yet there is an NVIDIA driver" if shutil.which("nvidia-smi") else ""))
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        yield _try(f"cuda:{index}", partial(_describe_cuda, torch.device("cuda", index)))
    if torch.backends.mps.is_available():
        yield _try("mps", lambda: _compute(torch.device("mps")))
    else:
        yield Check("mps", "none", "no Apple GPU")


def _describe_cuda(device: torch.device) -> str:
    computed, machine = _compute(device), describe_machine(device)
    free, total = (size / 2**30 for size in torch.cuda.mem_get_info(device))
    major, minor = torch.cuda.get_device_capability(device)
    driver = f"driver {machine.driver}" if machine.driver else "driver unknown"
    about = f"{machine.gpu}, {free:.1f} of {total:.1f} GiB free, capability {major}.{minor}"
    return f"{about}, {driver}, CUDA {machine.cuda}; {computed}"


def _compute(device: torch.device) -> str:
    """A convolution, held against the CPU's."""
    inputs, kernel = torch.linspace(-1, 1, 3 * 16 * 16).view(1, 3, 16, 16), torch.linspace(-1, 1, 108).view(4, 3, 3, 3)
    expected = torch.nn.functional.conv2d(inputs.double(), kernel.double())
    found = torch.nn.functional.conv2d(inputs.to(device), kernel.to(device)).cpu().double()
    error = float((found - expected).abs().max())
    # TF32 keeps 10 bits.
    if not error < 1e-2 * float(expected.abs().max()):
        raise ValueError(f"convolutions are wrong by {error:g}")
    return f"computes in {str(resolve_precision('auto', device)).removeprefix('torch.')}"


def _coders() -> Iterator[Check]:
    for report in try_coders():
        yield Check(report.name, "fail" if report.problem else "ok", report.problem or "written and read again")


def _weights() -> Iterator[Check]:
    for system in list_systems():
        name = f"weights of {system.name}"
        try:
            path = find_weights(system.name)
        except WeightsError as error:
            is_needed = system.name == DEFAULT_SYSTEM
            yield Check(name, "fail", str(error)) if is_needed else Check(name, "none", "none on this machine")
        else:
            yield _try(name, partial(_describe_weights, path, system.name))


def _describe_weights(path: Path, system: str) -> str:
    """Those that come with vostool must be as they were."""
    found = file_sha256(path)
    if path.parent in (PACKAGED, CHECKOUT):
        expected = {known.sha256 for known in known_for(system) if known.is_shipped and known.file == path.name}
        if expected - {None} and found not in expected:
            raise ValueError(f"{path} is damaged: its sha256 is {found}")
    return f"{path}, sha256 {found[:16]}"


def _cache() -> Check:
    """Only downloads need it."""
    folder = cache_folder()
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            return Check("cache", "ok", f"{folder} can be written to")
    except OSError as error:
        return Check("cache", "none", f"{folder} cannot be written to: {error.strerror or error}")


def _network() -> Check:
    return _try(f"network {DEFAULT_SYSTEM}", _follow)


def _follow() -> str:
    """A square of which the network is told the place, on a clip of a few frames."""
    device = resolve_device("auto")
    propagator = Propagator(build_segmenter(DEFAULT_SYSTEM))
    labels = np.zeros(TRIAL_SIZE, np.uint8)
    labels[32:64, 32:80] = 1
    image = np.full((*TRIAL_SIZE, 3), 40, np.uint8)
    image[labels == 1] = (220, 60, 60)
    for index in range(TRIAL_FRAMES):
        annotation = Annotation(0, labels, (1,)) if index == 0 else None
        result = propagator.step(Frame(index, index, Fraction(1, 25), image), annotation)
    overlap = np.logical_and(result.labels, labels).sum() / np.logical_or(result.labels, labels).sum()
    if not overlap > 0.5:
        raise ValueError(f"lost a plain square on {device}, overlap {overlap:.2f}")
    return f"followed a square on {device}, overlap {overlap:.2f}"


def _try(name: str, describe: Callable[[], str]) -> Check:
    """What fails, fails in many ways; all of them are answers here."""
    try:
        return Check(name, "ok", describe())
    except VostoolError as error:
        return Check(name, "fail", str(error))
    except Exception as error:
        return Check(name, "fail", " ".join(str(error).split()) or type(error).__name__)
