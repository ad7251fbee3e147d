"""Conversion loses nothing, both ways, and overwrites nothing unasked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from published_files import small_state
from safetensors import safe_open
from safetensors.torch import save_file
from tiny_network import save_tiny_weights

from vostool.errors import OutputError, UsageError, WeightsError
from vostool.weights.checkpoint import read_checkpoint
from vostool.weights.convert import convert
from vostool.weights.load import file_sha256
from vostool.weights.save import write_safetensors


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """An STM file with the prefix of nn.DataParallel."""
    torch.save(small_state("stm", "module."), tmp_path / "published.pth")
    return tmp_path / "published.pth"


@pytest.mark.parametrize("keeps_prefix", [True, False])
def test_there_and_back_is_the_same_state_dict(published: Path, tmp_path: Path, keeps_prefix: bool) -> None:
    done = convert(published, tmp_path / "stm.safetensors")
    assert (done.system, done.prefix, done.num_tensors, done.num_rounded) == ("stm", "module.", 6, 0)
    convert(tmp_path / "stm.safetensors", tmp_path / "back.pth", keeps_prefix=keeps_prefix)
    back = torch.load(tmp_path / "back.pth", weights_only=True)
    expected = small_state("stm", "module." if keeps_prefix else "")
    assert back.keys() == expected.keys()
    for name, value in expected.items():
        assert back[name].dtype == value.dtype
        assert torch.equal(back[name], value)
    assert not list(tmp_path.glob("*.tmp"))


def test_origin_is_in_the_metadata(published: Path, tmp_path: Path) -> None:
    convert(published, tmp_path / "stm.safetensors", history={"url": "https://example.org"})
    with safe_open(tmp_path / "stm.safetensors", framework="pt") as opened:
        metadata = opened.metadata()
    assert (metadata["system"], metadata["prefix"], metadata["format"]) == ("stm", "module.", "vostool-1")
    origin = json.loads(metadata["history"])["converted_from"]
    assert origin["sha256"] == file_sha256(published)
    assert (origin["file"], origin["format"], origin["url"]) == ("published.pth", "pytorch", "https://example.org")


def test_metadata_of_our_files_are_kept(tmp_path: Path) -> None:
    source = save_tiny_weights(tmp_path / "lite.safetensors")
    convert(source, tmp_path / "copy.safetensors")
    copied, original = read_checkpoint(tmp_path / "copy.safetensors"), read_checkpoint(source)
    assert copied.metadata == original.metadata | {"prefix": ""}


def test_half_precision_says_what_it_loses(tmp_path: Path) -> None:
    state = {"exact": torch.tensor([0.5, -2.0]), "rounded": torch.tensor([0.1]), "whole": torch.tensor([70_000])}
    save_file(state, tmp_path / "plain.safetensors")
    done = convert(tmp_path / "plain.safetensors", tmp_path / "half.pth", is_half=True)
    half = torch.load(tmp_path / "half.pth", weights_only=True)
    assert done.num_rounded == 1
    assert half["rounded"].dtype == torch.float16
    assert half["whole"] == 70_000
    save_file({"large": torch.tensor([1e6])}, tmp_path / "large.safetensors")
    with pytest.raises(WeightsError, match=r"large of .* too large for half precision"):
        convert(tmp_path / "large.safetensors", tmp_path / "half.pth", is_half=True, overwrite=True)


def test_outputs_are_safe(published: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken.safetensors"
    taken.write_bytes(b"precious")
    with pytest.raises(OutputError, match=r"taken\.safetensors exists.*--overwrite"):
        convert(published, taken)
    with pytest.raises(OutputError, match="nowhere of the output is missing"):
        convert(published, tmp_path / "nowhere" / "a.pth")
    with pytest.raises(UsageError, match=r"a\.bin names no format"):
        convert(published, tmp_path / "a.bin")
    published.write_bytes(published.read_bytes()[:-30])
    with pytest.raises(WeightsError, match="cut short"):
        convert(published, taken, overwrite=True)
    assert taken.read_bytes() == b"precious"


def test_failed_writing_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(OutputError, match=r"folder\.safetensors cannot be written"):
        write_safetensors(tmp_path / "folder.safetensors", {"a": torch.zeros(1)}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["folder.safetensors"]


def test_a_file_can_be_converted_in_place(published: Path) -> None:
    convert(published, published, keeps_prefix=False, overwrite=True)
    assert torch.load(published, weights_only=True).keys() == small_state("stm").keys()


def test_system_must_be_known_and_right(published: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="weights of 'stm', not of 'stcn'"):
        convert(published, tmp_path / "out.safetensors", system="stcn")
    torch.save({"x": torch.zeros(1)}, tmp_path / "own.pth")
    with pytest.raises(WeightsError, match=r"own\.pth does not tell which system.*--system"):
        convert(tmp_path / "own.pth", tmp_path / "out.safetensors")
    assert convert(tmp_path / "own.pth", tmp_path / "out.safetensors", system="lite").system == "lite"
