"""Whole clips against what the published code made of them, with weights filled by tensor name.

The full numbers lie in the shared folder; a reduced set is committed, so that they are always compared.
"""

from __future__ import annotations

import json
import os
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from golden_fill import fill_network

from vostool.propagation.propagator import propagate
from vostool.propagation.segmenter import Segmenter
from vostool.systems import find_system, make_segmenter
from vostool.types import Annotation, Frame

SHARED = Path(os.environ.get("VOSTOOL_SHARED", Path(__file__).resolve().parents[2] / "shared"))
TOLERANCE = 1e-4


@cache
def golden(system: str) -> dict[str, Any]:
    path = SHARED / "golden" / f"golden_{system}.npz"
    if not path.is_file():
        pytest.skip("there is no shared folder with golden numbers")
    with np.load(path) as arrays:
        return {name: json.loads(str(arrays[name])) if name == "meta" else arrays[name] for name in arrays.files}


@cache
def network(system: str) -> torch.nn.Module:
    made = find_system(system).make_network({}).eval().requires_grad_(False)
    fill_network(made, golden(system)["meta"]["seed"])
    return made


def build(system: str, **overrides: Any) -> Segmenter:
    return make_segmenter(find_system(system), network(system), torch.device("cpu"), **overrides)


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
        if index not in skipped:
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
    first = np.where(expected["first_mask"] == 1, 1, 0).astype(np.uint8)
    annotations = annotation(0, first), annotation(late, expected["late_mask"])
    check(run(build("stcn"), expected["frames"], *annotations), expected["probs_youtube"], (0, late))
