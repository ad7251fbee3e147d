"""The registry of systems: every entry builds, options are checked, devices are never replaced in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_network import save_tiny_weights

from vostool.errors import DeviceError, UsageError, VostoolError
from vostool.propagation.device import resolve_device, resolve_precision
from vostool.systems import SYSTEMS, build_segmenter, list_systems


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return save_tiny_weights(tmp_path / "lite.safetensors")


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_entry_is_named_by_its_key(name: str) -> None:
    assert SYSTEMS[name].name == name
    assert SYSTEMS[name].title
    assert SYSTEMS[name] in list_systems()


def test_defaults_and_overrides(weights: Path) -> None:
    default = build_segmenter("lite", weights, "cpu")
    assert (default.reader.top_k, default.policy.every) == (20, 5)
    changed = build_segmenter("lite", weights, "cpu", top_k=0, memory="every-k", memory_every=3)
    assert (changed.reader.top_k, changed.policy.every) == (None, 3)


@pytest.mark.parametrize(
    ("overrides", "match"),
    [
        ({"memory": "all"}, "there is no memory 'all'"),
        ({"memory_frames": 0.0}, "memory"),
        ({"memory_frames": float("nan")}, "--memory-frames is nan"),
        ({"memory_frames": 1e300}, r"--memory-frames is 1e\+300; give a number of frames"),
        ({"top_k": -1}, "--top-k is -1"),
        ({"colour": "red"}, "no option 'colour'"),
    ],
)
def test_senseless_options_are_refused(weights: Path, overrides: dict[str, object], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        build_segmenter("lite", weights, "cpu", **overrides)


def test_unknown_system() -> None:
    with pytest.raises(UsageError, match=r"no system 'stnc'.*lite"):
        build_segmenter("stnc")


def test_cuda_without_cuda_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError) as caught:
        resolve_device("cuda")
    assert caught.value.exit_code == 4
    assert resolve_device("auto").type in ("cpu", "mps")


def test_cuda_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(DeviceError, match="there are 2 CUDA devices"):
        resolve_device("cuda:7")


@pytest.mark.parametrize("name", ["gpu", "", "cpu:x", "meta", "cuda:x"])
def test_unknown_devices(name: str) -> None:
    with pytest.raises(UsageError, match="unknown device"):
        resolve_device(name)


@pytest.mark.parametrize(
    ("capability", "expected"), [((9, 0), torch.bfloat16), ((7, 5), torch.float16), ((6, 1), torch.float32)]
)
def test_automatic_precision_follows_the_gpu(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert resolve_precision("auto", torch.device("cuda")) == expected
    assert resolve_precision("auto", torch.device("cpu")) == torch.float32


def test_precision_by_name() -> None:
    assert resolve_precision("float16", torch.device("cpu")) == torch.float16
    with pytest.raises(VostoolError, match="unknown precision 'half'"):
        resolve_precision("half", torch.device("cpu"))


@pytest.mark.gpu
def test_cuda_agrees_with_the_cpu(weights: Path) -> None:
    """The same clip on both devices in float32."""
    from test_propagator import make_annotation, make_frames

    from vostool.propagation.propagator import propagate

    results = []
    for device in ("cpu", "cuda"):
        segmenter = build_segmenter("lite", weights, device, precision="float32")
        frames = propagate(segmenter, make_frames(8), {0: make_annotation()})
        results.append(torch.stack([torch.from_numpy(result.alpha) for result in frames]))
    torch.testing.assert_close(results[0], results[1], rtol=0, atol=1e-3)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["auto", "float16", "bfloat16"])
@pytest.mark.parametrize("memory", ["lfu", "every-k", "first-latest"])
def test_half_precision_on_cuda_is_near_the_cpu(weights: Path, precision: str, memory: str) -> None:
    from test_propagator import make_annotation, make_frames

    from vostool.propagation.propagator import propagate

    results = []
    for device, chosen in (("cpu", "float32"), ("cuda", precision)):
        segmenter = build_segmenter("lite", weights, device, precision=chosen, memory=memory)
        frames = propagate(segmenter, make_frames(8), {0: make_annotation()})
        results.append(torch.stack([torch.from_numpy(result.alpha) for result in frames]))
    torch.testing.assert_close(results[0], results[1], rtol=0, atol=0.1)
