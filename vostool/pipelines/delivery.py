"""What a job delivers, and the sinks that write it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vostool.errors import UsageError
from vostool.pipelines.segment_options import SegmentOptions
from vostool.types import VideoInfo
from vostool.video.background import background
from vostool.video.output_kind import OutputPlan, check_outputs, expand_objects, resolve_outputs
from vostool.video.pictures import PLAIN, PictureStyle, keeps_depth, style_of
from vostool.video.presets import PRESETS, Preset
from vostool.video.sink_state import SinkState
from vostool.video.sinks import Sink, open_sink


@dataclass(frozen=True)
class Delivery:
    """The outputs of one job.

    Attributes:
        plans: In the order in which they were given.
        style: Of their pictures.
        preset: What the next tool wants; None if none was named.
    """

    plans: tuple[OutputPlan, ...]
    style: PictureStyle
    preset: Preset | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """Final places."""
        return tuple(plan.path for plan in self.plans)

    @property
    def keeps_depth(self) -> bool:
        """Whether an output shows the source's own pixels."""
        return keeps_depth(self.plans)

    def expand(self, object_ids: Sequence[int]) -> Delivery:
        """The same with one output for each object, where a path asks for it."""
        return replace(self, plans=tuple(expand_objects(list(self.plans), object_ids)))

    def check(self, options: SegmentOptions) -> None:
        """Refuse, before any work, what could not be written at the end; see ``check_outputs``."""
        check_outputs(self.plans, options.overwrite or options.resume_from is not None, options.source)

    def open_sinks(
        self, options: SegmentOptions, info: VideoInfo, object_ids: Sequence[int], states: Sequence[SinkState] | None
    ) -> list[Sink]:
        """One sink for each output, in the order of ``paths``.

        Args:
            states: Of the checkpoint to go on from, in the same order; None to begin.
        """
        resumes: Sequence[SinkState | None] = states or [None] * len(self.plans)
        overwrite = options.overwrite or options.resume_from is not None

        def open_one(plan: OutputPlan, state: SinkState | None) -> Sink:
            return open_sink(
                plan.kind, plan.path, info, object_ids, source=options.source, copy_audio=options.copy_audio,
                overwrite=overwrite, style=style_of(plan, self.style), resume=state,
            )  # fmt: skip

        return [background(open_one(plan, state)) for plan, state in zip(self.plans, resumes, strict=True)]


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
    return Delivery(tuple(resolve_outputs(outputs, emits, str(options.source))), style, preset)


def _find_preset(name: str | None) -> Preset | None:
    if name is None or name in PRESETS:
        return PRESETS[name] if name else None
    raise UsageError(f"there is no preset '{name}'", f"--preset takes {', '.join(PRESETS)}", code="usage.preset")
