"""A web server on this machine that gives one file, well or badly, for tests of downloads."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Served:
    """What is given, how, and what was asked; may be changed between requests.

    Attributes:
        content: The file.
        has_ranges: Whether the server can give the rest of it.
        has_tag: Whether it says which version it is.
        cut_after: Bytes after which the connection is closed.
        status: Answered in place of the file.
        content_type: Of the answer.
        has_length: Whether the length is said.
        requests: Headers of all requests.
    """

    content: bytes
    has_ranges: bool = True
    has_tag: bool = True
    cut_after: int | None = None
    status: int = 200
    content_type: str = "application/octet-stream"
    has_length: bool = True
    requests: list[dict[str, str]] = field(default_factory=list)

    @property
    def tag(self) -> str:
        """Of this version of the file."""
        return f'"{hashlib.sha256(self.content).hexdigest()[:8]}"'


class _Handler(BaseHTTPRequestHandler):
    served: Served

    def do_GET(self) -> None:
        served = self.served
        served.requests.append(dict(self.headers))
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
            return
        start = self._start()
        if start and start >= len(served.content):
            self.send_error(416)
            return
        self.send_response(206 if start else served.status)
        self.send_header("Content-Type", served.content_type)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(served.content) - 1}/{len(served.content)}")
        if served.has_tag:
            self.send_header("ETag", served.tag)
        if served.has_length:
            self.send_header("Content-Length", str(len(served.content) - start))
        self.end_headers()
        self.wfile.write(served.content[start : served.cut_after])

    def _start(self) -> int:
        """Where the rest begins that is asked for and may be given."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        is_same = self.headers.get("If-Range", self.served.tag) == self.served.tag
        return int(asked[1]) if asked and self.served.has_ranges and is_same else 0

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


@contextmanager
def serve(served: Served) -> Iterator[str]:
    """The address of the server while the block runs."""
    handler = type("Handler", (_Handler,), {"served": served})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
