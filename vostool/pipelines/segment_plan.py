"""What a segmentation job will do, settled and checked before the network is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vostool.errors import UsageError
from vostool.pipelines.directions import DIRECTIONS, Direction, Passes, plan_passes
from vostool.pipelines.masks import read_annotations
from vostool.pipelines.moments import locate, locate_span, parse_drop, parse_moment
from vostool.pipelines.segment_options import SegmentOptions
from vostool.pipelines.shots import SCENE_CUT_POLICIES
from vostool.types import VideoInfo
from vostool.video.masks.annotation_set import AnnotationSet


@dataclass(frozen=True)
class SegmentPlan:
    """Frames and objects of a job.

    Attributes:
        annotations: By frame index.
        start, stop: The first frame that is taken and the first that is not; None for the end of the clip.
        passes: In which directions the objects are followed.
        resume_from: Frame from which on a finished job is done again; None for all of it.
    """

    annotations: AnnotationSet
    start: int
    stop: int | None
    passes: Passes
    resume_from: int | None = None

    @property
    def first_annotated(self) -> int:
        """The first frame with a mask, within the range."""
        return next(frame for frame in self.annotations.frames if frame >= self.start)

    def num_frames(self, info: VideoInfo) -> int | None:
        """Frames to write; None if unknown."""
        if self.stop is not None:
            return self.stop - self.start
        return None if info.num_frames is None else max(0, info.num_frames - self.start)


def make_plan(options: SegmentOptions, info: VideoInfo, on_note: Callable[[str], None]) -> SegmentPlan:
    """Looks up moments, reads every mask once, and chooses the direction.

    Raises:
        UsageError: A moment is not in the clip, a range is empty or holds no mask, or options contradict each other.
        MaskError: A mask cannot be used.
        VideoError: The clip cannot be read.
    """
    start, stop = _locate_range(options, info)
    annotations = read_annotations(options.masks, info, first_frame=start)
    inside = [frame for frame in annotations.frames if start <= frame and (stop is None or frame < stop)]
    if not inside:
        known = ", ".join(map(str, annotations.frames[:3]))
        message = f"no mask lies between --start and --end; there are masks of frame {known}"
        raise UsageError(message, "give a mask inside the range", code="usage.span")
    if outside := len(annotations) - len(inside):
        on_note(f"{outside} of {len(annotations)} masks lie outside the range and are not used")
    direction = options.direction or ("both" if inside[0] > start else "forward")
    if not options.direction and direction == "both":
        on_note(f"the first mask is that of frame {inside[0]}: objects are followed backward from there, too")
    _check_direction(options, direction)
    drops = _locate_drops(options, info, annotations.object_ids)
    passes = plan_passes(annotations, direction, start=start, stop=stop, drops=drops)
    return SegmentPlan(annotations, start, stop, passes, _locate_redo(options, info))


def check_options(options: SegmentOptions) -> None:
    """Refuse what contradicts itself before anything is opened.

    Raises:
        UsageError: A name is unknown, or a pipe is to be read backward.
    """
    named = (("--direction", options.direction, DIRECTIONS), ("--scene-cuts", options.scene_cuts, SCENE_CUT_POLICIES))
    for option, name, known in named:
        if name is not None and name not in known:
            raise UsageError(f"there is no {option} '{name}'", f"give {', '.join(known)}", code="usage.name")
    if options.direction is not None:
        _check_direction(options, options.direction)
    if str(options.source) == "-" and options.finetune_first_frame:
        message = "--finetune-first-frame reads the first frame before all others, which a pipe gives only once"
        raise UsageError(message, "give a file", code="usage.finetune")


def _locate_range(options: SegmentOptions, info: VideoInfo) -> tuple[int, int | None]:
    start, end = (None if text is None else parse_moment(text) for text in (options.start, options.end))
    return locate_span(start, end, options.source, info)


def _locate_drops(
    options: SegmentOptions, info: VideoInfo, known_ids: tuple[int, ...]
) -> Mapping[int, tuple[int, ...]]:
    drops: dict[int, tuple[int, ...]] = {}
    for text in options.drops:
        object_ids, position = parse_drop(text)
        if unknown := [object_id for object_id in object_ids if object_id not in known_ids]:
            hint = f"the masks have {', '.join(map(str, known_ids))}"
            raise UsageError(f"--drop {text}: there is no object {unknown[0]}", hint, code="usage.drop")
        frame = locate([position], options.source, info)[position]
        drops[frame] = drops.get(frame, ()) + object_ids
    return drops


def _locate_redo(options: SegmentOptions, info: VideoInfo) -> int | None:
    if options.resume_from is None:
        return None
    position = parse_moment(options.resume_from)
    return locate([position], options.source, info)[position]


def _check_direction(options: SegmentOptions, direction: Direction) -> None:
    """What needs the frames more than once, or only once."""
    if str(options.source) == "-" and direction != "forward":
        message = f"--direction {direction} needs an input in which one can go back, and this is a pipe"
        raise UsageError(message, "give a file, or a mask of the first frame", code="usage.direction")
    if options.resume_from is not None and direction != "forward":
        message = f"--resume-from works forward, but a new mask changes frames before it with --direction {direction}"
        raise UsageError(message, "leave --resume-from out, or use --direction forward", code="usage.direction")
