"""Makes the reduced golden sets of this folder from the full ones: ``python tests/golden/reduce.py FOLDER``.

The full sets hold what the published code computed from weights that ``golden_fill`` makes by name; the reduced ones,
some of their frames and intermediates at full precision, at most 1 MB a system.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

MAX_BYTES = 1_000_000
INPUTS = ("frames", "first_mask", "meta")
# Arrays that are kept; those over frames only at the frames that are named.
KEPT: dict[str, dict[str, tuple[int, ...] | None]] = {
    "stm": {
        "probs": (0, 1, 5, 6, 7), "t1_m_key": None, "t1_m_value": None, "t1_q_key": None, "t1_mem_p": None,
        "t1_dec_logits": None, "t7_mem_out": None,
    },
    "stcn": {
        "late_mask": None, "probs": (1, 6, 7), "probs_include_last": (7,), "probs_youtube": (2, 4, 7),
        "f16_t1": None, "m_key_t0": None, "q_key_t1": None, "readout_t1": None, "dec_logits_t1": None,
    },
    "rgmp": {
        "probs_ac1": (1, 4), "probs_ac0": (4,), "r5_t1_obj1": None, "ref5_obj1": None, "p2_t1_obj1": None,
        "p3_t1_obj1": None, "p4_t1_obj1": None, "p5_t1_obj1": None, "p_t1_scale1_ac1": None, "raw_probs_t1_ac1": None,
    },
}  # fmt: skip


def reduce(full: Path, reduced: Path, kept: dict[str, tuple[int, ...] | None]) -> None:
    """Frames that are left out become NaN, so that every array keeps its shape and compresses to nothing."""
    with np.load(full) as arrays:
        result = {name: arrays[name] for name in (*INPUTS, *kept)}
    for name, frames in kept.items():
        if frames is not None:
            dropped = np.setdiff1d(np.arange(len(result[name])), frames)
            result[name][dropped] = np.nan
    np.savez_compressed(reduced, **result)
    assert reduced.stat().st_size <= MAX_BYTES, f"{reduced} has {reduced.stat().st_size} bytes"


if __name__ == "__main__":
    for system, kept in KEPT.items():
        reduce(Path(sys.argv[1]) / f"golden_{system}.npz", Path(__file__).parent / f"{system}.npz", kept)
