"""Where weights are looked for; never on the network.

The order: the file that was named, $VOSTOOL_WEIGHTS (a file or a folder), the files packed with the program, the
checkout's ``weights`` folder, and the user's cache.
"""

from __future__ import annotations

import os
from pathlib import Path

from vostool.errors import WeightsError

PACKAGED = Path(__file__).parent / "files"
CHECKOUT = Path(__file__).parents[2] / "weights"


def cache_folder() -> Path:
    """The user's own folder for weights."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "vostool"


def find_weights(system: str, path: str | Path | None = None) -> Path:
    """The weights file of a system.

    Raises:
        WeightsError: The named file is not there, or no place has ``SYSTEM.safetensors``; the places are listed.
    """
    if path is not None:
        return _require(Path(path), system, "--weights")
    named = os.environ.get("VOSTOOL_WEIGHTS")
    if named:
        return _require(Path(named), system, "$VOSTOOL_WEIGHTS")
    places = [PACKAGED, CHECKOUT, cache_folder()]
    for place in places:
        if (place / f"{system}.safetensors").is_file():
            return place / f"{system}.safetensors"
    listed = ", ".join(str(place) for place in places)
    raise WeightsError(
        f"no weights for '{system}': {system}.safetensors is in none of {listed}",
        "name a file with --weights or $VOSTOOL_WEIGHTS",
        code="weights.missing",
    )


def _require(path: Path, system: str, origin: str) -> Path:
    if path.is_dir():
        path = path / f"{system}.safetensors"
    if not path.is_file():
        raise WeightsError(f"{origin} names {path}, which is not a file", "check the path", code="weights.missing")
    return path
