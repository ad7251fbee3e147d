"""The network of a segmentation job: chosen, built, fine-tuned, and made smaller when memory ends."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from vostool.memory.options import MemoryOptions, idle_options
from vostool.pipelines.first_frame import FirstFrameTuner
from vostool.pipelines.limits import Setting, Workload, choose_limits, largest_setting
from vostool.pipelines.report import Listeners, SegmentReport
from vostool.pipelines.robust import RobustFollower
from vostool.pipelines.segment_options import SegmentOptions
from vostool.pipelines.segment_plan import SegmentPlan
from vostool.pipelines.shots import Follower
from vostool.propagation.device import resolve_device, resolve_precision
from vostool.propagation.preprocess import plan_geometry
from vostool.propagation.propagator import Propagator
from vostool.propagation.segmenter import Segmenter
from vostool.systems import find_members, find_system, override
from vostool.types import VideoInfo
from vostool.video.reading.reader import read_frame_at
from vostool.weights.load import file_sha256


class JobNetwork:
    """One segmenter at a time, so that a smaller one finds room.

    Args:
        report: Filled with what is used.
        listeners: Told of it.
        make_segmenter: ``build_segmenter``, or what is called like it.
    """

    def __init__(
        self,
        options: SegmentOptions,
        report: SegmentReport,
        listeners: Listeners,
        make_segmenter: Callable[..., Segmenter],
    ) -> None:
        self._options, self._report, self._listeners = options, report, listeners
        self._make_segmenter = make_segmenter
        self._memory = {each.name: getattr(options, each.name) for each in fields(MemoryOptions)}
        self._segmenter: Segmenter | None = None
        self._tuner: FirstFrameTuner | None = None
        self._setting = Setting(options.size, None)

    @property
    def num_memory_bytes(self) -> int:
        """Of the bank, as it is now."""
        return self._segmenter.num_memory_bytes if self._segmenter else 0

    def find_weights(self) -> dict[str, str]:
        """sha256 of every file of weights, by its name."""
        options, report = self._options, self._report
        used = [
            {"system": system.name, "weights": str(path), "weights_sha256": file_sha256(path)}
            for system, path in find_members(options.system, options.weights, options.ensemble)
        ]
        report.system, report.weights = used[0]["system"], used[0]["weights"]
        report.weights_sha256, report.ensemble = used[0]["weights_sha256"], used[1:]
        return {Path(each["weights"]).name: each["weights_sha256"] for each in used}

    def build(self, info: VideoInfo, plan: SegmentPlan) -> None:
        """Loads the weights and fine-tunes them, in the setting that fits.

        Raises:
            EnvironmentProblem: The device or the weights cannot be used.
            MemoryExhausted: Nothing fits within the limits that were given.
        """
        report = self._report
        self._warn_of_idle_options()
        self._setting = self._choose_setting(info, plan)
        self._tuner = self._make_tuner(plan) if report.finetune_steps else None
        segmenter = self._build(self._setting.memory_frames)
        report.finetune_seconds = self._tuner.seconds if self._tuner else 0.0
        report.device = str(segmenter.device)
        report.precision = str(segmenter.precision).removeprefix("torch.")
        geometry = plan_geometry(info.size, self._setting.short_side, segmenter.canvas)
        report.source_size, report.network_size = info.size, geometry.network_size
        height, width = geometry.network_size
        names = " + ".join([report.system, *(each["system"] for each in report.ensemble)])
        text = f"{names} on {report.device} in {report.precision}; the network sees {width}x{height}"
        report.add_note(text, self._listeners)

    def make_follower(self) -> Follower:
        """A follower that knows nothing yet."""
        if not self._options.fallback:
            return self._follower_of(self._setting.short_side, self._setting.memory_frames)
        return RobustFollower(
            self._follower_of, self._setting, lambda text: self._report.add_warning(text, self._listeners)
        )

    def _follower_of(self, short_side: int, memory_frames: float | None) -> Propagator:
        setting = Setting(short_side, memory_frames)
        if self._segmenter is None or setting != self._setting:
            self._setting = setting
            self._build(memory_frames)
        assert self._segmenter is not None
        return Propagator(self._segmenter, short_side)

    def _build(self, memory_frames: float | None) -> Segmenter:
        """In place of the one before, which is freed first."""
        self._segmenter = None
        gc.collect()
        options = self._options
        self._segmenter = self._make_segmenter(
            options.system, options.weights, options.device, precision=options.precision, flip=options.flip,
            scales=options.scales, ensemble=options.ensemble, prepare=self._tuner,
            **{**self._memory, "memory_frames": memory_frames or self._memory["memory_frames"]},
        )  # fmt: skip
        return self._segmenter

    def _choose_setting(self, info: VideoInfo, plan: SegmentPlan) -> Setting:
        options = self._options
        device = resolve_device(options.device)
        if options.max_vram is not None and device.type == "cpu":
            text = "--max-vram has no effect on a CPU; --max-ram bounds the main memory"
            self._report.add_warning(text, self._listeners)
        workload = Workload(
            options.system, info.size, len(plan.annotations.object_ids),
            override(find_system(options.system), self._memory), device,
            resolve_precision(options.precision, device), num_frames=plan.num_frames(info),
            flip=options.flip, scales=options.scales, num_networks=max(1, len(options.ensemble)),
        )  # fmt: skip
        if options.max_vram is None and options.max_ram is None:
            return largest_setting(workload, options.size)
        limits = choose_limits(workload, options.size, options.max_vram, options.max_ram)
        self._report.add_note(limits.note, self._listeners)
        return limits.setting

    def _make_tuner(self, plan: SegmentPlan) -> FirstFrameTuner:
        options, frame = self._options, plan.first_annotated
        return FirstFrameTuner(
            read_frame_at(options.source, frame).image, plan.annotations[frame].labels, options.device,
            self._setting.short_side, self._report.finetune_steps, self._listeners.on_step,
            lambda text: self._report.add_note(text, self._listeners),
        )  # fmt: skip

    def _warn_of_idle_options(self) -> None:
        memory = override(find_system(self._options.system), self._memory)
        if memory and (idle := idle_options(memory, self._memory)):
            text = f"{', '.join(idle)} without effect: only the lfu memory has it, and this one is {memory.memory}"
            self._report.add_warning(text, self._listeners)
