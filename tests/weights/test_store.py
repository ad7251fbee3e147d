"""Where weights are looked for, in which order, and what is said when they are nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from vostool.errors import WeightsError
from vostool.weights import store


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Four empty places in the order of the search."""
    folders = {name: tmp_path / name for name in ("environment", "packaged", "checkout", "cache")}
    for folder in folders.values():
        folder.mkdir()
    monkeypatch.setattr(store, "PACKAGED", folders["packaged"])
    monkeypatch.setattr(store, "CHECKOUT", folders["checkout"])
    monkeypatch.setattr(store, "cache_folder", lambda: folders["cache"])
    monkeypatch.delenv("VOSTOOL_WEIGHTS", raising=False)
    return folders


def test_earlier_places_win(places: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cache", "checkout", "packaged"):
        (places[name] / "lite.safetensors").touch()
        assert store.find_weights("lite").parent == places[name]
    (places["environment"] / "lite.safetensors").touch()
    monkeypatch.setenv("VOSTOOL_WEIGHTS", str(places["environment"]))
    assert store.find_weights("lite").parent == places["environment"]
    named = places["cache"] / "other.safetensors"
    named.touch()
    assert store.find_weights("lite", named) == named


def test_nowhere_lists_the_places(places: dict[str, Path]) -> None:
    with pytest.raises(WeightsError) as caught:
        store.find_weights("lite")
    assert caught.value.exit_code == 4
    for name in ("packaged", "checkout", "cache"):
        assert str(places[name]) in str(caught.value)


def test_named_file_that_is_missing_is_not_replaced(places: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    (places["packaged"] / "lite.safetensors").touch()
    with pytest.raises(WeightsError, match=r"--weights names .*gone"):
        store.find_weights("lite", "gone.safetensors")
    monkeypatch.setenv("VOSTOOL_WEIGHTS", "gone.safetensors")
    with pytest.raises(WeightsError, match=r"\$VOSTOOL_WEIGHTS names .*gone"):
        store.find_weights("lite")


def test_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store.cache_folder() == tmp_path / "vostool"
