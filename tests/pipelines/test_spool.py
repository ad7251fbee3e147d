"""Results on disk: what goes in comes out, what is not whole is not opened, what the disk refuses is one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from direction_cases import make_frame
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vostool.errors import OutputError
from vostool.pipelines.spool import RECORDS_NAME, TABLE_NAME, Spool
from vostool.types import FrameResult

FULL_DISK = Path("/dev/full")
FRAMES = range(3, 9)


def make_result(index: int, value: float = 0.3, object_ids: tuple[int, ...] = (4, 200)) -> FrameResult:
    alpha = np.full((len(object_ids), 5, 7), value, np.float32)
    return FrameResult(make_frame(index), np.full((5, 7), index, np.uint8), alpha, object_ids)


@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.floats(0, 1, width=32)),
    st.booleans(),
)
def test_a_result_comes_back(tmp_path_factory: pytest.TempPathFactory, alpha: np.ndarray, is_measured: bool) -> None:
    object_ids = tuple(range(250, 250 + len(alpha))[: len(alpha)])[:5] or (1,)
    alpha = alpha[: len(object_ids)]
    labels = (alpha[0] * 255).astype(np.uint8)
    confidence = alpha.mean(axis=(1, 2)) if is_measured else None
    folder = tmp_path_factory.mktemp("spool")
    with Spool(folder, FRAMES) as spool:
        spool.write(FrameResult(make_frame(4), labels, alpha, object_ids, True, confidence))
        result = spool.read(make_frame(4))
    assert result is not None
    np.testing.assert_array_equal(result.labels, labels)
    np.testing.assert_allclose(result.alpha, alpha, atol=0.5 / 65535 + 1e-7)
    assert result.alpha.dtype == np.float32
    assert (result.object_ids, result.is_repeated) == (object_ids, True)
    np.testing.assert_array_equal(result.alpha == 1, np.rint(alpha * 65535) == 65535)
    assert (result.confidence is None) == (confidence is None)
    if result.confidence is not None:
        np.testing.assert_array_equal(result.confidence, confidence)


def test_order_of_writing_does_not_matter(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", FRAMES)
    for index in (8, 5, 3):
        spool.write(make_result(index, index / 10))
    spool.repeat(4)
    found = {index: spool.read(make_frame(index)) for index in range(11)}
    assert {index for index, result in found.items() if result is not None} == {3, 4, 5, 8}
    assert [int(found[index].labels[0, 0]) for index in (3, 4, 5, 8)] == [3, 3, 5, 8]  # type: ignore[union-attr]
    assert [found[index].is_repeated for index in (3, 4)] == [False, True]  # type: ignore[union-attr]
    assert found[4].frame.index == 4  # type: ignore[union-attr]
    spool.remove()
    assert list(tmp_path.iterdir()) == []


def test_only_a_finished_spool_of_the_same_frames_is_opened(tmp_path: Path) -> None:
    assert Spool.open_existing(tmp_path, FRAMES) is None
    with Spool(tmp_path, FRAMES) as spool:
        spool.write(make_result(5))
        assert Spool.open_existing(tmp_path, FRAMES) is None
        spool.finish()
    assert Spool.open_existing(tmp_path, range(3, 10)) is None
    again = Spool.open_existing(tmp_path, FRAMES)
    assert again is not None
    with again:
        assert again.read(make_frame(5)) is not None
        assert again.read(make_frame(6)) is None
    records = tmp_path / RECORDS_NAME
    records.write_bytes(records.read_bytes()[:-1])
    assert Spool.open_existing(tmp_path, FRAMES) is None


def test_damage_is_told(tmp_path: Path) -> None:
    with Spool(tmp_path, FRAMES) as spool:
        spool.write(make_result(5))
        spool.finish()
    records = tmp_path / RECORDS_NAME
    content = bytearray(records.read_bytes())
    content[-12:] = bytes(12)
    records.write_bytes(content)
    again = Spool.open_existing(tmp_path, FRAMES)
    assert again is not None
    with again, pytest.raises(OutputError, match="is damaged; remove it"):
        again.read(make_frame(5))


@pytest.mark.skipif(not FULL_DISK.exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    (tmp_path / RECORDS_NAME).symlink_to(FULL_DISK)
    with Spool(tmp_path, FRAMES) as spool, pytest.raises(OutputError, match="device; free some space") as caught:
        spool.write(make_result(5))
    assert caught.value.code == "output.disk_full"


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot write"):
        Spool(tmp_path / "file" / "spool", FRAMES)


def test_other_files_stay(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"")
    Spool(tmp_path, FRAMES).remove()
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
    assert not (tmp_path / TABLE_NAME).exists()
