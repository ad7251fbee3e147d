"""Many clips, one after the other, each with the masks that are named like it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from vostool.errors import EnvironmentProblem, Interrupted, MaskError, UsageError, VostoolError
from vostool.pipelines.delivery import resolve_delivery
from vostool.pipelines.masks import MaskSource
from vostool.pipelines.report import SegmentReport
from vostool.pipelines.segment_options import SegmentOptions
from vostool.video.reading.images import IMAGE_SUFFIXES
from vostool.video.writing.output_kind import OBJECT_FIELD, clip_stem

SCHEMA_VERSION = 1
State = Literal["done", "failed", "skipped"]
# In a path: the name of the clip without folder and extension.
STEM_FIELD = "{stem}"
MASK_HINT = "--mask-dir holds STEM.png, or a folder STEM with masks named by frame numbers, for each clip STEM.mp4"
# So many names are listed in an error.
MAX_NAMES = 3


@dataclass(frozen=True)
class ClipOutcome:
    """What became of one clip.

    Attributes:
        clip: As it was given.
        state: ``skipped`` if all that would be written was there.
        seconds: In all.
        report: Of the job; None if it was not done.
        error: What went wrong, as one line; empty otherwise.
        code: Of the error, for machines.
    """

    clip: str
    state: State
    seconds: float = 0.0
    report: SegmentReport | None = None
    error: str = ""
    code: str = ""

    def to_row(self) -> dict[str, str]:
        """Short texts for a table."""
        report = self.report
        paths = ", ".join(output["path"] for output in report.outputs) if report else ""
        return {
            "clip": self.clip,
            "state": self.state,
            "frames": str(report.frames_out) if report else "-",
            "fps": f"{report.frames_per_second:.1f}" if report else "-",
            "result": self.error or paths,
        }


@dataclass
class BatchReport:
    """All clips.

    Attributes:
        outcomes: In the order of the clips; without those that were not come to.
        num_clips: That were asked for.
    """

    num_clips: int
    outcomes: list[ClipOutcome] = field(default_factory=list)

    def count(self, state: State) -> int:
        """How many clips ended so."""
        return sum(outcome.state == state for outcome in self.outcomes)

    @property
    def exit_code(self) -> int:
        """1 if a clip failed."""
        return 1 if self.count("failed") else 0

    @property
    def summary(self) -> str:
        """One line."""
        counts = {"done": self.count("done"), "skipped": self.count("skipped"), "failed": self.count("failed")}
        counts["not begun"] = self.num_clips - len(self.outcomes)
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        return f"{self.num_clips} clip{'' if self.num_clips == 1 else 's'}: {told or 'nothing to do'}"

    def to_rows(self) -> list[dict[str, str]]:
        """For a table."""
        return [outcome.to_row() for outcome in self.outcomes]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        clips = [
            {**asdict(replace(each, report=None)), "report": each.report.to_dict() if each.report else None}
            for each in self.outcomes
        ]
        return {"schema": SCHEMA_VERSION, "num_clips": self.num_clips, "clips": clips}


def segment_batch(
    clips: Sequence[Path],
    mask_folder: Path,
    outputs: Sequence[str],
    options: SegmentOptions,
    segment: Callable[[SegmentOptions], SegmentReport],
    *,
    skips_existing: bool = False,
    fails_fast: bool = False,
    on_begin: Callable[[int, SegmentOptions], None] = lambda index, options: None,
    on_end: Callable[[int, ClipOutcome], None] = lambda index, outcome: None,
) -> BatchReport:
    """Does the same with every clip; one that fails does not stop the others.

    Args:
        mask_folder: Holds a picture STEM or a folder STEM of pictures for each clip.
        outputs: Paths with ``{stem}`` in them; folders that are named by it are made. Empty for the names that a single
            clip gets.
        options: For all clips; ``source``, ``masks`` (but for how they are read) and ``outputs`` are replaced, and
            ``{stem}`` is filled into the paths of exports and records.
        segment: Does one clip.
        skips_existing: Whether clips all of whose outputs are there are left out.
        fails_fast: Whether the first failure ends the batch.
        on_begin, on_end: Told of each clip, with its place among them.

    Raises:
        UsageError: Two clips of one name, or outputs that two clips share.
        MaskError: Clips without masks, or with two sets of them.
        EnvironmentProblem: Weights or the device are not there; no clip would fare better.
        Interrupted: By a signal; the clip that it came in is told to ``on_end``.
    """
    jobs = plan_batch(clips, mask_folder, outputs, options)
    patterns = [*outputs, *(text.partition("=")[2] for text in options.exports)]
    patterns += [] if options.records is None else [str(options.records)]
    report = BatchReport(len(jobs))
    for index, job in enumerate(jobs):
        if skips_existing and _is_done(job):
            outcome = ClipOutcome(str(job.source), "skipped")
        else:
            on_begin(index, job)
            _make_own_folders(patterns, clip_stem(str(job.source)))
            outcome = _do(job, segment, partial(on_end, index))
        report.outcomes.append(outcome)
        on_end(index, outcome)
        if fails_fast and outcome.state == "failed":
            break
    return report


def plan_batch(
    clips: Sequence[Path], mask_folder: Path, outputs: Sequence[str], options: SegmentOptions
) -> list[SegmentOptions]:
    """The options of each clip, checked against each other before any work; see ``segment_batch``."""
    if not clips:
        raise UsageError("there are no clips", "name at least one")
    stems = [clip_stem(str(clip)) for clip in clips]
    for stem, count in Counter(stems).items():
        if count > 1:
            twins = ", ".join(str(clip) for clip, each in zip(clips, stems, strict=True) if each == stem)
            raise UsageError(f"{count} clips are named '{stem}': {twins}", "rename them", code="usage.batch")
    masks = _find_all_masks(mask_folder, stems, options.masks)
    jobs = [
        _fill(replace(options, source=clip, masks=mask, outputs=tuple(outputs)), stem)
        for clip, stem, mask in zip(clips, stems, masks, strict=True)
    ]
    _refuse_shared(jobs)
    return jobs


def _find_all_masks(folder: Path, stems: Sequence[str], how: MaskSource) -> list[MaskSource]:
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise MaskError(f"--mask-dir {folder} {what}", MASK_HINT, code="mask.no_folder")
    found = {stem: _candidates(folder, stem) for stem in stems}
    if missing := [stem for stem, paths in found.items() if not paths]:
        listed = ", ".join(missing[:MAX_NAMES]) + (", ..." if len(missing) > MAX_NAMES else "")
        message = f"{folder} has no mask for {len(missing)} of {len(stems)} clips: {listed}"
        raise MaskError(message, MASK_HINT, code="mask.missing")
    for stem, paths in found.items():
        if len(paths) > 1:
            names = ", ".join(path.name for path in paths)
            message = f"{folder} has more than one mask for '{stem}': {names}"
            raise MaskError(message, "leave one of them", code="mask.ambiguous")
    return [_as_source(found[stem][0], how) for stem in stems]


def _candidates(folder: Path, stem: str) -> list[Path]:
    pictures = [each for each in folder.iterdir() if each.stem == stem and each.suffix.lower() in IMAGE_SUFFIXES]
    inner = folder / stem
    return sorted(each for each in pictures if each.is_file()) + ([inner] if inner.is_dir() else [])


def _as_source(path: Path, how: MaskSource) -> MaskSource:
    bare = MaskSource(mode=how.mode, mask_base=how.mask_base, is_exact=how.is_exact)
    return replace(bare, mask_folder=path) if path.is_dir() else replace(bare, mask=path)


def _fill(options: SegmentOptions, stem: str) -> SegmentOptions:
    """Puts the name into all paths that are written to."""

    def fill(text: str) -> str:
        return text.replace(STEM_FIELD, stem)

    if "-" in (str(options.source), *options.outputs):
        raise UsageError("standard input and output take one clip, not a batch", "name files", code="usage.batch")
    return replace(
        options,
        outputs=tuple(map(fill, options.outputs)),
        exports=tuple(map(fill, options.exports)),
        records=None if options.records is None else Path(fill(str(options.records))),
    )


def _refuse_shared(jobs: Sequence[SegmentOptions]) -> None:
    """Raises UsageError if two clips would write to one place."""
    owners: dict[Path, Path] = {}
    for job in jobs:
        for path in _written(job):
            place = path.resolve()
            if place in owners and owners[place] != job.source:
                message = f"{owners[place]} and {job.source} would both be written to {path}"
                raise UsageError(message, f"put {STEM_FIELD} into the path", code="usage.batch")
            owners[place] = job.source


def _written(job: SegmentOptions) -> list[Path]:
    """Paths of everything that a job writes, objects not filled in."""
    return [*resolve_delivery(job).paths, *([] if job.records is None else [job.records])]


def _is_done(job: SegmentOptions) -> bool:
    """Whether all outputs are there, whatever is in them; of those for each object, at least one."""
    return bool(paths := _written(job)) and all(_exists(path) for path in paths)


def _exists(path: Path) -> bool:
    if OBJECT_FIELD in str(path):
        anchor = Path(path.anchor)
        return any(anchor.glob(str(path.relative_to(anchor)).replace(OBJECT_FIELD, "*")))
    return any(path.iterdir()) if path.is_dir() else path.exists()


def _do(
    job: SegmentOptions, segment: Callable[[SegmentOptions], SegmentReport], on_stop: Callable[[ClipOutcome], None]
) -> ClipOutcome:
    begun = monotonic()

    def failed(error: Exception, text: str) -> ClipOutcome:
        code = error.code if isinstance(error, VostoolError) else VostoolError.code
        return ClipOutcome(str(job.source), "failed", monotonic() - begun, None, text, code)

    try:
        report = segment(job)
    except (Interrupted, EnvironmentProblem) as error:
        on_stop(failed(error, str(error)))
        raise
    except VostoolError as error:
        return failed(error, str(error))
    except BrokenPipeError:
        raise
    except Exception as error:
        if os.environ.get("VOSTOOL_DEBUG"):
            raise
        text = " ".join(str(error).split()) or type(error).__name__
        return failed(error, f"unexpected {type(error).__name__}: {text}")
    return ClipOutcome(str(job.source), "done", monotonic() - begun, report)


def _make_own_folders(patterns: Sequence[str], stem: str) -> None:
    """Those that are named by the clip, below folders that are there; whatever is wrong with them is told later."""
    for pattern in patterns:
        folder = Path(pattern).parent
        named = [each for each in (folder, *folder.parents) if STEM_FIELD in each.name]
        if named and named[-1].parent.is_dir() and OBJECT_FIELD not in str(folder):
            with suppress(OSError):
                Path(str(folder).replace(STEM_FIELD, stem)).mkdir(parents=True, exist_ok=True)
