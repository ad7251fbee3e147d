"""What the published code computed: the full set of the shared folder where there is one, else the committed part.

Frames that the committed part leaves out are NaN.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SHARED = Path(os.environ.get("VOSTOOL_SHARED", Path(__file__).resolve().parents[2] / "shared"))
COMMITTED = Path(__file__).parent / "golden"


class GoldenNumbers(dict[str, Any]):
    """Arrays by name, and ``meta`` as a dictionary; a test that asks for more than is there is skipped."""

    def __missing__(self, name: str) -> Any:
        pytest.skip(f"there is no shared folder with the full golden numbers: {name} is not in the committed part")


def load_golden(system: str) -> GoldenNumbers:
    """Of ``stm``, ``stcn`` or ``rgmp``."""
    full = SHARED / "golden" / f"golden_{system}.npz"
    with np.load(full if full.is_file() else COMMITTED / f"{system}.npz") as file:
        arrays = dict(file)
    return GoldenNumbers(arrays, meta=json.loads(str(arrays["meta"])))
