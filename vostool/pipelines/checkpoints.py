"""What lies beside the first output of a job until it is finished: its state, its records and its backward pass."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from vostool.errors import OutputError, UsageError
from vostool.pipelines.job_state import Fingerprint, differences, load_state, save_state

STATE_NAME, RECORDS_NAME = "state", "records.jsonl"


class JobFolder:
    """``NAME.job/``, made when there is something to put into it.

    Args:
        output: The first output.
        fingerprint: Of the job; its masks are named by their frames.
    """

    def __init__(self, output: Path, fingerprint: Fingerprint) -> None:
        self.path = output.with_name(output.name + ".job")
        self._fingerprint = fingerprint

    @property
    def state_path(self) -> Path:
        """The newest state."""
        return self.path / STATE_NAME

    @property
    def records_path(self) -> Path:
        """One line of JSON for each frame."""
        return self.path / RECORDS_NAME

    @property
    def has_state(self) -> bool:
        """Whether there is something to go on from."""
        return self.state_path.is_file()

    def prepare(self) -> None:
        """Makes the folder.

        Raises:
            OutputError: The disk refuses.
        """
        try:
            self.path.mkdir(exist_ok=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            message = f"cannot write {self.path}: {reason}"
            raise OutputError(message, "choose a folder that can be written to") from error

    def save(self, state: Mapping[str, Any]) -> None:
        """Replaces the state in one step."""
        save_state(self.state_path, {**state, "fingerprint": self._fingerprint})

    def load(self) -> dict[str, Any]:
        """The state of the run that was interrupted.

        Raises:
            UsageError: The clip, a mask, the weights or an option is another than then; the message names it.
            InputError: The state is damaged.
        """
        state = load_state(self.state_path)
        if changed := differences(state["fingerprint"], self._fingerprint):
            more = f", and {len(changed) - 3} more" if len(changed) > 3 else ""
            message = f"cannot resume: {', '.join(changed[:3])}{more}"
            hint = "give what it was begun with, or --overwrite to start anew"
            raise UsageError(message, hint, code="resume.changed")
        return state

    def tidy(self) -> None:
        """Removes a folder without a state, which nobody can go on with."""
        if not self.has_state:
            self.remove()

    def remove(self) -> None:
        """Everything, of this job or of the one before it; the state first, without which nobody goes on."""
        with suppress(OSError):
            self.state_path.unlink()
        shutil.rmtree(self.path, ignore_errors=True)
