"""The example that studies the recipe: runs of one cost, one line for each, and a table of them."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from training_footage import make_davis

from vostool.datasets.footage import find_footage
from vostool.datasets.library import load_library


@pytest.fixture(scope="module")
def study(repository: Path) -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("study_recipe", repository / "examples/study_recipe.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_runs_of_a_group_see_as_many_pixels(study: ModuleType) -> None:
    for name, variant in study.VARIANTS.items():
        base = study.BASES[variant.group]()
        recipe = study.same_cost(variant.change(base), base)
        seen, expected = (
            each.num_steps * each.batch_size * each.num_frames * each.crop[0] * each.crop[1] for each in (recipe, base)
        )
        assert seen == pytest.approx(expected, rel=0.01), name


def test_variants_change_what_they_say(study: ModuleType) -> None:
    for name, variant in study.VARIANTS.items():
        base = study.BASES[variant.group]()
        is_base = name in study.BASES
        assert (variant.change(base) == base and variant.config == study.LiteConfig()) == is_base, name


def test_a_run_is_scored_twice_and_stands_in_the_table(
    study: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    library = load_library(find_footage(make_davis(tmp_path / "davis", num_clips=2)))
    tiny = replace(study.restart_base(), num_steps=1, batch_size=1, num_frames=2, crop=(64, 64))
    monkeypatch.setitem(study.BASES, "restart", lambda: tiny)
    figures = study.train_variant(
        study.VARIANTS["restart"], library, library.videos[:1], Path("unused"), tmp_path / "run", 0
    )
    assert figures["steps"] == 1
    for kind in ("last", "average"):
        assert 0.0 < figures[kind]["J"] <= 1.0
    for seed in (0, 1):
        (tmp_path / f"{seed}.json").write_text(json.dumps({"name": "restart", "seed": seed} | figures))
    study.table(tmp_path)
    row = capsys.readouterr().out.splitlines()[-1]
    assert f"| 1 | 2 | {figures['average']['J']:.3f} ± 0.000 |" in row
