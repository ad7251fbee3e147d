"""What all tests share: where the repository is, and a calm profile for property tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parent.parent

# Deadlines measure the machine, not the code.
settings.register_profile("vostool", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("vostool")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked ``gpu`` where there is none."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs an NVIDIA GPU"))


@pytest.fixture(scope="session", autouse=True)
def _own_states(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Jobs keep states in the user's cache; those of tests do not belong there."""
    os.environ.setdefault("VOSTOOL_STATES", str(tmp_path_factory.mktemp("states")))


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """Folder of reference data beside the checkout, or the one that VOSTOOL_SHARED names; skips where it is absent."""
    folder = Path(os.environ.get("VOSTOOL_SHARED", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("the shared folder with reference data is absent (set VOSTOOL_SHARED)")
    return folder
