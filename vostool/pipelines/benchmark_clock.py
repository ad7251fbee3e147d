"""Time by stage, taken from outside: the parts of a Segmenter wrapped, so that the loop itself knows nothing of clocks.

A frame is cut where one part hands over to the next; the stages of a frame add up to the whole of it.

Shapes: K objects; h', w' padded network size.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from vostool.memory.bank import MemoryBank
from vostool.memory.entries import MemoryRead
from vostool.memory.readers import AttentionReader
from vostool.propagation.aggregate import Prediction
from vostool.propagation.segmenter import FrameInput, MemorySegmenter, Segmenter
from vostool.systems import System, make_segmenter

NETWORK_STAGES = ("encode", "read", "decode mask", "aggregate", "write memory")
STAGES = ("decode", "preprocess", *NETWORK_STAGES, "postprocess", "output")
NETWORK = "network"


def synchronise(device: torch.device) -> None:
    """Waits until the device has done what was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


class StageClock:
    """Adds up the seconds of each stage of a frame.

    Args:
        device: Waited for wherever a stage ends.
        is_fine: Whether the network's stages are told apart, which makes the device wait for the host between them.
    """

    def __init__(self, device: torch.device, *, is_fine: bool = True) -> None:
        self.is_fine = is_fine
        self._device = device
        self._stage: str | None = None
        self._since = 0.0
        self._seconds: dict[str, float] = {}

    def switch(self, stage: str | None) -> None:
        """Ends the stage that runs and begins another one; None begins none."""
        if not self.is_fine and stage in NETWORK_STAGES:
            stage = NETWORK
        if stage == self._stage:
            return
        synchronise(self._device)
        now = time.perf_counter()
        if self._stage is not None:
            self._seconds[self._stage] = self._seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now

    def take(self) -> dict[str, float]:
        """Ends the frame: the seconds of its stages."""
        self.switch(None)
        seconds, self._seconds = self._seconds, {}
        return seconds


@dataclass
class Tally:
    """What the network was asked to do.

    Attributes:
        num_frames: Frames predicted.
        num_encoded: Objects encoded for the memory.
        num_read: Remembered frames that were read, summed over the reads.
    """

    num_frames: int = 0
    num_encoded: int = 0
    num_read: float = 0.0

    def clear(self) -> None:
        """Begins to count anew."""
        self.num_frames = self.num_encoded = 0
        self.num_read = 0.0


class TimedNetwork:
    """A network of any system, whose passes over a frame are stages."""

    def __init__(self, network: Any, clock: StageClock, tally: Tally) -> None:
        self._network = network
        self._clock = clock
        self._tally = tally

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def encode_query(self, *arguments: Any) -> Any:
        """See ``Network.encode_query``."""
        self._clock.switch("encode")
        return self._network.encode_query(*arguments)

    def encode(self, *arguments: Any) -> Any:
        """See ``ReferenceNetwork.encode``."""
        self._clock.switch("encode")
        return self._network.encode(*arguments)

    def encode_memory(self, image: Tensor, features: Any, masks: Tensor, *arguments: Any) -> Any:
        """See ``Network.encode_memory``; belongs to the stage that asks for it."""
        self._tally.num_encoded += len(masks)
        return self._network.encode_memory(image, features, masks, *arguments)

    def decode(self, *arguments: Any) -> Any:
        """See ``Network.decode``."""
        self._clock.switch("decode mask")
        return self._network.decode(*arguments)


class TimedReader:
    """A reader, whose reads are a stage."""

    def __init__(self, reader: AttentionReader, clock: StageClock, tally: Tally) -> None:
        self._reader = reader
        self._clock = clock
        self._tally = tally

    def read(self, bank: MemoryBank, query_key: Tensor) -> MemoryRead:
        """See ``AttentionReader.read``."""
        self._clock.switch("read")
        read = self._reader.read(bank, query_key)
        self._tally.num_read += bank.num_frames
        return read


class TimedSegmenter:
    """A Segmenter whose phases begin stages.

    Attributes:
        watch: Entered around each phase of a frame, for counting what is computed.
    """

    def __init__(self, segmenter: Segmenter, clock: StageClock, tally: Tally) -> None:
        self.canvas, self.device, self.precision = segmenter.canvas, segmenter.device, segmenter.precision
        self.watch: AbstractContextManager[object] = nullcontext()
        self.tally = tally
        self._segmenter = segmenter
        self._clock = clock

    def start(self, frame: FrameInput, masks: Tensor) -> None:
        """See ``Segmenter.start``."""
        self._segmenter.start(frame, masks)
        self._clock.switch("postprocess")

    def predict(self, frame: FrameInput) -> Prediction:
        """See ``Segmenter.predict``."""
        self._clock.switch("encode")
        self.tally.num_frames += 1
        with self.watch:
            return self._segmenter.predict(frame)

    def aggregate(self, prediction: Prediction) -> Tensor:
        """See ``Segmenter.aggregate``."""
        self._clock.switch("aggregate")
        with self.watch:
            return self._segmenter.aggregate(prediction)

    def commit(self, frame: FrameInput, probabilities: Tensor) -> None:
        """See ``Segmenter.commit``."""
        self._clock.switch("write memory")
        with self.watch:
            self._segmenter.commit(frame, probabilities)
        self._clock.switch("postprocess")

    def add(self, frame: FrameInput, masks: Tensor) -> None:
        """See ``Segmenter.add``."""
        self._clock.switch("write memory")
        self._segmenter.add(frame, masks)
        self._clock.switch("postprocess")

    def forget(self) -> None:
        """See ``Segmenter.forget``."""
        self._segmenter.forget()

    def release(self, objects: Collection[int]) -> None:
        """See ``Segmenter.release``."""
        self._segmenter.release(objects)

    def state(self) -> dict[str, Any]:
        """See ``Segmenter.state``."""
        return self._segmenter.state()

    def restore(self, state: dict[str, Any]) -> None:
        """See ``Segmenter.restore``."""
        self._segmenter.restore(state)

    @property
    def num_memory_bytes(self) -> int:
        """See ``Segmenter.num_memory_bytes``."""
        return self._segmenter.num_memory_bytes


def timed_segmenter(
    system: System, network: Any, clock: StageClock, device: torch.device, precision: torch.dtype, **overrides: Any
) -> TimedSegmenter:
    """A Segmenter of a system over a network that is there, with every part on the clock.

    Args:
        **overrides: Fields of ``MemoryOptions``; those that are None keep the system's default.
    """
    tally = Tally()
    segmenter = make_segmenter(system, TimedNetwork(network, clock, tally), device, precision, **overrides)
    if isinstance(segmenter, MemorySegmenter):
        segmenter.reader = cast(AttentionReader, TimedReader(segmenter.reader, clock, tally))
    return TimedSegmenter(segmenter, clock, tally)


def network_seconds(frames: Sequence[dict[str, float]]) -> list[float]:
    """Of each frame the seconds from the picture on the device to what is remembered of it."""
    return [sum(frame.get(stage, 0.0) for stage in (NETWORK, *NETWORK_STAGES)) for frame in frames]
