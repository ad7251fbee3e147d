"""Downloads from a server on this machine: whole, cut and continued, wrong, missing."""

from __future__ import annotations

import errno
import hashlib
import io
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from file_server import Served, serve

from vostool import __version__
from vostool.errors import OutputError, UsageError, WeightsError
from vostool.weights import fetch as fetch_module
from vostool.weights.fetch import fetch

CONTENT = random.Random(0).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def served() -> Served:
    """A good server of a file."""
    return Served(CONTENT)


@pytest.fixture
def address(served: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Its address; pieces are small, so that there are several."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(fetch_module, "CHUNK_BYTES", 50_000)
    with serve(served) as address:
        yield address


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where it goes."""
    return tmp_path / "weights.pth"


def cut(address: str, served: Served, target: Path, after: int = 120_000) -> None:
    """A download that breaks off."""
    served.cut_after = after
    with pytest.raises(WeightsError, match=rf"was cut after {after} of 300000 bytes .*goes on from there") as caught:
        fetch(f"{address}/file", target)
    assert caught.value.code == "weights.network"
    assert not target.exists()
    served.cut_after = None


def assert_only(target: Path, content: bytes = CONTENT) -> None:
    """The file, and nothing beside it."""
    assert target.read_bytes() == content
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_whole_file_with_checksum_and_progress(address: str, served: Served, target: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    found = fetch(f"{address}/moved", target, SHA256.upper(), len(CONTENT), lambda *pair: seen.append(pair))
    assert found == SHA256
    assert seen[-1] == (300_000, 300_000)
    assert len(seen) >= 6
    assert served.requests[0]["User-Agent"] == f"vostool/{__version__}"
    assert_only(target)


def test_cut_download_goes_on(address: str, served: Served, target: Path) -> None:
    cut(address, served, target)
    seen: list[int] = []
    assert fetch(f"{address}/file", target, SHA256, None, lambda done, total: seen.append(done)) == SHA256
    assert served.requests[-1]["Range"] == "bytes=120000-"
    assert served.requests[-1]["If-Range"] == served.tag
    assert seen[0] > 120_000
    assert_only(target)


def test_interrupted_download_goes_on(address: str, served: Served, target: Path) -> None:
    def interrupt(num_done: int, total: int | None) -> None:
        if num_done >= 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(f"{address}/file", target, on_progress=interrupt)
    assert fetch(f"{address}/file", target) == SHA256
    assert int(served.requests[-1]["Range"].removeprefix("bytes=").rstrip("-")) >= 100_000
    assert_only(target)


def test_server_without_ranges_starts_again(address: str, served: Served, target: Path) -> None:
    served.has_ranges = False
    cut(address, served, target)
    assert fetch(f"{address}/file", target) == SHA256
    assert_only(target)


@pytest.mark.parametrize("has_tag", [True, False])
def test_file_that_has_changed_starts_again(address: str, served: Served, target: Path, has_tag: bool) -> None:
    served.has_tag = has_tag
    cut(address, served, target)
    served.content = CONTENT[::-1] + b"longer"
    assert fetch(f"{address}/file", target) == hashlib.sha256(served.content).hexdigest()
    assert_only(target, served.content)


def test_shorter_file_starts_again(address: str, served: Served, target: Path) -> None:
    served.has_tag = False
    cut(address, served, target)
    served.content = CONTENT[:1000]
    fetch(f"{address}/file", target)
    assert_only(target, CONTENT[:1000])


def test_part_of_another_address_is_not_continued(address: str, served: Served, target: Path) -> None:
    cut(address, served, target)
    fetch(f"{address}/other", target)
    assert "Range" not in served.requests[-1]
    assert_only(target)


def test_whole_part_needs_no_request(
    address: str, served: Served, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As left by a process that died between the last byte and the rename."""
    with monkeypatch.context() as patch:
        patch.setattr(fetch_module.os, "replace", _no_space)
        with pytest.raises(OutputError, match="cannot be written"):
            fetch(f"{address}/file", target)
    assert fetch(f"{address}/file", target, SHA256) == SHA256
    assert len(served.requests) == 1
    assert_only(target)


def test_server_that_says_no_length(address: str, served: Served, target: Path) -> None:
    served.has_length = False
    assert fetch(f"{address}/file", target, SHA256) == SHA256
    assert_only(target)


def test_wrong_checksum_leaves_nothing(address: str, target: Path) -> None:
    with pytest.raises(WeightsError, match=f"has the sha256 {SHA256} and not 00ff") as caught:
        fetch(f"{address}/file", target, "00ff")
    assert caught.value.code == "weights.checksum"
    assert not list(target.parent.iterdir())


def test_wrong_size_is_told_before_anything_is_written(address: str, served: Served, target: Path) -> None:
    with pytest.raises(WeightsError, match="has 300000 bytes and not 5"):
        fetch(f"{address}/file", target, size=5)
    served.has_length = False
    with pytest.raises(WeightsError, match="has 300000 bytes and not 5"):
        fetch(f"{address}/file", target, size=5)
    assert not list(target.parent.iterdir())


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "application/octet-stream"])
def test_pages_are_refused(address: str, served: Served, target: Path, content_type: str) -> None:
    served.content, served.content_type = b"<!DOCTYPE html><title>sign in</title>", content_type
    with pytest.raises(WeightsError, match=r"gives a web page.*vostool weights convert") as caught:
        fetch(f"{address}/file", target)
    assert caught.value.code == "weights.page"
    assert not list(target.parent.iterdir())


@pytest.mark.parametrize(("status", "words"), [(404, "404 Not Found"), (503, "503 Service Unavailable")])
def test_missing_files_are_told(address: str, served: Served, target: Path, status: int, words: str) -> None:
    cut(address, served, target)
    served.status, served.has_ranges = status, False
    with pytest.raises(WeightsError, match=f"answers {words}"):
        fetch(f"{address}/file", target)
    assert target.with_name("weights.pth.part").stat().st_size == 120_000


def test_nobody_there(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serve(Served(b"")) as gone:
        pass
    with pytest.raises(WeightsError, match=r"cannot be reached .*refused"):
        fetch(f"{gone}/file", target)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "weights.pth", "ftp://example.org/a"])
def test_only_web_addresses(url: str, target: Path) -> None:
    with pytest.raises(UsageError, match="is no web address"):
        fetch(url, target)


def test_full_disk_is_one_line(address: str, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FullDisk(io.BytesIO):
        write = _no_space

    real_open = Path.open
    monkeypatch.setattr(
        Path, "open", lambda path, mode="r", **more: FullDisk() if mode == "wb" else real_open(path, mode, **more)
    )
    with pytest.raises(OutputError, match="No space left on device") as caught:
        fetch(f"{address}/file", target)
    assert caught.value.exit_code == 6


def _no_space(*arguments: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")
