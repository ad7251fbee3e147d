"""The main job: a clip and a mask of one frame in, masks and videos out."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from vostool.errors import Interrupted, VostoolError
from vostool.memory.options import MemoryOptions, idle_options
from vostool.memory.readers import Counting
from vostool.pipelines.exhaustion import memory_errors
from vostool.pipelines.first_frame import FirstFrameTuner, plan_steps
from vostool.pipelines.masks import MaskSource, read_annotation
from vostool.pipelines.report import FrameProgress, Listeners, ObjectSummary, SegmentReport, peak_rss_bytes
from vostool.pipelines.signals import StopRequest, catch_stop_signals
from vostool.propagation.preprocess import plan_geometry
from vostool.propagation.propagator import DEFAULT_SHORT_SIDE, propagate
from vostool.propagation.segmenter import Segmenter
from vostool.systems import build_segmenter, find_members, find_system, override
from vostool.types import Annotation, FrameResult, VideoInfo
from vostool.video.background import background
from vostool.video.images import DEFAULT_FRAME_RATE
from vostool.video.interface import VideoReader
from vostool.video.mask_report import summary_line
from vostool.video.output_kind import OutputPlan, check_outputs, part_path, resolve_outputs
from vostool.video.prefetch import prefetch
from vostool.video.reader import open_video, read_frame_at
from vostool.video.sinks import Sink, open_sink
from vostool.weights.load import file_sha256

NOBODY = Listeners()
OUT_OF_MEMORY = "use a smaller --size or fewer --memory-frames"


@dataclass(frozen=True)
class SegmentOptions:
    """What to do.

    Attributes:
        source: Video file or folder of images.
        masks: The objects of frame 0.
        outputs: Paths; empty for ``CLIP_masks/`` in the current folder.
        emits: Kinds of outputs; empty to go by the extensions.
        overwrite: Whether outputs that exist are replaced.
        copy_audio: Whether videos get the source's sound.
        frame_rate: Of a folder of images; None for 24.
        size: Short side of the picture that the network sees; never scaled up.
        system, weights, device, precision, flip, scales, ensemble: See ``build_segmenter``.
        finetune_first_frame: Whether copies of the networks are fine-tuned on frame 0 first.
        finetune_steps: For how many steps; None for the recipe's.
        memory, memory_frames, memory_every, top_k, counting, pin, floor, temporary_previous, restarts: See
            ``MemoryOptions``; None keeps the system's default.
    """

    source: Path
    masks: MaskSource
    outputs: tuple[str, ...] = ()
    emits: tuple[str, ...] = ()
    overwrite: bool = False
    copy_audio: bool = True
    frame_rate: Fraction | None = None
    size: int = DEFAULT_SHORT_SIDE
    system: str = "lite"
    weights: Path | None = None
    device: str = "auto"
    precision: str = "auto"
    flip: bool = False
    scales: tuple[float, ...] = ()
    ensemble: tuple[Path, ...] = ()
    finetune_first_frame: bool = False
    finetune_steps: int | None = None
    memory: str | None = None
    memory_frames: float | None = None
    memory_every: int | None = None
    top_k: int | None = None
    counting: Counting | None = None
    pin: bool | None = None
    floor: float | None = None
    temporary_previous: bool | None = None
    restarts: bool | None = None


def segment_video(
    options: SegmentOptions,
    on_frame: Callable[[FrameProgress], None] | None = None,
    listeners: Listeners = NOBODY,
) -> SegmentReport:
    """Follows the objects of a mask through a clip and writes every output.

    Args:
        on_frame: Called after each frame, in place of ``listeners.on_frame``.
        listeners: Told of frames, notes and warnings.

    Raises:
        VostoolError: Or one of its kinds, see ``vostool.errors``; finished outputs are never left half written under
            their final names.
    """
    if on_frame is not None:
        listeners = replace(listeners, on_frame=on_frame)
    with memory_errors(OUT_OF_MEMORY), open_video(options.source, options.frame_rate or DEFAULT_FRAME_RATE) as reader:
        return _Job(options, reader, listeners).run()


class _Job:
    """One clip from first check to final name; the report is filled on the way."""

    def __init__(self, options: SegmentOptions, reader: VideoReader, listeners: Listeners) -> None:
        self._options = options
        self._reader = reader
        self._listeners = listeners
        self._report = SegmentReport(str(options.source))

    def run(self) -> SegmentReport:
        """What is cheap to check comes first, so that mistakes are told before the network is loaded."""
        options, info = self._options, self._reader.info
        self._report.finetune_steps = plan_steps(options.finetune_first_frame, options.finetune_steps)
        plans = resolve_outputs(options.outputs, options.emits, str(options.source))
        check_outputs(plans, options.overwrite, options.source)
        annotation = read_annotation(options.masks, info.size, options.source)
        self._note(summary_line(annotation))
        segmenter = self._build(info, annotation)
        with catch_stop_signals() as stop, ExitStack() as stack:
            sinks = [stack.enter_context(self._open_sink(plan, annotation)) for plan in plans]
            self._propagate(segmenter, annotation, sinks, stop)
            self._check_all_written(stop, plans)
            for sink in sinks:
                sink.finish()
        self._close_report(segmenter, plans, sinks)
        return self._report

    def _build(self, info: VideoInfo, annotation: Annotation) -> Segmenter:
        options, report = self._options, self._report
        used = [
            {"system": system.name, "weights": str(path), "weights_sha256": file_sha256(path)}
            for system, path in find_members(options.system, options.weights, options.ensemble)
        ]
        memory = {field.name: getattr(options, field.name) for field in fields(MemoryOptions)}
        self._warn_of_idle_options(options.system, memory)
        tuner = self._make_tuner(annotation) if report.finetune_steps else None
        segmenter = build_segmenter(
            options.system, options.weights, options.device, precision=options.precision, flip=options.flip,
            scales=options.scales, ensemble=options.ensemble, prepare=tuner, **memory,
        )  # fmt: skip
        report.finetune_seconds = tuner.seconds if tuner else 0.0
        geometry = plan_geometry(info.size, options.size, segmenter.canvas)
        report.device = str(segmenter.device)
        report.precision = str(segmenter.precision).removeprefix("torch.")
        report.system, report.weights = used[0]["system"], used[0]["weights"]
        report.weights_sha256 = used[0]["weights_sha256"]
        report.ensemble = used[1:]
        report.source_size, report.network_size = info.size, geometry.network_size
        height, width = geometry.network_size
        names = " + ".join(each["system"] for each in used)
        self._note(f"{names} on {report.device} in {report.precision}; the network sees {width}x{height}")
        return segmenter

    def _make_tuner(self, annotation: Annotation) -> FirstFrameTuner:
        options = self._options
        return FirstFrameTuner(
            read_frame_at(options.source, 0).image, annotation.labels, options.device, options.size,
            self._report.finetune_steps, self._listeners.on_step, self._note,
        )  # fmt: skip

    def _warn_of_idle_options(self, system: str, overrides: dict[str, object]) -> None:
        memory = override(find_system(system), overrides)
        if memory and (idle := idle_options(memory, overrides)):
            self._warn(f"{', '.join(idle)} without effect: only the lfu memory has it, and this one is {memory.memory}")

    def _open_sink(self, plan: OutputPlan, annotation: Annotation) -> Sink:
        options = self._options
        sink = open_sink(
            plan.kind, plan.path, self._reader.info, annotation.object_ids, source=options.source,
            copy_audio=options.copy_audio, overwrite=options.overwrite,
        )  # fmt: skip
        return background(sink)

    def _propagate(
        self, segmenter: Segmenter, annotation: Annotation, sinks: Sequence[Sink], stop: StopRequest
    ) -> None:
        """The loop; ends with the clip or at the first signal."""
        report, started = self._report, time.monotonic()
        report.objects = [ObjectSummary(object_id) for object_id in annotation.object_ids]
        with closing(prefetch(self._reader)) as frames:
            for result in propagate(segmenter, frames, {0: annotation}, short_side=self._options.size):
                for sink in sinks:
                    sink.write(result)
                report.frames_out += 1
                report.seconds = time.monotonic() - started
                _count_objects(report.objects, result)
                num_frames = self._reader.info.num_frames
                self._listeners.on_frame(FrameProgress(report.frames_out, num_frames, report.seconds, result))
                if stop.signal_number is not None:
                    return

    def _check_all_written(self, stop: StopRequest, plans: Sequence[OutputPlan]) -> None:
        report, reader = self._report, self._reader
        if stop.signal_number is not None:
            name = signal.Signals(stop.signal_number).name
            parts = ", ".join(str(part_path(plan.path)) for plan in plans)
            raise Interrupted(
                f"stopped by {name} after {report.frames_out} frames",
                f"they are in {parts}",
                signal_number=stop.signal_number,
            )
        report.frames_in, report.corrupt_frames = reader.num_frames_read, reader.num_corrupt
        if report.frames_in != report.frames_out:
            raise VostoolError(f"{report.frames_in} frames were read but {report.frames_out} written", code="frames")
        report.is_short = reader.is_short
        if report.corrupt_frames:
            are = "frame is" if report.corrupt_frames == 1 else "frames are"
            self._warn(f"{report.corrupt_frames} {are} corrupt; the mask before is repeated there")
        if report.is_short:
            self._warn(f"the file ends early: {report.frames_in} frames{_promise(reader.info)}; is it whole?")

    def _close_report(self, segmenter: Segmenter, plans: Sequence[OutputPlan], sinks: Sequence[Sink]) -> None:
        report = self._report
        report.outputs = [{"kind": plan.kind, "path": str(plan.path)} for plan in plans]
        report.frames_per_second = report.frames_out / report.seconds if report.seconds else 0.0
        report.memory_bank_bytes = segmenter.num_memory_bytes
        report.peak_rss_bytes = peak_rss_bytes()
        for sink in sinks:
            for text in sink.warnings:
                self._warn(text)

    def _note(self, text: str) -> None:
        self._report.notes.append(text)
        self._listeners.on_note(text)

    def _warn(self, text: str) -> None:
        self._report.warnings.append(text)
        self._listeners.on_warning(text)


def _promise(info: VideoInfo) -> str:
    """How many frames the container spoke of, as far as that is known."""
    if info.num_frames is None:
        return ""
    return f" of {info.num_frames}" if info.is_num_frames_exact else f" of about {info.num_frames}"


def _count_objects(objects: Sequence[ObjectSummary], result: FrameResult) -> None:
    counts = np.bincount(result.labels.ravel(), minlength=256)
    for summary in objects:
        summary.add(result.frame.index, counts[summary.object_id] / result.labels.size)
