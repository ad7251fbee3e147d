"""Whole clips against what the published code made of them, with weights filled by tensor name.

The full numbers lie in the shared folder; a part of them is committed, so that they are always compared.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from golden_fill import fill_network
from golden_numbers import COMMITTED, SHARED, GoldenNumbers, load_golden

from vostool.propagation.propagator import propagate
from vostool.propagation.segmenter import Segmenter
from vostool.systems import find_system, make_segmenter
from vostool.types import Annotation, Frame

TOLERANCE = 1e-4


@cache
def golden(system: str) -> GoldenNumbers:
    return load_golden(system)


@cache
def network(system: str, **config: Any) -> torch.nn.Module:
    made = find_system(system).make_network(config).eval().requires_grad_(False)
    fill_network(made, golden(system)["meta"]["seed"])
    return made


def build(system: str, made: torch.nn.Module | None = None, **overrides: Any) -> Segmenter:
    return make_segmenter(find_system(system), made or network(system), torch.device("cpu"), **overrides)


def annotation(index: int, labels: np.ndarray) -> Annotation:
    return Annotation(index, labels, tuple(int(each) for each in np.unique(labels) if each))


def run(segmenter: Segmenter, frames: np.ndarray, *annotations: Annotation) -> list[np.ndarray]:
    """Probabilities (K, H, W) of each frame."""
    clip = [Frame(index, index, Fraction(1, 24), image) for index, image in enumerate(frames)]
    by_index = {each.frame_index: each for each in annotations}
    return [result.alpha for result in propagate(segmenter, clip, by_index, short_side=None)]


def check(alphas: list[np.ndarray], probs: np.ndarray, skipped: tuple[int, ...] = (0,)) -> None:
    """Annotated frames come out as they were drawn, so they are not compared."""
    for index, (alpha, expected) in enumerate(zip(alphas, probs, strict=True)):
        if index not in skipped and not np.isnan(expected).any():
            np.testing.assert_allclose(alpha, expected[1 : 1 + len(alpha)], rtol=0, atol=TOLERANCE, err_msg=str(index))


@pytest.mark.parametrize("system", ["stm", "stcn"])
def test_a_clip_with_two_objects(system: str) -> None:
    expected = golden(system)
    first = annotation(0, expected["first_mask"])
    check(run(build(system), expected["frames"], first), expected["probs"])


def test_stcn_with_the_previous_frame() -> None:
    expected = golden("stcn")
    segmenter = build("stcn", temporary_previous=True)
    first = annotation(0, expected["first_mask"])
    check(run(segmenter, expected["frames"], first), expected["probs_include_last"])


def test_stcn_with_an_object_that_comes_later() -> None:
    expected = golden("stcn")
    late = expected["meta"]["late"]
    first, second = (
        np.where(mask == number, mask, 0) for number, mask in ((1, expected["first_mask"]), (2, expected["late_mask"]))
    )
    annotations = annotation(0, first), annotation(late, second)
    check(run(build("stcn"), expected["frames"], *annotations), expected["probs_youtube"], (0, late))


@pytest.mark.parametrize("align_corners", [True, False])
def test_rgmp(align_corners: bool) -> None:
    """Published numbers align the corners; newer versions of PyTorch ran the same code without."""
    expected = golden("rgmp")
    segmenter = build("rgmp", network("rgmp", align_corners=align_corners))
    first = annotation(0, expected["first_mask"])
    check(run(segmenter, expected["frames"], first), expected[f"probs_ac{int(align_corners)}"])


@pytest.mark.parametrize("system", ["stm", "stcn", "rgmp"])
def test_the_committed_part_is_that_of_the_full_numbers(system: str) -> None:
    full = SHARED / "golden" / f"golden_{system}.npz"
    if not full.is_file():
        pytest.skip("there is no shared folder with the full golden numbers")
    with np.load(full) as whole, np.load(COMMITTED / f"{system}.npz") as part:
        for name in part.files:
            expected, found = whole[name], part[name]
            if found.dtype.kind == "f":
                kept = ~np.isnan(found)
                assert kept.mean() > 0.1
                np.testing.assert_array_equal(found[kept], expected[kept])
            else:
                np.testing.assert_array_equal(found, expected)
