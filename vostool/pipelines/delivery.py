"""What a job delivers, and the sinks that write it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vostool.datasets.exports.export import open_export
from vostool.datasets.exports.plan import ExportPlan, resolve_exports
from vostool.errors import InputError, UsageError
from vostool.pipelines.finesse import FinesseOptions, options_for
from vostool.pipelines.segment_options import SegmentOptions
from vostool.types import VideoInfo
from vostool.video.pipes.formats import DEFAULT_STREAM_FORMAT, require_stream_format
from vostool.video.pipes.reader import PipeReader
from vostool.video.pipes.sink import StreamSink
from vostool.video.reading.interface import VideoReader
from vostool.video.writing.background import background
from vostool.video.writing.output_kind import (
    OutputPlan,
    check_outputs,
    expand_objects,
    is_folder_path,
    joined_path,
    part_path,
    resolve_outputs,
)
from vostool.video.writing.pictures import PLAIN, PictureStyle, keeps_depth, style_of
from vostool.video.writing.presets import PRESETS, Preset
from vostool.video.writing.reopen import reopen
from vostool.video.writing.sink_state import SinkState
from vostool.video.writing.sinks import Sink, open_sink


@dataclass(frozen=True)
class Delivery:
    """The outputs of one job.

    Attributes:
        plans: In the order in which they were given.
        exports: Data sets.
        style: Of the pictures.
        preset: What the next tool wants; None if none was named.
    """

    plans: tuple[OutputPlan, ...]
    exports: tuple[ExportPlan, ...]
    style: PictureStyle
    preset: Preset | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """Final places of all files and folders."""
        return (*(plan.path for plan in self.plans if not plan.is_stream), *(plan.path for plan in self.exports))

    @property
    def has_stream(self) -> bool:
        """Whether something goes to standard output."""
        return any(plan.is_stream for plan in self.plans)

    @property
    def keeps_depth(self) -> bool:
        """Whether an output shows the source's own pixels."""
        return keeps_depth(self.plans)

    @property
    def listing(self) -> list[dict[str, str]]:
        """Kind and path of each, for the report."""
        plans: list[OutputPlan | ExportPlan] = [*self.plans, *self.exports]
        return [{"kind": plan.kind, "path": str(plan.path)} for plan in plans]

    def finesse(self, options: FinesseOptions, height: int) -> FinesseOptions:
        """What is done to the alpha, that of the preset included."""
        return options_for(self.preset, height, options) if self.preset else options

    def expand(self, object_ids: Sequence[int]) -> Delivery:
        """The same with one output for each object, where a path asks for it."""
        return replace(self, plans=tuple(expand_objects(list(self.plans), object_ids)))

    def check(self, options: SegmentOptions, reader: VideoReader, object_ids: Sequence[int]) -> None:
        """Refuse, before any work, what could not be written at the end; see ``check_outputs``, ``open_export``."""
        self._refuse_collisions(options)
        check_outputs(self.plans, _overwrites(options), options.source)
        opening = _Opening(options, reader, tuple(object_ids), is_part=False)
        for plan in self.exports:
            opening.export(plan, None)

    def _refuse_collisions(self, options: SegmentOptions) -> None:
        """Raises UsageError if one output, or what it grows in, is another one."""
        every = [*self.paths, *([options.records] if options.records else [])]
        places = Counter(place for path in every for place in {each.resolve() for each in _places(path)})
        for path in every:
            if any(places[each.resolve()] > 1 for each in _places(path)):
                raise UsageError(
                    f"two outputs would be written to {path}", "give each its own name", code="output.path"
                )

    def reopen(self, info: VideoInfo, states: Sequence[SinkState]) -> list[SinkState]:
        """The states of a checkpoint of the finished outputs, their first frames being brought back; see ``reopen``."""
        return [
            reopen(plan.kind, plan.path, info, state, style=style_of(plan, self.style))
            for plan, state in zip(self.plans, states, strict=True)
        ]

    def open_sinks(
        self,
        options: SegmentOptions,
        reader: VideoReader,
        object_ids: Sequence[int],
        *,
        is_part: bool,
        states: Sequence[SinkState] | None = None,
    ) -> list[Sink]:
        """One sink for each output, plans before exports.

        Args:
            reader: Of the whole clip.
            is_part: Whether only a part of it is written.
            states: Of the checkpoint to go on from, in the same order; None to begin.
        """
        opening = _Opening(options, reader, tuple(object_ids), is_part)
        num_sinks = len(self.plans) + len(self.exports)
        resumes: Sequence[SinkState | None] = [None] * num_sinks if states is None else states
        if len(resumes) != num_sinks:
            raise InputError("the state is of other outputs", "start anew without resuming", code="state.damaged")
        num_plans = len(self.plans)
        sinks = [opening.output(each, self.style, state) for each, state in zip(self.plans, resumes, strict=False)]
        exports = zip(self.exports, resumes[num_plans:], strict=True)
        return [background(sink) for sink in [*sinks, *(opening.export(each, state) for each, state in exports)]]


