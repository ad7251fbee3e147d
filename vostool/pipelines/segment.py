"""The main job: a clip and masks in, masks and videos out."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any

from vostool.errors import Interrupted, OutputError, VostoolError
from vostool.pipelines.continuation import Continuation
from vostool.pipelines.delivery import Delivery, resolve_delivery
from vostool.pipelines.exhaustion import memory_errors
from vostool.pipelines.finesse import Finesse
from vostool.pipelines.first_frame import plan_steps
from vostool.pipelines.following import Following
from vostool.pipelines.frame_records import RecordFile, check_records, deliver_records
from vostool.pipelines.report import FrameProgress, Listeners, ObjectSummary, SegmentReport, peak_rss_bytes
from vostool.pipelines.result_loop import ResultLoop
from vostool.pipelines.segment_network import JobNetwork
from vostool.pipelines.segment_notes import (
    describe_cut,
    describe_damage,
    describe_interruption,
    describe_silent_files,
    describe_unmet_masks,
)
from vostool.pipelines.segment_options import SegmentOptions
from vostool.pipelines.segment_plan import check_options, make_plan
from vostool.pipelines.signals import StopRequest, catch_stop_signals
from vostool.pipelines.spans import MOST_LINES, describe_findings
from vostool.propagation.segmenter import Segmenter
from vostool.systems import build_segmenter
from vostool.types import Frame
from vostool.video.pipes.reader import PipeReader, open_pipe
from vostool.video.reading.images import DEFAULT_FRAME_RATE
from vostool.video.reading.interface import VideoReader
from vostool.video.reading.reader import open_video
from vostool.video.writing.sink_state import CANNOT_RESUME

NOBODY = Listeners()
OUT_OF_MEMORY = "use a smaller --size or fewer --memory-frames"


def segment_video(
    options: SegmentOptions,
    on_frame: Callable[[FrameProgress], None] | None = None,
    listeners: Listeners = NOBODY,
    make_segmenter: Callable[..., Segmenter] | None = None,
) -> SegmentReport:
    """Follows the objects of masks through a clip and writes every output.

    Args:
        on_frame: Called after each frame, in place of ``listeners.on_frame``.
        listeners: Told of frames, notes and warnings.
        make_segmenter: In place of ``build_segmenter``, for callers that use one for several clips.

    Raises:
        VostoolError: Or one of its kinds, see ``vostool.errors``; finished outputs are never left half written under
            their final names.
    """
    if on_frame is not None:
        listeners = replace(listeners, on_frame=on_frame)
    check_options(options)
    delivery = resolve_delivery(options)
    with memory_errors(OUT_OF_MEMORY), _open_source(options, delivery) as reader:
        return _Job(options, delivery, reader, listeners, make_segmenter or build_segmenter).run()


def _open_source(options: SegmentOptions, delivery: Delivery) -> VideoReader:
    """The clip, or what comes through standard input."""
    if str(options.source) != "-":
        return open_video(
            options.source, options.frame_rate or DEFAULT_FRAME_RATE, keeps_depth=delivery.keeps_depth,
            deinterlace=options.deinterlace,
        )  # fmt: skip
    return open_pipe(
        sys.stdin.buffer, keeps_depth=delivery.keeps_depth, deinterlace=options.deinterlace,
        keeps_sound=delivery.has_stream and options.copy_audio,
    )  # fmt: skip


class _Job:
    """One clip from first check to final name; the report is filled on the way."""

    def __init__(
        self,
        options: SegmentOptions,
        delivery: Delivery,
        reader: VideoReader,
        listeners: Listeners,
        make_segmenter: Callable[..., Segmenter],
    ) -> None:
        self._options = options
        self._delivery = delivery
        self._reader = reader
        self._listeners = listeners
        self._report = SegmentReport(str(options.source))
        self._network = JobNetwork(options, self._report, listeners, make_segmenter)
        self._num_cuts = 0

    def run(self) -> SegmentReport:
        """What is cheap to check comes first, so that mistakes are told before the network is loaded."""
        options, info = self._options, self._reader.info
        self._report.finetune_steps = plan_steps(options.finetune_first_frame, options.finetune_steps)
        self._tell(info.notes)
        self._plan = plan = make_plan(options, info, self._note)
        self._tell(plan.annotations.notes)
        self._delivery = self._delivery.expand(plan.annotations.object_ids)
        self._continuation = Continuation(options, self._delivery, plan.annotations, self._network.find_weights())
        if self._continuation.is_done:
            self._note("every output is there already: nothing to do")
            return self._report
        state = self._bring_back(self._continuation.begin(plan.resume_from, self._note))
        if state is None:
            self._delivery.check(options, self._reader, plan.annotations.object_ids)
            touched = [options.source, *self._delivery.paths, *plan.annotations.paths]
            check_records(options.records, options.overwrite or plan.resume_from is not None, touched)
        if silent := describe_silent_files(options, self._delivery.plans, info):
            self._warn(silent)
        self._report.first_frame, self._report.direction = plan.start, plan.passes.direction
        self._network.build(info, plan)
        with catch_stop_signals() as stop, ExitStack() as stack:
            if isinstance(self._reader, PipeReader):
                stop.on_stop = self._reader.stop
            loop = self._follow(state, stop, stack)
            for sink in loop.sinks:
                sink.finish()
        self._close_report(loop)
        return self._report

    def _follow(self, state: dict[str, Any] | None, stop: StopRequest, stack: ExitStack) -> ResultLoop:
        """Every frame from the first one, or from a state on, into the sinks."""
        following = self._make_following(stop)
        if state is None:
            self._continuation.clear()
        loop = self._make_loop(state, stack)
        first = self._plan.start if state is None else state["next_frame"] - len(state["loop"]["waiting"])
        frames = following.frames(first)
        stack.callback(frames.close)
        if state is not None:
            following.restore(state["following"])
            loop.restore(state["loop"], frames)
            following.num_frames_read = 0  # What was read so far was read by the run before, too.
            self._report.resumed_frames = loop.num_taken
        self._run(loop, following, frames, stop)
        self._check_all_written(loop, following)
        loop.flush()
        if self._continuation.folder.has_state:
            # A run that is killed from here on finds everything written, and has only to finish.
            self._save(loop, following, self._plan.start + loop.num_taken)
        return loop

    def _bring_back(self, state: dict[str, Any] | None) -> dict[str, Any] | None:
        """The state of a finished job, with the first frames of its outputs; None if they do not fit it any more."""
        if state is None or self._plan.resume_from is None:
            return state
        loop = state["loop"]
        try:
            return {**state, "loop": {**loop, "sinks": self._delivery.reopen(self._reader.info, loop["sinks"])}}
        except OutputError as error:
            if error.code != CANNOT_RESUME:
                raise
            self._note(f"{error.message}: everything is done again")
            return None

    def _run(self, loop: ResultLoop, following: Following, frames: Iterable[Frame], stop: StopRequest) -> None:
        """The loop; ends with the clip or at the first signal."""
        report, self._started = self._report, time.monotonic()
        total = self._plan.num_frames(self._reader.info)
        every = self._options.checkpoint_every if self._continuation.is_possible else 0
        for result in following.results(frames):
            record = loop.take(result)
            if record.is_cut:
                self._num_cuts += 1
                if self._num_cuts <= MOST_LINES:
                    self._warn(describe_cut(record, self._options.scene_cuts))
            report.frames_out, report.seconds = loop.num_taken, time.monotonic() - self._started
            self._listeners.on_frame(
                FrameProgress(loop.num_taken, total, report.seconds, result, record, report.resumed_frames)
            )
            is_stopped = stop.signal_number is not None
            if every and (is_stopped or loop.num_taken % every == 0):
                self._save(loop, following, result.frame.index + 1)
            if is_stopped:
                raise describe_interruption(loop, stop, can_resume=self._continuation.is_possible)

    def _save(self, loop: ResultLoop, following: Following, next_frame: int) -> None:
        state = {"loop": loop.state(), "following": following.state()}
        self._continuation.save(next_frame, state)

    def _make_following(self, stop: StopRequest) -> Following:
        def tell(num_done: int, num_frames: int) -> None:
            self._listeners.on_backward(num_done, num_frames)
            self._started = time.monotonic()  # The rate that is told is that of the frames that are written.
            if stop.signal_number is not None:
                name = signal.Signals(stop.signal_number).name
                message = f"stopped by {name} in the backward pass, before the first frame was written"
                raise Interrupted(message, "it has to be begun anew", signal_number=stop.signal_number)

        return Following(
            self._options, self._plan, self._reader, self._network.make_follower,
            self._continuation.folder.path, keeps_depth=self._delivery.keeps_depth, on_backward=tell,
        )  # fmt: skip

    def _tidy_after_errors(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._continuation.folder.tidy()

    @property
    def _is_part(self) -> bool:
        return self._plan.start > 0 or self._plan.stop is not None

    def _make_loop(self, state: dict[str, Any] | None, stack: ExitStack) -> ResultLoop:
        options, annotations = self._options, self._plan.annotations
        self._continuation.folder.prepare()
        stack.push(self._tidy_after_errors)
        saved = state["loop"] if state else None
        records = RecordFile(self._continuation.folder.records_path, saved["records"] if saved else None)
        stack.callback(records.close)
        sinks = self._delivery.open_sinks(
            options, self._reader, annotations.object_ids, is_part=self._is_part, states=saved and saved["sinks"]
        )
        self._tell(note for sink in sinks for note in sink.notes)
        objects = [ObjectSummary(object_id) for object_id in annotations.object_ids]
        finesse = Finesse(self._delivery.finesse(options.finesse, self._reader.info.height))
        sinks = [stack.enter_context(sink) for sink in sinks]
        drops = self._plan.passes.drops
        return ResultLoop(sinks, records, finesse, annotations, drops, options.scene_cuts != "off", objects)

    def _check_all_written(self, loop: ResultLoop, following: Following) -> None:
        report = self._report
        report.frames_in, report.frames_out = following.num_frames_read + report.resumed_frames, loop.num_taken
        report.corrupt_frames, report.is_short = loop.num_corrupt, following.is_short
        if report.frames_in != report.frames_out:
            raise VostoolError(f"{report.frames_in} frames were read but {report.frames_out} written", code="frames")
        for text in describe_damage(report, self._reader.info):
            self._warn(text)

    def _close_report(self, loop: ResultLoop) -> None:
        report, findings = self._report, loop.watch.finish()
        report.outputs = self._delivery.listing
        num_own = report.frames_out - report.resumed_frames
        report.frames_per_second = num_own / report.seconds if report.seconds else 0.0
        report.memory_bank_bytes = self._network.num_memory_bytes
        report.peak_rss_bytes = peak_rss_bytes()
        report.objects = loop.objects
        report.spans, report.frames_to_annotate = list(findings.spans), list(findings.frames)
        for text in [text for sink in loop.sinks for text in sink.warnings]:
            self._warn(text)
        if self._num_cuts > MOST_LINES:
            self._warn(f"{self._num_cuts - MOST_LINES} more new shots; --json lists them")
        self._tell(describe_findings(findings))
        if unmet := describe_unmet_masks(self._plan, report.frames_out):
            self._warn(unmet)
        loop.records.close()
        self._continuation.keep_records()
        if self._options.records is not None:
            deliver_records(self._continuation.folder.records_path, self._options.records)
        self._continuation.finish()

    def _tell(self, notes: Iterable[str]) -> None:
        for text in notes:
            self._note(text)

    def _note(self, text: str) -> None:
        self._report.add_note(text, self._listeners)

    def _warn(self, text: str) -> None:
        self._report.add_warning(text, self._listeners)
