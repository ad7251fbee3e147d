"""The elements of a JSON list in a file that grows, one a line, and can be cut back to a checkpoint."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from vostool.errors import VostoolError
from vostool.video.durable import sync


class JsonLines:
    """Nothing is created, and nothing of an earlier run replaced, before the first record.

    Args:
        state: Of a checkpoint by an earlier process: what was written later is cut off.
    """

    def __init__(self, path: Path, state: Mapping[str, int] | None = None) -> None:
        self.path = path
        self.num_records, self.num_bytes = (state["num_records"], state["num_bytes"]) if state else (0, 0)
        self._is_resumed = state is not None
        self._file: BinaryIO | None = None

    def problem(self) -> str | None:
        """What is wrong with the file of the checkpoint."""
        found = self.path.stat().st_size if self.path.is_file() else 0
        return None if found >= self.num_bytes else f"{self.path.name} has {found} bytes of {self.num_bytes}"

    def append(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Add records at the end; none is fine."""
        file = self._opened()
        for record in records:
            line = (",\n" if self.num_records else "\n") + json.dumps(record, separators=(",", ":"))
            file.write(line.encode("ascii"))
            self.num_records += 1
            self.num_bytes += len(line)

    def checkpoint(self) -> dict[str, int]:
        """Wait until all is on the disk, and say how much it is."""
        if self._file is not None:
            self._file.flush()
            sync(self.path)
            sync(self.path.absolute().parent)
        return {"num_records": self.num_records, "num_bytes": self.num_bytes}

    def copy_to(self, target: BinaryIO) -> None:
        """Append all records to another file; raises VostoolError if some are lost."""
        self._opened().flush()
        found = self.path.stat().st_size if self.path.is_file() else 0
        if found != self.num_bytes:
            message = f"{self.path} has {found} bytes of {self.num_bytes}"
            raise VostoolError(message, "something else wrote to it", code="output.frames")
        with self.path.open("rb") as file:
            shutil.copyfileobj(file, target)

    def close(self) -> None:
        """Close the file; it stays."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """Close the file and remove it."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._file = self.path.open("r+b" if self._is_resumed else "wb")
            self._file.truncate(self.num_bytes)
            self._file.seek(self.num_bytes)
            self._is_resumed = True
        return self._file
