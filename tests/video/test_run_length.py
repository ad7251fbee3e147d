from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from vostool.video.masks.run_length import decode_runs, encode_runs, pack_runs, unpack_runs

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20))


def by_hand(mask: np.ndarray) -> list[int]:
    """Run lengths, pixel by pixel."""
    runs, value = [0], False
    for pixel in mask.T.ravel().tolist():
        if pixel != value:
            runs.append(0)
            value = pixel
        runs[-1] += 1
    return runs


@given(MASKS)
def test_runs_are_those_by_hand(mask: np.ndarray) -> None:
    runs = encode_runs(mask)
    assert runs.tolist() == by_hand(mask)
    assert np.array_equal(decode_runs(runs, mask.shape), mask)


@given(st.lists(st.integers(0, 2**32), min_size=1, max_size=40))
def test_strings_lose_nothing(runs: list[int]) -> None:
    assert unpack_runs(pack_runs(np.array(runs))).tolist() == runs


def test_strings_are_those_of_pycocotools() -> None:
    """Made once with ``pycocotools.mask.encode`` of pycocotools 2.0.11."""
    assert pack_runs(encode_runs(np.zeros((480, 854), np.bool_))) == "PZ`<"
    assert pack_runs(encode_runs(np.ones((480, 854), np.bool_))) == "0PZ`<"
    mask = np.zeros((48, 64), np.bool_)
    mask[8:30, 10:40] = True
    mask[15:20, 20:30] = False
    mask[0, 0] = True
    expected = "01W?e0cA" + "0" * 18 + "A" + "[O3e0M" * 9 + "[O3e0<" + "0" * 18 + "hS1"
    assert pack_runs(encode_runs(mask)) == expected
