"""The registry: consistent in itself, and with the checkpoint that is shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from vostool.errors import UsageError
from vostool.weights.checkpoint import read_checkpoint
from vostool.weights.known import KNOWN, KnownCheckpoint, find_known, known_for
from vostool.weights.load import file_sha256


def test_names_are_unique_and_found() -> None:
    assert len({known.name for known in KNOWN}) == len(KNOWN)
    assert find_known("stm").file == "STM_weights.pth"
    assert known_for("stcn")[0].name == "stcn"
    assert known_for("none") == ()
    with pytest.raises(UsageError, match="no known checkpoint 'smt'; choose one of lite, stm"):
        find_known("smt")


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_entries_say_what_a_user_needs(known: KnownCheckpoint) -> None:
    assert known.licence
    assert known.is_shipped or known.page.startswith("https://")
    assert known.url is None or known.url.startswith("https://")
    assert known.url or known.note


def test_shipped_checkpoint_is_the_one_that_is_known(repository: Path) -> None:
    for known in (each for each in KNOWN if each.is_shipped):
        path = repository / "weights" / known.file
        assert (file_sha256(path), path.stat().st_size) == (known.sha256, known.size)
        assert len(read_checkpoint(path).tensors) == known.num_keys
