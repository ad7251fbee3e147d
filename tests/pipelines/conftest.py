"""What tests of whole jobs share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a tiny network whose masks change from frame to frame."""
    from segment_jobs import save_lively_weights

    return save_lively_weights(tmp_path_factory.mktemp("weights") / "lite.safetensors")