@dataclass(frozen=True)
class _Opening:
    """What all sinks of a job are opened with."""

    options: SegmentOptions
    reader: VideoReader
    object_ids: tuple[int, ...]
    is_part: bool

    def output(self, plan: OutputPlan, base: PictureStyle, state: SinkState | None) -> Sink:
        if plan.is_stream:
            return self._stream(plan, base)
        options = self.options
        return open_sink(
            plan.kind, plan.path, self.reader.info, self.object_ids, source=options.source,
            copy_audio=options.copy_audio, overwrite=_overwrites(options), style=style_of(plan, base), resume=state,
            is_part=self.is_part,
        )  # fmt: skip

    def export(self, plan: ExportPlan, state: SinkState | None) -> Sink:
        options = self.options
        return open_export(
            plan.kind, plan.path, self.reader.info, self.object_ids, source=options.source, resume=state,
            overwrite=_overwrites(options),
        )  # fmt: skip

    def _stream(self, plan: OutputPlan, base: PictureStyle) -> Sink:
        options, reader = self.options, self.reader
        return StreamSink(
            plan.kind, sys.stdout.buffer, reader.info, self.object_ids,
            stream_format=options.stream_format or DEFAULT_STREAM_FORMAT, source=options.source,
            sound=reader.sound if isinstance(reader, PipeReader) else None, copy_audio=options.copy_audio,
            style=style_of(plan, base), is_part=self.is_part,
        )  # fmt: skip


def resolve_delivery(options: SegmentOptions) -> Delivery:
    """Turns options into outputs.

    Raises:
        UsageError: They contradict each other or name what there is not.
    """
    preset = _find_preset(options.preset)
    emits, outputs, style = options.emits, options.outputs, PLAIN
    if preset is not None:
        if emits:
            message = f"--preset {preset.name} says what is written, and so does --emit {emits[0]}"
            raise UsageError(message, "leave one of them out", code="usage.preset")
        emits, outputs, style = (preset.kind,), outputs or (preset.folder_name,), preset.style
    style = replace(style, premultiplied=options.premultiplied, still_suffix=options.still_suffix)
    if options.stream_format is not None and "-" not in outputs:
        message = f"--stdout-format {options.stream_format} needs -o -"
        raise UsageError(message, "leave it out, or write to standard output", code="output.stream_format")
    is_export_alone = bool(options.exports) and not outputs and not emits
    plans = () if is_export_alone else tuple(resolve_outputs(outputs, emits, str(options.source)))
    for plan in plans:
        if plan.is_stream:
            require_stream_format(plan.kind, options.stream_format or DEFAULT_STREAM_FORMAT)
    return Delivery(plans, tuple(resolve_exports(options.exports)), style, preset)


def _places(path: Path) -> list[Path]:
    """Where an output is, and where it grows."""
    return [path, part_path(path), *([] if is_folder_path(path) else [joined_path(path)])]


def _overwrites(options: SegmentOptions) -> bool:
    return options.overwrite or options.resume_from is not None


def _find_preset(name: str | None) -> Preset | None:
    if name is None or name in PRESETS:
        return PRESETS[name] if name else None
    raise UsageError(f"there is no preset '{name}'", f"--preset takes {', '.join(PRESETS)}", code="usage.preset")
