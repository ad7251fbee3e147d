"""Where a job begins: at the first frame, at the state of an interrupted run, or at a state kept for corrections."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from vostool.errors import OutputError, UsageError
from vostool.pipelines.checkpoints import JobFolder
from vostool.pipelines.delivery import Delivery
from vostool.pipelines.job_state import Fingerprint, take_fingerprint
from vostool.pipelines.kept_states import KeptStates, name_mask
from vostool.pipelines.segment_options import SegmentOptions
from vostool.video.masks.annotation_set import AnnotationSet
from vostool.weights.load import file_sha256

# Options that change neither the results nor how they are written, or that are looked at elsewhere.
_FREE = {
    "source", "masks", "outputs", "overwrite", "resume", "resume_from", "keep_states", "checkpoint_every", "weights",
    "ensemble", "device", "max_vram", "max_ram", "records",
}  # fmt: skip


class Continuation:
    """The states of one job.

    Args:
        delivery: With its objects expanded.
        annotations: Of the whole clip.
        weights: sha256 of each file of weights, by what it is called in messages.

    Attributes:
        folder: Of the job.
        is_possible: Whether a run can be gone on with at all.
    """

    def __init__(
        self, options: SegmentOptions, delivery: Delivery, annotations: AnnotationSet, weights: Mapping[str, str]
    ) -> None:
        self._options, self._paths = options, delivery.paths
        self._fingerprint = _fingerprint(options, delivery, annotations, weights)
        # Without a file to lie beside, the job's folder is a temporary one, which goes with this object.
        self._scratch = None if delivery.paths else tempfile.TemporaryDirectory(prefix="vostool-")
        home = Path(self._scratch.name) / "stream" if self._scratch else delivery.paths[0]
        self.folder = JobFolder(home, self._fingerprint)
        self._kept = KeptStates(home)
        self._is_kept = options.keep_states and bool(delivery.plans) and not delivery.exports
        # A pipe can be read and written only once.
        self.is_possible = bool(options.checkpoint_every) and not delivery.has_stream and str(options.source) != "-"

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left for ``--resume`` to do: every output is there, and no job is unfinished."""
        wanted = [*self._paths, *([self._options.records] if self._options.records else [])]
        is_there = bool(self._paths) and all(path.exists() for path in wanted)
        return self._options.resume and not self.folder.has_state and is_there

    def begin(self, redo_from: int | None, on_note: Callable[[str], None]) -> dict[str, Any] | None:
        """The state to go on from; None to begin at the first frame.

        Args:
            redo_from: Frame from which on a finished job is done again.

        Raises:
            OutputError: An unfinished run lies there, and it was not said what to do with it.
            UsageError: Something is another than when the unfinished run was begun.
        """
        if (self._options.resume or redo_from is not None) and not self.is_possible and self._options.checkpoint_every:
            message = "a job that reads or writes a pipe cannot be resumed"
            raise UsageError(message, "give files", code="usage.resume")
        if redo_from is not None:
            return self._find_kept(redo_from, on_note)
        if self.folder.has_state and self._options.resume:
            state = self.folder.load()
            on_note(f"going on after {state['loop']['num_taken']} frames")
            return state
        if self.folder.has_state and not self._options.overwrite:
            message = f"an unfinished run lies in {self.folder.path}"
            hint = "--resume goes on with it, --overwrite starts anew"
            raise OutputError(message, hint, code="output.unfinished")
        if self._options.resume:
            on_note("there is nothing to resume: starting at the first frame")
        return None

    def clear(self) -> None:
        """Forgets what earlier jobs left; once this one writes its first frame."""
        self.folder.remove()
        self._kept.clear()

    def save(self, next_frame: int, state: Mapping[str, Any]) -> None:
        """Saves a state, and keeps it if it may be wanted for corrections."""
        self.folder.save({**state, "next_frame": next_frame})
        if self._is_kept:
            self._kept.keep(next_frame, self.folder.state_path)

    def keep_records(self) -> None:
        """Keeps the records of all frames beside the states that are kept; before they are handed over."""
        if self._is_kept:
            self._kept.keep_records(self.folder.records_path)

    def finish(self) -> None:
        """The outputs have their final names: what was needed to get there goes."""
        self.folder.remove()
        self._kept.finish(self._paths, self._fingerprint)

    def _find_kept(self, frame: int, on_note: Callable[[str], None]) -> dict[str, Any] | None:
        state = self._kept.find(frame, self._paths, self._fingerprint) if self._is_kept else None
        if state is None or not self._kept.records_path.is_file():
            on_note(
                "no state from before that frame fits (or was kept): everything is done again, with the same result"
            )
            return None
        on_note(f"frames before {state['next_frame']} stay as they are")
        self._kept.forget_from(state["next_frame"] + 1)
        self.folder.remove()
        self.folder.prepare()
        shutil.copyfile(self._kept.records_path, self.folder.records_path)
        return state


def _fingerprint(
    options: SegmentOptions, delivery: Delivery, annotations: AnnotationSet, weights: Mapping[str, str]
) -> Fingerprint:
    """What must be the same when a job goes on; masks go by their frames, so that later ones may differ."""
    values = {each.name: getattr(options, each.name) for each in fields(options) if each.name not in _FREE}
    outputs = [f"{plan.kind} {plan.path.resolve()}" for plan in delivery.plans]
    fingerprint = take_fingerprint(options.source, [], weights, {**values, "outputs": outputs})
    masks = {name_mask(drawing.frame_index): _hash(drawing.paths) for drawing in annotations.drawings}
    return {**fingerprint, "mask": masks}


def _hash(paths: tuple[Path, ...]) -> str:
    files = [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    return " ".join(file_sha256(file) for file in files if file.is_file())
