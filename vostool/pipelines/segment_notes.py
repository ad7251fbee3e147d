"""What a segmentation job tells its user in words."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator

from vostool.errors import Interrupted
from vostool.pipelines.report import SegmentReport
from vostool.pipelines.result_loop import ResultLoop
from vostool.pipelines.segment_options import SegmentOptions
from vostool.pipelines.segment_plan import SegmentPlan
from vostool.pipelines.shots import SceneCutPolicy
from vostool.pipelines.signals import StopRequest
from vostool.pipelines.spans import clock
from vostool.pipelines.watch import FrameRecord
from vostool.types import VideoInfo
from vostool.video.writing.output_kind import OutputPlan

# What is done about a new shot, said after where it begins.
CUT_ACTIONS: dict[SceneCutPolicy, str] = {
    "warn": "",
    "stop": "; nothing is followed from there to the next mask",
    "reset": "; all but the masks is forgotten",
    "off": "",
}


def describe_cut(record: FrameRecord, policy: SceneCutPolicy) -> str:
    """Where a new shot begins, and what is done about it."""
    return f"a new shot begins at frame {record.frame} ({clock(record.time)}){CUT_ACTIONS[policy]}"


def describe_silent_files(options: SegmentOptions, plans: Iterable[OutputPlan], info: VideoInfo) -> str:
    """Videos that get no sound because it comes through a pipe, once; empty if there are none."""
    files = [str(plan.path) for plan in plans if not plan.is_folder and not plan.is_stream]
    if str(options.source) != "-" or not options.copy_audio or not info.num_audio_streams or not files:
        return ""
    return f"sound that comes through a pipe goes to standard output only: {', '.join(files)} will have none"


def describe_unmet_masks(plan: SegmentPlan, num_frames: int) -> str:
    """Masks after the end of a clip, of which a pipe does not tell before; empty if there are none."""
    end, stop = plan.start + num_frames, plan.stop
    unmet = [frame for frame in plan.annotations.frames if frame >= end and (stop is None or frame < stop)]
    frames = ", ".join(map(str, unmet[:3])) + (", ..." if len(unmet) > 3 else "")
    return f"the clip ended at frame {end - 1}: the masks of frames {frames} were not used" if unmet else ""


def describe_interruption(loop: ResultLoop, stop: StopRequest, *, can_resume: bool) -> Interrupted:
    """The error after a signal: how far it came, where that is, and how to go on."""
    assert stop.signal_number is not None
    name = signal.Signals(stop.signal_number).name
    parts = ", ".join(str(part) for sink in loop.sinks for part in sink.parts)
    hints = [f"they are in {parts}" if parts else "", "--resume goes on with them" if can_resume else ""]
    message = f"stopped by {name} after {loop.num_taken} frames"
    return Interrupted(message, "; ".join(filter(None, hints)), signal_number=stop.signal_number)


def describe_damage(report: SegmentReport, info: VideoInfo) -> Iterator[str]:
    """What was wrong with the clip."""
    if report.corrupt_frames:
        are = "frame is" if report.corrupt_frames == 1 else "frames are"
        yield f"{report.corrupt_frames} {are} corrupt; the mask before is repeated there"
    if report.is_short:
        num_frames = report.first_frame + report.frames_in
        yield f"the file ends early: {num_frames} frames{_promise(info)}; is it whole?"


def _promise(info: VideoInfo) -> str:
    """How many frames the container spoke of, as far as that is known."""
    if info.num_frames is None:
        return ""
    return f" of {info.num_frames}" if info.is_num_frames_exact else f" of about {info.num_frames}"
