"""Where weights are looked for; never on the network.

The order: the file that was named, $VOSTOOL_WEIGHTS (a file or a folder), the files packed with the program, the
checkout's ``weights`` folder, and the user's cache. In each of them SYSTEM.safetensors comes before SYSTEM.pth; in the
cache the names under which checkpoints were published come last.
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


def find_weights(system: str, path: str | Path | None = None) -> Path:
    """The weights file of a system.

    Raises:
        WeightsError: The named file is not there, or no place has one; the places are listed, and how to get it.
    """
    if path is not None:
        return _require(Path(path), system, "--weights")
    named = os.environ.get("VOSTOOL_WEIGHTS")
    if named:
        return _require(Path(named), system, "$VOSTOOL_WEIGHTS")
    found = next(installed_weights(system), None)
    if found is None:
        listed = ", ".join(str(place) for place in (PACKAGED, CHECKOUT, cache_folder()))
        raise WeightsError(
            f"no weights for '{system}': {system}.safetensors is in none of {listed}",
            f"name a file with --weights or $VOSTOOL_WEIGHTS{_how_to_get(system)}",
            code="weights.missing",
        )
    return found


def installed_weights(system: str) -> Iterator[Path]:
    """Every file of a system in the places that are always looked in, in the order in which they are taken."""
    published = [known.file for known in known_for(system)]
    for place, names in ((PACKAGED, []), (CHECKOUT, []), (cache_folder(), published)):
        candidates = dict.fromkeys([*_own_names(system), *names])
        yield from (place / name for name in candidates if (place / name).is_file())


def _own_names(system: str) -> list[str]:
    return [f"{system}.safetensors", f"{system}.pth"]


def _how_to_get(system: str) -> str:
    fetched = [known for known in known_for(system) if not known.is_shipped]
    if not fetched:
        return ""
    if fetched[0].url:
        return f", or fetch its authors' with: vostool weights fetch {fetched[0].name}"
    return f", or get {fetched[0].file} from {fetched[0].page}, then: vostool weights convert"


def _require(path: Path, system: str, origin: str) -> Path:
    if path.is_dir():
        own = [path / name for name in _own_names(system)]
        path = next((each for each in own if each.is_file()), own[0])
    if not path.is_file():
        raise WeightsError(f"{origin} names {path}, which is not a file", "check the path", code="weights.missing")
    return path
