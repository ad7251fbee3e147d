"""What happens to every result between the network and the outputs, and how a job goes on there later."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import torch

from vostool.pipelines.finesse import Finesse, FinesseMemory
from vostool.pipelines.frame_records import RecordFile
from vostool.pipelines.report import ObjectSummary
from vostool.pipelines.watch import FrameRecord, Watch
from vostool.types import Frame, FrameResult
from vostool.video.reading.scene_cuts import SceneCuts
from vostool.video.writing.sinks import Sink


@dataclass
class ResultLoop:
    """Measures, refines and writes results in order.

    Attributes:
        sinks: Where results go.
        records: Where what is measured goes.
        finesse: What is done to the alpha.
        annotated: Frames with a mask of the user's.
        drops: Objects that are followed no longer, by the first such frame.
        finds_cuts: Whether new shots are looked for.
        num_taken: Results so far, those of an interrupted run included.
        num_corrupt: How many of their frames were damaged.
        objects: One summary each.
    """

    sinks: Sequence[Sink]
    records: RecordFile
    finesse: Finesse
    annotated: Collection[int]
    drops: Mapping[int, Collection[int]]
    finds_cuts: bool
    objects: list[ObjectSummary]
    num_taken: int = 0
    num_corrupt: int = 0
    watch: Watch = field(default_factory=Watch)
    cuts: SceneCuts = field(default_factory=SceneCuts)

    def take(self, result: FrameResult) -> FrameRecord:
        """One result, right from the network."""
        frame = result.frame
        is_cut = self.finds_cuts and self.cuts.is_cut(frame.image)
        self.watch.drop(self.drops.get(frame.index, ()))
        record = self.watch.add(result, is_annotated=frame.index in self.annotated, is_cut=is_cut)
        self.records.add(record)
        self._sum_up(record)
        self._write(self.finesse.push(result, starts_anew=is_cut or record.is_annotated))
        self.num_taken += 1
        self.num_corrupt += frame.is_corrupt
        return record

    def flush(self) -> None:
        """The results that waited for frames that will not come."""
        self._write(self.finesse.flush())

    def state(self) -> dict[str, Any]:
        """Makes all outputs durable, and says what ``restore`` needs to go on from here."""
        memory = self.finesse.memory()
        return {
            "num_taken": self.num_taken,
            "num_corrupt": self.num_corrupt,
            "objects": [asdict(summary) for summary in self.objects],
            "watch": self.watch.state(),
            "cuts": self.cuts.state(),
            "waiting": [_pack(result) for result in memory.results],
            "num_waiting": memory.num_waiting,
            "records": self.records.checkpoint(),
            "sinks": [sink.checkpoint() for sink in self.sinks],
        }

    def restore(self, state: dict[str, Any], frames: Iterator[Frame]) -> None:
        """Goes on from a state.

        Args:
            frames: From the first frame on that outputs still depend on; those are taken from it, and no more.
        """
        self.num_taken, self.num_corrupt = state["num_taken"], state["num_corrupt"]
        self.objects = [ObjectSummary(**values) for values in state["objects"]]
        self.watch.restore(state["watch"])
        self.cuts.restore(state["cuts"])
        packed = state["waiting"]
        results = [_unpack(values, frame) for values, frame in zip(packed, islice(frames, len(packed)), strict=True)]
        self.finesse.recall(FinesseMemory(tuple(results), state["num_waiting"]))

    def _write(self, results: Iterable[FrameResult]) -> None:
        for result in results:
            for sink in self.sinks:
                sink.write(result)

    def _sum_up(self, record: FrameRecord) -> None:
        areas = {each.object_id: each.area for each in record.objects}
        for summary in self.objects:
            summary.add(record.frame, areas.get(summary.object_id, 0.0))


def _pack(result: FrameResult) -> dict[str, Any]:
    """A result without its frame, as tensors."""
    return {
        "labels": torch.from_numpy(result.labels),
        "alpha": torch.from_numpy(result.alpha),
        "object_ids": list(result.object_ids),
        "is_repeated": result.is_repeated,
        "confidence": None if result.confidence is None else torch.from_numpy(result.confidence),
    }


def _unpack(values: dict[str, Any], frame: Frame) -> FrameResult:
    labels, alpha = (values[name].numpy() for name in ("labels", "alpha"))
    confidence = None if values["confidence"] is None else values["confidence"].numpy()
    return FrameResult(frame, labels, alpha, tuple(values["object_ids"]), values["is_repeated"], confidence)
