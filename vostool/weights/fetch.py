"""Downloading one file: resumed where it was cut, checked while it streams, under its final name only when whole.

What has come so far is TARGET.part; TARGET.part.json beside it says of which address and of which version, so that the
rest is never taken from another file.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from vostool import __version__
from vostool.errors import OutputError, UsageError, WeightsError
from vostool.weights.checkpoint import looks_like_page

CHUNK_BYTES = 1 << 18
TIMEOUT_SECONDS = 30.0
HTTP_PARTIAL, HTTP_RANGE_REFUSED = 206, 416

# Takes the bytes so far and how many there will be, None if the server does not say.
OnBytes = Callable[[int, int | None], None]


def fetch(
    url: str,
    target: Path,
    sha256: str | None = None,
    size: int | None = None,
    on_progress: OnBytes | None = None,
) -> str:
    """Downloads a file; one that was cut goes on where it stopped.

    Args:
        url: http or https.
        target: Where it goes; its folder exists.
        sha256: What it must be, hexadecimal.
        size: How many bytes it must have.
        on_progress: Called after each piece.

    Returns:
        Its hexadecimal SHA-256.

    Raises:
        UsageError: The address is none of the web.
        WeightsError: The server cannot be reached, has no such file, or gives a web page; the connection was cut; or
            what came is another file. What came before a cut stays for the next call.
        OutputError: The disk is full, or the file cannot be written.
    """
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"'{url}' is no web address", "give one that starts with https://")
    download = _Download(url, target, on_progress)
    download.run(size)
    found = download.digest.hexdigest()
    if sha256 is not None and found != sha256.lower():
        download.forget()
        raise WeightsError(
            f"what {url} gives has the sha256 {found} and not {sha256}",
            "it was deleted; try again, and if that does not help, the file behind the address has changed",
            code="weights.checksum",
        )
    download.finish()
    return found


class _Download:
    """One file on its way.

    Attributes:
        digest: Of what has come so far.
    """

    def __init__(self, url: str, target: Path, on_progress: OnBytes | None) -> None:
        self.digest = hashlib.sha256()
        self._url = url
        self._target = target
        self._part = target.with_name(target.name + ".part")
        self._record = target.with_name(target.name + ".part.json")
        self._on_progress = on_progress
        self._num_done = 0
        self._total: int | None = None
        self._validator = ""

    def run(self, size: int | None) -> None:
        """Until the file is whole."""
        self._recall()
        if self._total is None or self._num_done != self._total:
            with self._open() as response:
                self._check(response, size)
                self._receive(response)
        if self._total is not None and self._num_done != self._total:
            raise self._cut("the server closed it")
        if size is not None and self._num_done != size:
            self._refuse_size(self._num_done, size)

    def finish(self) -> None:
        """Gives it its name."""
        try:
            os.replace(self._part, self._target)
        except OSError as error:
            raise _unwritable(self._target, error) from error
        self._record.unlink(missing_ok=True)

    def forget(self) -> None:
        """Deletes what has come."""
        self._part.unlink(missing_ok=True)
        self._record.unlink(missing_ok=True)

    def _recall(self) -> None:
        """Takes up what an earlier call left, if it came from this address."""
        try:
            record = json.loads(self._record.read_text(encoding="utf-8"))
            content = self._part.open("rb")
        except (OSError, ValueError):
            return
        with content:
            if record.get("url") == self._url and record.get("total") is not None:
                self._total, self._validator = record["total"], record["validator"]
                self.digest = hashlib.file_digest(content, "sha256")
                self._num_done = content.tell()

    def _open(self) -> Any:
        """The server's answer: the rest of the file if it can give that, else all of it."""
        response = self._ask()
        if not self._num_done:
            return response
        is_rest = response is not None and response.status == HTTP_PARTIAL and self._fits(response)
        if is_rest:
            return response
        self._num_done, self.digest, self._total = 0, hashlib.sha256(), None
        if response is not None and response.status != HTTP_PARTIAL:
            return response
        if response is not None:
            response.close()
        return self._ask()

    def _ask(self) -> Any:
        """None if the server refuses the range that was asked for."""
        headers = {"User-Agent": f"vostool/{__version__}"}
        if self._num_done:
            headers["Range"] = f"bytes={self._num_done}-"
            if self._validator:
                headers["If-Range"] = self._validator
        try:
            return urlopen(Request(self._url, headers=headers), timeout=TIMEOUT_SECONDS)
        except HTTPError as error:
            error.close()
            if error.code == HTTP_RANGE_REFUSED and self._num_done:
                return None
            raise WeightsError(
                f"{self._url} answers {error.code} {error.reason}", "check the address, or try later",
                code="weights.network",
            ) from None  # fmt: skip
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise WeightsError(
                f"{self._url} cannot be reached ({reason})", "check the address and the network", code="weights.network"
            ) from None

    def _fits(self, response: Any) -> bool:
        """Whether the rest that is offered begins where we stopped and is of a file as long."""
        offered = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        return offered is not None and (int(offered[1]), int(offered[2])) == (self._num_done, self._total)

    def _check(self, response: Any, size: int | None) -> None:
        """Refuses pages and other sizes before anything is written; notes what the server says of the file."""
        if response.headers.get_content_type() == "text/html":
            raise self._page()
        if not self._num_done:
            length = response.headers.get("Content-Length", "")
            self._total = int(length) if length.isdigit() else None
        if size is not None and self._total is not None and self._total != size:
            self._refuse_size(self._total, size)
        tag = response.headers.get("ETag", "")
        # A weak tag does not promise the same bytes, so that If-Range must not carry it (RFC 9110, 13.1.5).
        self._validator = tag if tag.startswith('"') else response.headers.get("Last-Modified", "")

    def _receive(self, response: Any) -> None:
        try:
            record = {"url": self._url, "total": self._total, "validator": self._validator}
            self._record.write_text(json.dumps(record), encoding="utf-8")
            opened = self._part.open("ab" if self._num_done else "wb")
        except OSError as error:
            raise _unwritable(self._part, error) from error
        with opened:
            while piece := self._read(response):
                if not self._num_done and looks_like_page(piece):
                    self.forget()
                    raise self._page()
                self._write(opened, piece)

    def _read(self, response: Any) -> bytes:
        try:
            return bytes(response.read(CHUNK_BYTES))
        except (OSError, HTTPException) as error:
            raise self._cut(str(error) or type(error).__name__) from None

    def _write(self, opened: IO[bytes], piece: bytes) -> None:
        try:
            opened.write(piece)
            opened.flush()
        except OSError as error:
            raise _unwritable(self._part, error) from error
        self.digest.update(piece)
        self._num_done += len(piece)
        if self._on_progress:
            self._on_progress(self._num_done, self._total)

    def _cut(self, reason: str) -> WeightsError:
        of_total = f" of {self._total}" if self._total is not None else ""
        return WeightsError(
            f"the download of {self._url} was cut after {self._num_done}{of_total} bytes ({reason})",
            "the same command goes on from there",
            code="weights.network",
        )

    def _page(self) -> WeightsError:
        return WeightsError(
            f"{self._url} gives a web page, not a file",
            "open it in a browser, download the file by hand, then: vostool weights convert FILE OUT.safetensors",
            code="weights.page",
        )

    def _refuse_size(self, found: int, size: int) -> None:
        self.forget()
        raise WeightsError(
            f"what {self._url} gives has {found} bytes and not {size}",
            "the file behind the address has changed",
            code="weights.checksum",
        )


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path} cannot be written ({error.strerror or error})", "check the folder and the space left on the disk"
    )
