"""States that outlive their job, so that a correction does not have to begin at the first frame.

They lie in the user's cache: never more than ``MOST_STATES`` of one output, nor more than ``MOST_BYTES`` in all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from vostool.errors import VostoolError
from vostool.pipelines.job_state import Fingerprint, differences, load_state, save_state
from vostool.weights.store import cache_folder

FINISHED_NAME, RECORDS_NAME = "finished", "records.jsonl"
MOST_STATES = 8
MOST_BYTES = 1 << 30


class KeptStates:
    """States of one output, by the number of the frame that comes next.

    Args:
        output: The first output of the job.
    """

    def __init__(self, output: Path) -> None:
        name = hashlib.sha256(str(output.resolve()).encode()).hexdigest()[:16]
        self._folder = states_folder() / name

    def clear(self) -> None:
        """Forgets what is kept of this output."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def keep(self, next_frame: int, state_path: Path) -> None:
        """Keeps a state; a cache that cannot be written to keeps nothing, which is no reason to stop a job."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            target = self._path_of(next_frame)
            target.unlink(missing_ok=True)
            _copy(state_path, target)
            self._thin()

    def forget_from(self, frame: int) -> None:
        """Forgets the states of a frame and of all later ones, which a correction is about to replace."""
        for number in self._numbers():
            if number >= frame:
                self._path_of(number).unlink(missing_ok=True)

    @property
    def records_path(self) -> Path:
        """The records of the finished job."""
        return self._folder / RECORDS_NAME

    def keep_records(self, path: Path) -> None:
        """Keeps the records of a job that is about to be finished."""
        if self._numbers():
            with suppress(OSError):
                shutil.copyfile(path, self.records_path)

    def finish(self, outputs: Iterable[Path], fingerprint: Fingerprint) -> None:
        """Notes what the finished outputs look like; then makes room for other jobs."""
        if self._numbers():
            with suppress(OSError, VostoolError):
                save_state(self._folder / FINISHED_NAME, {"outputs": _looks(outputs), "fingerprint": fingerprint})
                _make_room(self._folder)

    def find(self, frame: int, outputs: Iterable[Path], fingerprint: Fingerprint) -> dict[str, Any] | None:
        """The newest state from which a frame can still be reached; None if there is none, or the outputs changed.

        Args:
            fingerprint: Of the job that wants to go on. Masks of frames after the state may be others than then.
        """
        try:
            if load_state(self._folder / FINISHED_NAME)["outputs"] != _looks(outputs):
                return None
            number = max(number for number in self._numbers() if number <= frame)
            state = load_state(self._path_of(number))
        except (OSError, KeyError, ValueError, VostoolError):
            return None
        before, now = (masks_until(each, number) for each in (state["fingerprint"], fingerprint))
        return None if differences(before, now) else state

    @property
    def num_bytes(self) -> int:
        """Of all that is kept of this output."""
        return _size_of(self._folder)

    def _numbers(self) -> list[int]:
        return sorted(int(path.stem) for path in self._folder.glob("*.state") if path.stem.isdigit())

    def _path_of(self, next_frame: int) -> Path:
        return self._folder / f"{next_frame:08d}.state"

    def _thin(self) -> None:
        """When there are too many, the one goes that leaves the smallest gap; never the newest."""
        numbers = self._numbers()
        while len(numbers) > MOST_STATES:
            gaps = [after - before for before, after in zip([0, *numbers], numbers[1:], strict=False)]
            self._path_of(numbers.pop(gaps.index(min(gaps)))).unlink(missing_ok=True)


def states_folder() -> Path:
    """``$VOSTOOL_STATES``, or a folder in the user's cache."""
    chosen = os.environ.get("VOSTOOL_STATES")
    return Path(chosen) if chosen else cache_folder() / "states"


def name_mask(frame: int) -> str:
    """What the mask of a frame is called in a fingerprint."""
    return f"of frame {frame}"


def masks_until(fingerprint: Fingerprint, frame: int) -> Fingerprint:
    """The fingerprint without the masks of a frame and of those after it."""
    early = {name: each for name, each in fingerprint["mask"].items() if int(name.rpartition(" ")[2]) < frame}
    return {**fingerprint, "mask": early}


def _copy(source: Path, target: Path) -> None:
    """A second name where the file system can, since states are replaced and never changed; else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _looks(outputs: Iterable[Path]) -> dict[str, list[int]]:
    """Size and date of every output; of a folder the number of files and the newest date."""
    return {str(path.resolve()): _look(path) for path in outputs}


def _look(path: Path) -> list[int]:
    if not path.is_dir():
        return [path.stat().st_size, path.stat().st_mtime_ns]
    dates = [entry.stat().st_mtime_ns for entry in os.scandir(path)]
    return [len(dates), max(dates, default=0)]


def _make_room(newest: Path) -> None:
    """Removes what was kept longest ago, but not the newest, until all fits."""
    folders = sorted((path for path in newest.parent.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    sizes = {path: _size_of(path) for path in folders}
    for path in folders:
        if sum(sizes.values()) <= MOST_BYTES or path == newest:
            break
        shutil.rmtree(path, ignore_errors=True)
        sizes[path] = 0


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir()) if folder.is_dir() else 0
