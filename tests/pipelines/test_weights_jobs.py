"""Listing, describing, verifying and fetching weights as whole jobs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from file_server import Served, serve
from published_files import small_state
from tiny_network import TINY, save_tiny_weights, tiny_network
from torch import Tensor

from vostool.errors import Interrupted, OutputError, UsageError, WeightsError
from vostool.models.lite import LiteConfig
from vostool.pipelines import weights as jobs
from vostool.pipelines.weights import (
    FetchOptions,
    convert_weights,
    describe_weights,
    fetch_weights,
    list_installed,
    list_known,
    verify_weights,
)
from vostool.systems import SYSTEMS
from vostool.weights import known, store
from vostool.weights.checkpoint import read_checkpoint
from vostool.weights.load import Weights
from vostool.weights.save import save_weights, write_safetensors


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and no weights elsewhere."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(store, "PACKAGED", tmp_path / "none")
    monkeypatch.setattr(store, "CHECKOUT", tmp_path / "none")
    return tmp_path / "cache" / "vostool"


@pytest.fixture
def served(tmp_path: Path) -> Served:
    """A published STM file."""
    torch.save(small_state("stm", "module."), tmp_path / "published.pth")
    return Served((tmp_path / "published.pth").read_bytes())


@pytest.fixture
def url(served: Served) -> Iterator[str]:
    """Where it is served."""
    with serve(served) as address:
        yield f"{address}/STM_weights.pth"


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few tensors pass for all of their network's."""
    monkeypatch.setattr(jobs, "verify_weights", lambda path, system: system)


def test_every_system_is_listed() -> None:
    assert list_installed().keys() >= SYSTEMS.keys()
    assert {each["system"] for each in list_known()} <= list_installed().keys()


def test_description_of_our_own_file(tmp_path: Path) -> None:
    path = save_tiny_weights(tmp_path / "lite.safetensors")
    info = describe_weights(path)
    assert (info.system, info.format) == ("lite", "safetensors")
    assert info.num_parameters == sum(value.numel() for value in tiny_network().parameters())
    assert info.dtypes == {"float16": info.num_tensors}
    assert info.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert info.metadata["config"]["key_channels"] == TINY.key_channels
    assert info.metadata["history"] == {"made": "at random"}


def test_description_of_a_published_file(tmp_path: Path) -> None:
    torch.save({"network": small_state("stm", "module."), "it": 5}, tmp_path / "stm.pth")
    info = describe_weights(tmp_path / "stm.pth")
    assert (info.system, info.prefix, info.key, info.metadata) == ("stm", "module.", "network", {})
    assert info.dtypes == {"float32": 3, "float64": 1, "float16": 1, "int64": 1}


def pretend(monkeypatch: pytest.MonkeyPatch, state: dict[str, Tensor]) -> None:
    """Every file holds this state dict, without a file of some hundred megabytes."""
    monkeypatch.setattr(jobs, "load_weights", lambda path, system: Weights(path, system, {}, dict(state)))


def outline(system: str) -> dict[str, Tensor]:
    """The state dict of a network of full size, without numbers."""
    with torch.device("meta"):
        return dict(SYSTEMS[system].make_network({}).state_dict())


