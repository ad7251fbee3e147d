"""Under its capacity the LFU bank reads what a growing bank reads."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_cases import entry_of

from vostool.memory.bank import GrowingBank
from vostool.memory.lfu import LfuBank
from vostool.memory.readers import AttentionReader

MAX_WRITES = 10
OPERATIONS = st.lists(st.sampled_from(["write", "pin", "temporary", "object"]), min_size=1, max_size=MAX_WRITES)


@settings(max_examples=100, deadline=None)
@given(
    operations=OPERATIONS,
    num_rows=st.sampled_from([1, 2]),
    pinned_frames=st.integers(0, 4),
    similarity=st.sampled_from(["l2", "dot"]),
    top_k=st.sampled_from([None, 1, 5, 20]),
    seed=st.integers(0, 1000),
)
def test_under_capacity_an_lfu_bank_reads_as_a_growing_bank(
    operations: list[str], num_rows: int, pinned_frames: int, similarity: str, top_k: int | None, seed: int
) -> None:
    torch.manual_seed(seed)
    reader = AttentionReader(similarity, top_k)
    banks = GrowingBank(), LfuBank(MAX_WRITES + 1, pinned_frames, has_temporary=True)
    for tick, operation in enumerate(["write", *operations]):
        if operation == "object":
            for bank in banks:
                bank.add_objects(1 + seed % 2, tick)
        entry, query = entry_of(num_rows, banks[0].num_objects or 2), torch.randn(1, 4, 5)
        for bank in banks:
            if operation == "temporary":
                bank.set_temporary(entry, tick)
            else:
                bank.write(entry, tick, pinned=operation in ("pin", "object"))
        growing, lfu = (reader.read(bank, query) for bank in banks)
        torch.testing.assert_close(lfu.value, growing.value)
        banks[1].count(lfu.usage)
