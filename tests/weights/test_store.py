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


def test_names_in_the_order_in_which_they_are_taken(places: dict[str, Path]) -> None:
    (places["packaged"] / "STM_weights.pth").touch()
    found = []
    for name in ("STM_weights.pth", "stm.pth", "stm.safetensors"):
        (places["cache"] / name).touch()
        found.insert(0, places["cache"] / name)
        assert store.find_weights("stm") == found[0]
    assert list(store.installed_weights("stm")) == found


def test_folder_that_is_named_may_hold_a_pytorch_file(places: dict[str, Path]) -> None:
    (places["cache"] / "stm.pth").touch()
    assert store.find_weights("stm", places["cache"]) == places["cache"] / "stm.pth"
    with pytest.raises(WeightsError, match=r"--ensemble names the folder .*, which has no stcn\.safetensors"):
        store.find_weights("stcn", places["cache"], "--ensemble")


def test_folder_of_the_environment_is_looked_in_first_but_not_alone(
    places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOSTOOL_WEIGHTS", str(places["environment"]))
    (places["environment"] / "STM_weights.pth").touch()
    (places["packaged"] / "lite.safetensors").touch()
    assert store.find_weights("stm").parent == places["environment"]
    assert store.find_weights("lite").parent == places["packaged"]
    with pytest.raises(WeightsError, match=str(places["environment"])):
        store.find_weights("scm")


@pytest.mark.parametrize(
    ("system", "words"),
    [
        ("stm", "vostool weights fetch stm"),
        ("stcn", "get stcn.pth from https://github.com/hkchengrex/STCN"),
        ("scm", "name a file with --weights or $VOSTOOL_WEIGHTS; none were ever published"),
    ],
)
def test_missing_weights_say_where_to_get_them(places: dict[str, Path], system: str, words: str) -> None:
    with pytest.raises(WeightsError) as caught:
        store.find_weights(system)
    assert words in str(caught.value)
    assert caught.value.code == "weights.missing"
