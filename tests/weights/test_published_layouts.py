"""Telling networks by names: whole lists and a few of them, the true networks of this package, and no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from published_files import small_state
from tiny_network import tiny_network

from vostool.systems import SYSTEMS
from vostool.weights.known import KNOWN
from vostool.weights.layout import LAYOUTS, count_parameters, identify, split_prefix

SYSTEM_NAMES = [layout.system for layout in LAYOUTS]
PUBLISHED = ["stm", "stcn", "rgmp"]


@pytest.mark.parametrize("system", SYSTEM_NAMES)
def test_names_tell_the_system(system: str) -> None:
    assert identify(small_state(system)) == system
    assert identify(small_state(system, "module.")) == system


@pytest.mark.parametrize("system", SYSTEM_NAMES)
def test_networks_are_told_as_themselves(system: str) -> None:
    with torch.device("meta"):
        network = SYSTEMS[system].make_network({})
    assert identify(network.state_dict()) == system
    assert count_parameters(network.state_dict()) == sum(value.numel() for value in network.parameters())


@pytest.mark.parametrize("system", PUBLISHED)
def test_whole_lists_of_published_names(shared_folder: Path, system: str) -> None:
    listed = json.loads((shared_folder / "golden" / f"keys_{system}.json").read_text(encoding="utf-8"))
    assert identify(listed["keys"]) == system
    assert split_prefix(listed["keys"])[0] == listed["prefix"]
    for known in KNOWN:
        if known.system == system:
            assert (known.num_keys, known.prefix) == (listed["n_keys"], listed["prefix"])


def test_all_but_the_shipped_network_are_told() -> None:
    assert {*SYSTEM_NAMES, "lite"} == set(SYSTEMS)


def test_others_are_not_told() -> None:
    assert identify(tiny_network().state_dict()) is None
    assert identify({}) is None
    assert identify([*small_state("stm"), "Prior.weight"]) is None
    assert identify(list(small_state("stm"))[1:]) != "stm"


def test_prefix_is_only_taken_off_all_names() -> None:
    assert split_prefix(["module.a", "module.b"]) == ("module.", ["a", "b"])
    assert split_prefix(["module.a", "b"]) == ("", ["module.a", "b"])
    assert split_prefix([]) == ("", [])
