"""Where weights are looked for; never on the network.

The order: the file that was named, $VOSTOOL_WEIGHTS (a file, or a folder that is looked in first), the files packed
with the program, the checkout's ``weights`` folder, and the user's cache. In each of them SYSTEM.safetensors comes
before SYSTEM.pth; in the user's own folders the names under which checkpoints were published come last.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from vostool.errors import WeightsError
from vostool.weights.known import known_for

PACKAGED = Path(__file__).parent / "files"
CHECKOUT = Path(__file__).parents[2] / "weights"


def cache_folder() -> Path:
    """The user's own folder for weights."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "vostool"


def find_weights(system: str, path: str | Path | None = None, origin: str = "--weights") -> Path:
    """The weights file of a system.

    Args:
        path: File, or folder that holds it; None to look in all places.
        origin: The option that named ``path``.

    Raises:
        WeightsError: The named file is not there, or no place has one; the places are listed, and how to get it.
    """
    if path is not None:
        return _require(Path(path), system, origin)
    named = os.environ.get("VOSTOOL_WEIGHTS")
    if named and not Path(named).is_dir():
        return _require(Path(named), system, "$VOSTOOL_WEIGHTS")
    found = next(installed_weights(system), None)
    if found is None:
        listed = ", ".join(map(str, _places()))
        raise WeightsError(
            f"no weights for '{system}': {system}.safetensors is in none of {listed}",
            f"name a file with --weights or $VOSTOOL_WEIGHTS{_how_to_get(system)}",
            code="weights.missing",
        )
    return found


def installed_weights(system: str) -> Iterator[Path]:
    """Every file of a system in the folders that are looked in, in the order in which they are taken."""
    for place in _places():
        yield from _files_in(place, system)


def _places() -> list[Path]:
    named = os.environ.get("VOSTOOL_WEIGHTS")
    own = [Path(named)] if named and Path(named).is_dir() else []
    return [*own, PACKAGED, CHECKOUT, cache_folder()]


def _files_in(folder: Path, system: str) -> Iterator[Path]:
    published = [] if folder in (PACKAGED, CHECKOUT) else [known.file for known in known_for(system)]
    names = dict.fromkeys([f"{system}.safetensors", f"{system}.pth", *published])
    yield from (folder / name for name in names if (folder / name).is_file())


def _how_to_get(system: str) -> str:
    known = known_for(system)
    if not known:
        return "; none were ever published, it is there to be trained"
    if known[0].is_shipped:
        return ""
    if known[0].url:
        return f", or fetch its authors' with: vostool weights fetch {known[0].name}"
    return f"; get {known[0].file} from {known[0].page}, it is taken as it is"


def _require(path: Path, system: str, origin: str) -> Path:
    found = next(_files_in(path, system), None) if path.is_dir() else path
    if found is None:
        raise WeightsError(
            f"{origin} names the folder {path}, which has no {system}.safetensors or {system}.pth",
            "name the file itself",
            code="weights.missing",
        )
    if not found.is_file():
        raise WeightsError(f"{origin} names {found}, which is not a file", "check the path", code="weights.missing")
    return found