@pytest.mark.parametrize("system", SYSTEMS)
def test_each_network_fits_itself_and_no_less(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    state = outline(system)
    pretend(monkeypatch, state)
    assert verify_weights(Path("whole.pth"), system) == system
    last = next(name for name in reversed(state) if "num_batches" not in name)
    del state[last]
    pretend(monkeypatch, state)
    with pytest.raises(WeightsError, match=f"1 missing \\({last}\\)") as caught:
        verify_weights(Path("less.pth"), system)
    assert caught.value.code == "weights.mismatch"


def test_first_stage_of_stcn_fits_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its value encoder knows one object and takes four planes."""
    state = outline("stcn")
    state["value_encoder.conv1.weight"] = state["value_encoder.conv1.weight"][:, :4]
    pretend(monkeypatch, state)
    assert verify_weights(Path("stcn_s0.pth"), "stcn") == "stcn"


def test_verification_goes_by_the_config_of_the_file(tmp_path: Path) -> None:
    assert verify_weights(save_tiny_weights(tmp_path / "lite.safetensors")) == "lite"
    save_weights(tmp_path / "other.safetensors", "lite", tiny_network().state_dict(), LiteConfig(), {})
    with pytest.raises(WeightsError, match="of another shape"):
        verify_weights(tmp_path / "other.safetensors")


def test_files_that_do_not_tell_their_system(tmp_path: Path) -> None:
    torch.save({"x": torch.zeros(1)}, tmp_path / "own.pth")
    with pytest.raises(WeightsError, match="name it with --system"):
        verify_weights(tmp_path / "own.pth")
    with pytest.raises(WeightsError, match="does not fit 'lite'"):
        verify_weights(tmp_path / "own.pth", "lite")
    with pytest.raises(UsageError, match="no system 'stnc'"):
        convert_weights(tmp_path / "own.pth", tmp_path / "own.safetensors", system="stnc")


@pytest.mark.usefixtures("fits")
def test_fetched_weights_are_found(url: str, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    entry = known.KnownCheckpoint("small", "stm", "STM_weights.pth", "https://example.org", url, "free", 6)
    monkeypatch.setattr(known, "KNOWN", (entry,))
    seen: list[int] = []
    done = fetch_weights(FetchOptions("small"), lambda num_done, total: seen.append(num_done))
    assert done.target == cache / "stm.safetensors" == store.find_weights("stm")
    assert [path.name for path in cache.iterdir()] == ["stm.safetensors"]
    assert seen[-1] == (tmp_path / "published.pth").stat().st_size
    origin = describe_weights(done.target).metadata["history"]["converted_from"]
    assert (origin["url"], origin["checkpoint"], origin["licence"]) == (url, "small", "free")
    with pytest.raises(OutputError, match="exists"):
        fetch_weights(FetchOptions("small"))
    assert fetch_weights(FetchOptions("small", overwrite=True)).target == done.target


@pytest.mark.usefixtures("fits")
def test_any_address_and_any_place(url: str, tmp_path: Path, cache: Path) -> None:
    fetch_weights(FetchOptions(url=url, system="stm", output=tmp_path / "here.pth"))
    assert read_checkpoint(tmp_path / "here.pth").prefix == "module."
    assert not cache.exists()


def test_what_is_fetched_must_be_of_the_system(url: str, served: Served, cache: Path) -> None:
    with pytest.raises(WeightsError, match="weights of 'stm', not of 'stcn'"):
        fetch_weights(FetchOptions(url=url, system="stcn"))
    with pytest.raises(WeightsError, match="sha256"):
        fetch_weights(FetchOptions(url=url, system="stm", sha256="00"))
    served.content = b"rubbish"
    with pytest.raises(WeightsError, match="neither a safetensors nor a PyTorch file"):
        fetch_weights(FetchOptions(url=url, system="stm"))
    assert not list(cache.iterdir())


def test_what_does_not_fit_replaces_nothing(url: str, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "stm.safetensors").write_bytes(b"precious")
    with pytest.raises(WeightsError, match=f"what {url} gives does not fit 'stm': .* missing") as caught:
        fetch_weights(FetchOptions(url=url, system="stm", overwrite=True))
    assert ".download" not in str(caught.value)
    assert [path.read_bytes() for path in cache.iterdir()] == [b"precious"]


def test_download_stays_where_one_of_its_parts_is_to_be_chosen(url: str, served: Served, tmp_path: Path) -> None:
    torch.save({"network": small_state("stm"), "average": small_state("stm")}, tmp_path / "both.pth")
    served.content = (tmp_path / "both.pth").read_bytes()
    with pytest.raises(WeightsError, match="--key network") as caught:
        fetch_weights(FetchOptions(url=url, system="stm", output=tmp_path / "stm.safetensors"))
    kept = tmp_path / "stm.safetensors.download"
    assert str(kept) in str(caught.value)
    assert convert_weights(kept, tmp_path / "stm.safetensors", key="average").num_tensors == 6


def test_download_that_is_stopped_says_how_to_go_on(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def stop(num_done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="the same command goes on from there") as caught:
        fetch_weights(FetchOptions(url=url, system="stm", output=tmp_path / "stm.safetensors"), stop)
    assert caught.value.exit_code == 130
    assert (tmp_path / "stm.safetensors.download.part").is_file()


def test_conversion_into_a_cache_that_is_not_there_yet(tmp_path: Path, cache: Path) -> None:
    torch.save(small_state("stcn"), tmp_path / "stcn.pth")
    convert_weights(tmp_path / "stcn.pth", cache / "stcn.safetensors")
    assert store.find_weights("stcn") == cache / "stcn.safetensors"


@pytest.mark.parametrize("config", ["rubbish", "[1]", '{"colour": 1}'])
def test_config_that_describes_no_network(tmp_path: Path, config: str) -> None:
    metadata = {"system": "lite", "config": config}
    write_safetensors(tmp_path / "odd.safetensors", tiny_network().state_dict(), metadata)
    with pytest.raises(WeightsError, match=r"config in .*odd\.safetensors is no") as caught:
        verify_weights(tmp_path / "odd.safetensors")
    assert caught.value.code == "weights.config"


def test_system_of_another_version(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "new.safetensors", tiny_network().state_dict(), {"system": "later"})
    with pytest.raises(WeightsError, match=r"new\.safetensors is for a system 'later'"):
        verify_weights(tmp_path / "new.safetensors")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (FetchOptions(), UsageError, "give NAME, or --url and --system"),
        (FetchOptions(system="stm"), UsageError, "give NAME"),
        (FetchOptions(url="https://example.org"), UsageError, "not told for which system; .*--system"),
        (FetchOptions(url="https://example.org", system="stnc"), UsageError, "no system 'stnc'"),
        (FetchOptions("stnc"), UsageError, "no known checkpoint 'stnc'"),
        (FetchOptions("lite"), UsageError, "comes with vostool"),
        (FetchOptions("stcn"), WeightsError, "github.com/hkchengrex/STCN.*vostool weights convert FILE"),
    ],
)
def test_what_cannot_be_fetched(options: FetchOptions, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        fetch_weights(options)
