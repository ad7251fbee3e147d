"""Reading files as they are: every format gives the same tensors; whatever is no weights is told as what it is."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from published_files import save_as_pytorch_0_3, small_state
from safetensors.torch import save_file
from torch import Tensor

from vostool.errors import UsageError, WeightsError
from vostool.weights.checkpoint import read_checkpoint


class Trap:
    """Runs a command when it is unpickled by a reader that trusts it."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> object:
        return os.system, (self.command,)


def save_zip(path: Path, state: dict[str, Tensor]) -> None:
    torch.save(state, path)


def save_legacy(path: Path, state: dict[str, Tensor]) -> None:
    torch.save(state, path, _use_new_zipfile_serialization=False)


def save_plain(path: Path, state: dict[str, Tensor]) -> None:
    save_file({name: value.contiguous() for name, value in state.items()}, path)


WRITERS = {"pytorch": save_zip, "pytorch-legacy": save_legacy, "safetensors": save_plain}


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Names, dtypes and bits."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value)


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("form", WRITERS)
def test_all_formats_give_the_same_tensors(tmp_path: Path, form: str, prefix: str) -> None:
    path = tmp_path / "weights.bin"
    WRITERS[form](path, small_state("stm", prefix))
    checkpoint = read_checkpoint(path)
    assert (checkpoint.format, checkpoint.prefix, checkpoint.system) == (form, prefix, "stm")
    assert_same(checkpoint.tensors, small_state("stm"))


def test_files_of_pytorch_0_3_are_read(tmp_path: Path) -> None:
    """Their tensors lie on a GPU and are rebuilt by a function that is no longer in use."""
    state = {name: value for name, value in small_state("rgmp", "module.").items() if value.dtype == torch.float32}
    save_as_pytorch_0_3(tmp_path / "weights.pth", state)
    checkpoint = read_checkpoint(tmp_path / "weights.pth")
    assert (checkpoint.format, checkpoint.system) == ("pytorch-legacy", "rgmp")
    assert_same({f"module.{name}": value for name, value in checkpoint.tensors.items()}, state)


@pytest.mark.parametrize(
    ("wrap", "key"),
    [
        (lambda state: {"state_dict": state, "epoch": 3}, "state_dict"),
        (lambda state: {"net": state}, "net"),
        (lambda state: {"model": {"weights": state, "step": 1}}, "model.weights"),
        (
            lambda state: {
                "network": state,
                "optimizer": {"state": {0: {"step": torch.ones(1), "exp_avg": torch.ones(2)}}, "param_groups": []},
            },
            "network",
        ),
    ],
)
def test_wrapped_state_dicts_are_found(tmp_path: Path, wrap: Callable[[dict[str, Tensor]], object], key: str) -> None:
    torch.save(wrap(small_state("stcn")), tmp_path / "wrapped.pth.tar")
    checkpoint = read_checkpoint(tmp_path / "wrapped.pth.tar")
    assert checkpoint.key == key
    assert_same(checkpoint.tensors, small_state("stcn"))


def test_several_state_dicts_are_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    torch.save({"network": {"a": torch.zeros(1)}, "average": {"a": torch.ones(1)}, "optimizer": {}}, path)
    with pytest.raises(WeightsError, match=r"2 state dicts \(network, average\).*--key network") as caught:
        read_checkpoint(path)
    assert caught.value.code == "weights.ambiguous"
    assert read_checkpoint(path, "average").tensors["a"] == 1
    with pytest.raises(WeightsError, match="no state dict under 'ema'"):
        read_checkpoint(path, "ema")


@pytest.mark.parametrize("is_zip", [True, False])
def test_code_is_not_run(tmp_path: Path, is_zip: bool) -> None:
    path, trace = tmp_path / "trap.pth", tmp_path / "trace"
    content = {"a": torch.zeros(1), "trap": Trap(f"touch '{trace}'")}
    torch.save(content, path, _use_new_zipfile_serialization=is_zip)
    with pytest.raises(WeightsError, match=r"running code that it carries \(\w+\.system\)") as caught:
        read_checkpoint(path)
    assert caught.value.code == "weights.unsafe"
    assert "\n" not in str(caught.value)
    assert not trace.exists()


def test_plain_pickles_are_not_run_either(tmp_path: Path) -> None:
    path, trace = tmp_path / "trap.pkl", tmp_path / "trace"
    path.write_bytes(pickle.dumps(Trap(f"touch '{trace}'")))
    with pytest.raises(WeightsError, match="so it was not read"):
        read_checkpoint(path)
    assert not trace.exists()


def test_whole_networks_are_refused_by_name(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "network.pth")
    with pytest.raises(WeightsError, match=r"torch\.nn\.modules\.linear\.Linear"):
        read_checkpoint(tmp_path / "network.pth")


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_every_truncated_file_is_named(tmp_path: Path, form: str, share: float) -> None:
    path = tmp_path / "cut.bin"
    WRITERS[form](path, small_state("stm"))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(WeightsError, match=r"cut\.bin") as caught:
        read_checkpoint(path)
    assert caught.value.code == "weights.damaged"
    assert "\n" not in str(caught.value)


def test_truncated_safetensors_say_how_much_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    save_plain(path, small_state("stm"))
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match=f"it has {size - 100} bytes and should have {size}"):
        read_checkpoint(path)


def test_safetensors_without_their_whole_header(tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    save_plain(path, small_state("stm"))
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(WeightsError, match="it has 50 bytes, and its header alone should have"):
        read_checkpoint(path)


def test_content_counts_and_not_the_name(tmp_path: Path) -> None:
    torch.save(small_state("stcn"), tmp_path / "stcn.safetensors")
    assert read_checkpoint(tmp_path / "stcn.safetensors").format == "pytorch"
    save_plain(tmp_path / "stcn.pth", small_state("stcn"))
    assert read_checkpoint(tmp_path / "stcn.pth").format == "safetensors"


def test_safetensors_have_no_keys_and_must_have_tensors(tmp_path: Path) -> None:
    save_plain(tmp_path / "stm.safetensors", small_state("stm"))
    with pytest.raises(UsageError, match="leave out --key"):
        read_checkpoint(tmp_path / "stm.safetensors", "ema")
    save_plain(tmp_path / "none.safetensors", {})
    with pytest.raises(WeightsError, match="holds no tensors"):
        read_checkpoint(tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n<!DOCTYPE html><html>sign in</html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"not weights at all", "neither a safetensors nor a PyTorch file"),
        (b"PK\x03\x04 no archive", "cut short or damaged"),
    ],
)
def test_other_files_are_told_as_what_they_are(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "lite.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=words) as caught:
        read_checkpoint(path)
    assert caught.value.code == "weights.damaged"


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"gone\.pth cannot be read \(No such file"):
        read_checkpoint(tmp_path / "gone.pth")
