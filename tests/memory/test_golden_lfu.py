"""Counters and reads of the thesis's published code, replayed from the contents that its bank had.

Its eviction is not ours (it removes too much), therefore the contents after each write are taken as given.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from memory_cases import FixedBank, slots_of

from vostool.memory.entries import ObjectGroup
from vostool.memory.readers import AttentionReader

SHARED = Path(os.environ.get("VOSTOOL_SHARED", Path(__file__).resolve().parents[3] / "shared"))
GOLDEN = SHARED / "golden" / "golden_lfu_bank.npz"
NAMES_PER_WRITE = 10_000

pytestmark = pytest.mark.skipif(not GOLDEN.is_file(), reason="there is no shared folder with golden numbers")


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as file:
        return dict(file)


def bank_of(names: np.ndarray, golden: dict[str, np.ndarray], every: int) -> FixedBank:
    """The bank that holds the features of these names: write * 10000 + position."""
    frames, positions = names // NAMES_PER_WRITE * every, names % NAMES_PER_WRITE
    keys, values = (torch.from_numpy(golden[field]).flatten(3) for field in ("keys", "values"))
    stored = values[frames, :, :, positions].flatten(1).unsqueeze(0)
    return FixedBank(slots_of(keys[frames, 0, :, positions].unsqueeze(0), [stored]), [ObjectGroup(0, 0, 2)])


def test_counters_and_reads_of_the_published_code(golden: dict[str, np.ndarray]) -> None:
    meta = json.loads(str(golden["meta"]))
    every = meta["mem_every"]
    reader = AttentionReader("l2", meta["top_k"], "log-top-k")
    index: dict[int, float] = {}
    num_evicting_writes = 0
    for tick in range(1, len(golden["keys"])):
        contents = golden["uid"][(tick - 1) // every]
        names = contents[contents >= 0]
        bank = bank_of(names, golden, every)
        num_evicting_writes += len(index) > 0 and not set(index) <= set(names)
        index = {name: index.get(name, 0.0) for name in names}
        read = reader.read(bank, torch.from_numpy(golden["keys"][tick]).flatten(2))
        for name, usage in zip(names, read.usage[0].tolist(), strict=True):
            index[name] += usage
        expected = torch.from_numpy(golden["reads"][tick - 1]).flatten(2)
        torch.testing.assert_close(read.value, expected, atol=1e-5, rtol=1e-5)
        counters = golden["counters"][tick - 1][: len(names)]
        np.testing.assert_allclose([index[name] for name in names], counters, atol=1e-4, rtol=1e-5)
    assert num_evicting_writes > 0
