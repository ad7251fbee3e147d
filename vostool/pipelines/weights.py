"""What is done with files of weights as a whole: list, look, check against the network, convert, fetch."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from vostool.errors import Interrupted, OutputError, UsageError, WeightsError
from vostool.systems import SYSTEMS, find_system, make_network, system_of
from vostool.weights.checkpoint import read_checkpoint
from vostool.weights.convert import Conversion, check_target, convert
from vostool.weights.fetch import OnBytes, fetch
from vostool.weights.known import KNOWN, KnownCheckpoint, find_known, known_for
from vostool.weights.layout import count_parameters
from vostool.weights.load import file_sha256, load_weights, require_fit
from vostool.weights.store import cache_folder, installed_weights


@dataclass(frozen=True)
class WeightsInfo:
    """What a file of weights says about itself.

    Attributes:
        path: The file.
        format: ``safetensors``, ``pytorch`` or ``pytorch-legacy``.
        system: Name of the system, None if neither metadata nor names tell.
        num_tensors: How many.
        num_parameters: Numbers that training changes.
        dtypes: How many tensors there are of each.
        num_bytes: Of the file.
        sha256: Of the file.
        prefix: What stands, or once stood, before every name.
        key: Under which name the state dict lies in a training checkpoint.
        metadata: Of a safetensors file; the network's numbers and its history as they are, not as text.
    """

    path: Path
    format: str
    system: str | None
    num_tensors: int
    num_parameters: int
    dtypes: dict[str, int]
    num_bytes: int
    sha256: str
    prefix: str
    key: str
    metadata: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class FetchOptions:
    """What to download.

    Attributes:
        name: Of a known checkpoint; None with ``url``.
        url: Any address; ``system`` says what it is for.
        system: Name of the system; None for that of the known checkpoint.
        sha256: What the download must be; None for what is known.
        output: Where the converted file goes; None for SYSTEM.safetensors in the cache.
        overwrite: Whether a file that exists is replaced.
    """

    name: str | None = None
    url: str | None = None
    system: str | None = None
    sha256: str | None = None
    output: Path | None = None
    overwrite: bool = False


def list_known() -> list[dict[str, Any]]:
    """The known checkpoints as plain values."""
    return [asdict(known) for known in KNOWN]


def list_installed() -> dict[str, list[Path]]:
    """The files on this machine of each system, the one that is taken first."""
    return {name: list(installed_weights(name)) for name in SYSTEMS}


def describe_weights(path: Path) -> WeightsInfo:
    """Reads a file of weights and says what is in it.

    Raises:
        WeightsError: It cannot be read safely.
    """
    checkpoint = read_checkpoint(path)
    dtypes = Counter(str(value.dtype).removeprefix("torch.") for value in checkpoint.tensors.values())
    return WeightsInfo(
        path, checkpoint.format, checkpoint.system, len(checkpoint.tensors), count_parameters(checkpoint.tensors),
        dict(dtypes), path.stat().st_size, file_sha256(path), checkpoint.prefix, checkpoint.key,
        {name: _as_value(text) for name, text in checkpoint.metadata.items()},
    )  # fmt: skip


def verify_weights(path: Path, system: str | None = None) -> str:
    """Compares a file with the network that it is for; gives the system's name if every tensor fits.

    Args:
        system: Name of the system; None for what the file tells.

    Raises:
        WeightsError: The file cannot be read, does not tell its system, or does not fit; the differences are named.
        UsageError: There is no such system.
    """
    found = find_system(system) if system else system_of(path)
    if found is None:
        raise WeightsError(
            f"{path} does not tell which system it is for", "name it with --system", code="weights.system"
        )
    weights = load_weights(path, found.name)
    adapted = replace(weights, tensors=dict(found.adapt(weights.tensors)))
    with torch.device("meta"):  # The network without numbers in it, which costs no memory and no time.
        network = make_network(found, weights)
    require_fit(network.state_dict(), adapted)
    return found.name


def convert_weights(
    source: Path,
    target: Path,
    *,
    system: str | None = None,
    key: str | None = None,
    keeps_prefix: bool = True,
    is_half: bool = False,
    overwrite: bool = False,
) -> Conversion:
    """``vostool.weights.convert.convert`` for a system that exists.

    Raises:
        UsageError: There is no such system, or the target's ending names no format.
        OutputError: The target exists or cannot be written.
        WeightsError: The source cannot be read, or is of another system.
    """
    if system is not None:
        find_system(system)
    if target.parent == cache_folder():
        _make_cache()
    return convert(
        source, target, system=system, key=key, keeps_prefix=keeps_prefix, is_half=is_half, overwrite=overwrite
    )


def fetch_weights(options: FetchOptions, on_progress: OnBytes | None = None) -> Conversion:
    """Downloads a checkpoint and converts it into a file that its system finds.

    Raises:
        UsageError: Neither a known name nor an address and a system were given.
        WeightsError: It cannot be had from its address, is not what it should be, or does not fit its network.
        OutputError: The file exists or cannot be written.
        Interrupted: By Ctrl-C; what has come stays for the next call.
    """
    known = find_known(options.name) if options.name is not None else None
    url, system = _address(options, known)
    target = options.output or _make_cache() / f"{system}.safetensors"
    check_target(target, overwrite=options.overwrite)
    download = target.with_name(f"{target.name}.download")
    sha256 = options.sha256 or (known.sha256 if known else None)
    try:
        fetch(url, download, sha256, known.size if known else None, on_progress)
    except KeyboardInterrupt:
        raise Interrupted(f"the download of {url} was stopped", "the same command goes on from there") from None
    origin = {"url": url} | ({"checkpoint": known.name, "licence": known.licence} if known else {})
    return _take_over(download, target, url, system, overwrite=options.overwrite, origin=origin)


def _take_over(
    download: Path, target: Path, url: str, system: str, *, overwrite: bool, origin: dict[str, str]
) -> Conversion:
    """Converts what was downloaded if it fits its network; it only stays if a part can be taken out by hand."""
    is_kept = False
    try:
        verify_weights(download, system)
        return convert(download, target, system=system, overwrite=overwrite, history=origin)
    except WeightsError as error:
        is_kept = error.code == "weights.ambiguous"
        if is_kept:
            raise
        raise WeightsError(
            error.message.replace(str(download), f"what {url} gives"), error.hint, code=error.code
        ) from None
    finally:
        if not is_kept:
            download.unlink(missing_ok=True)


def _address(options: FetchOptions, known: KnownCheckpoint | None) -> tuple[str, str]:
    """From where, and for which system."""
    system = options.system or (known.system if known else None)
    if system is None:
        missing = "for which system" if options.url else "what to fetch"
        raise UsageError(f"fetch was not told {missing}", "give NAME, or --url and --system")
    find_system(system)
    if options.url is not None:
        return options.url, system
    if known is None:
        raise UsageError(f"fetch was told no address for '{system}'", "give NAME, or --url and --system")
    if known.is_shipped:
        raise UsageError(f"'{known.name}' comes with vostool", "there is nothing to fetch")
    if known.url is None:
        # Only a finished network should be what --system finds by itself.
        target = cache_folder() / f"{system}.safetensors"
        is_finished = known == known_for(system)[0]
        use = f"vostool weights convert FILE {target}" if is_finished else "name the file with --weights"
        raise WeightsError(
            f"'{known.name}' has no direct address ({known.note})",
            f"download it by hand from {known.page}, then: {use}",
            code="weights.by_hand",
        )
    return known.url, system


def _make_cache() -> Path:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made ({error.strerror or error})", "give a file with -o") from error
    return folder


def _as_value(text: str) -> Any:
    """Metadata are texts; those that we write as JSON are given back as what they were."""
    try:
        return json.loads(text) if text.startswith(("{", "[")) else text
    except ValueError:
        return text
