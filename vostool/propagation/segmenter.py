"""The two-phase Segmenter: predict a frame, then commit to a mask for it.

Prediction and memory are apart so that predictions can be averaged, over flips, scales or networks, before any of them
remembers the result: such averages are Segmenters that hold Segmenters.

Shapes: K objects; h', w' padded network size; P positions at stride 16.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from vostool.memory.bank import MemoryBank
from vostool.memory.entries import MemoryEntry, MemoryRead
from vostool.memory.policy import WritePolicy
from vostool.memory.readers import AttentionReader
from vostool.models.network import Network, QueryFeatures, sum_of_others
from vostool.propagation.aggregate import Prediction, aggregate
from vostool.propagation.device import computing
from vostool.propagation.preprocess import MIRRORED, Canvas

# Memory positions lie at stride 16 in every system.
POSITION_STRIDE = 16
# The published decoders take some 200 MB an object at 480p; bounds the memory however many objects there are.
OBJECTS_PER_PASS = 8


@dataclass(frozen=True)
class FrameInput:
    """One frame as networks see it.

    Attributes:
        index: 0-based place in the clip.
        image: (1, 3, h', w') float32 RGB in 0..1.
        previous: (K, h', w') aggregated probabilities of the frame before; None where nothing is known of it.
        padding: Pixels beside the picture, left, right, top and bottom.
    """

    index: int
    image: Tensor
    previous: Tensor | None = None
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)


class Segmenter(Protocol):
    """Follows the objects of one clip at a time.

    Attributes:
        canvas: How it wants its pictures framed.
        device: Where its tensors live.
        precision: What it computes in.
    """

    canvas: Canvas
    device: torch.device
    precision: torch.dtype

    def start(self, frame: FrameInput, masks: Tensor) -> None:
        """Begins a clip: forgets the last one and remembers the masks (K, h', w') of an annotated frame."""
        ...

    def predict(self, frame: FrameInput) -> Prediction:
        """Each object on its own, float32, not aggregated; remembers nothing."""
        ...

    def aggregate(self, prediction: Prediction) -> Tensor:
        """(K+1, h', w') probabilities, row 0 background, of a prediction or of a mean over several."""
        ...

    def commit(self, frame: FrameInput, probabilities: Tensor) -> None:
        """Accepts (K+1, h', w') aggregated probabilities for the frame that was predicted last."""
        ...

    def add(self, frame: FrameInput, masks: Tensor) -> None:
        """Remembers an annotated frame after the first: (K, h', w') for all objects, new ones last."""
        ...

    def forget(self) -> None:
        """Forgets what was seen but annotated frames, as after a cut; between ``commit`` or ``add`` and ``predict``."""
        ...

    def release(self, objects: Collection[int]) -> None:
        """These objects, in place of those named before, are not followed and need no share of the memory."""
        ...

    def state(self) -> dict[str, Any]:
        """Everything that is needed to go on after a frame: plain containers and copies of the tensors on the CPU."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from the state of a Segmenter that was made in the same way; the state stays as it is."""
        ...

    @property
    def num_memory_bytes(self) -> int:
        """Bytes of everything that is remembered."""
        ...


@dataclass(frozen=True)
class Conventions:
    """What the published systems do differently around the same loop.

    Attributes:
        canvas: How pictures are framed.
        min_channels: See ``aggregate``; STM's softmax always runs over 11.
        softens_annotations: Whether annotated masks, too, go through the aggregation before they are remembered
            (STCN:inference_core.py); else they are remembered as 0 and 1.
    """

    canvas: Canvas = MIRRORED
    min_channels: int = 0
    softens_annotations: bool = False


DEFAULT_CONVENTIONS = Conventions()


class MemorySegmenter:
    """A space-time-memory network over a memory bank.

    Args:
        network: In evaluation mode, on ``device``.
        reader: How the bank is read.
        make_bank: Gives an empty bank; called at the start of each clip.
        policy: Which frames are written.
        precision: Type that the network computes in; float32 switches automatic mixed precision off.
        conventions: What systems do differently around the network.
    """

    def __init__(
        self,
        network: Network,
        reader: AttentionReader,
        make_bank: Callable[[], MemoryBank],
        policy: WritePolicy,
        device: torch.device,
        precision: torch.dtype = torch.float32,
        conventions: Conventions = DEFAULT_CONVENTIONS,
    ) -> None:
        self.network = network
        self.reader = reader
        self.policy = policy
        self.device = device
        self.precision = precision
        self.canvas = conventions.canvas
        self._conventions = conventions
        self._make_bank = make_bank
        self._bank = make_bank()
        self._first_index = 0
        self._features: QueryFeatures | None = None
        self._read: MemoryRead | None = None

    @torch.inference_mode()
    def start(self, frame: FrameInput, masks: Tensor) -> None:
        """See ``Segmenter.start``."""
        self._bank = self._make_bank()
        self._bank.add_objects(len(masks), frame.index)
        self._first_index = frame.index
        with computing(self.device, self.precision):
            features = self.network.encode_query(frame.image)
        self._remember_annotated(frame, features, masks)

    @torch.inference_mode()
    def predict(self, frame: FrameInput) -> Prediction:
        """See ``Segmenter.predict``."""
        with computing(self.device, self.precision):
            self._features = features = self.network.encode_query(frame.image)
            self._read = read = self.reader.read(self._bank, features.key.flatten(2))
            readout = read.value.unflatten(2, features.key.shape[-2:])
            logits = [self._decode(readout, frame, features, rows) for rows in _passes(len(readout))]
        return Prediction(torch.cat(logits).float().sigmoid())

    def _decode(self, readout: Tensor, frame: FrameInput, features: QueryFeatures, rows: slice) -> Tensor:
        """Logits of some of the objects."""
        previous = None if frame.previous is None else frame.previous[rows]
        image_of_object = self._image_of_object(len(readout[rows]))
        return self.network.decode(readout[rows], features, previous, image_of_object)

    def aggregate(self, prediction: Prediction) -> Tensor:
        """See ``Segmenter.aggregate``."""
        return aggregate(prediction.objects, prediction.background, self._conventions.min_channels)

    @torch.inference_mode()
    def commit(self, frame: FrameInput, probabilities: Tensor) -> None:
        """See ``Segmenter.commit``."""
        features = self._settle()
        is_kept = self.policy.should_write(frame.index - self._first_index)
        if is_kept or self.policy.temporary_previous:
            self._remember(frame, features, probabilities[1:], is_kept=is_kept)

    @torch.inference_mode()
    def add(self, frame: FrameInput, masks: Tensor) -> None:
        """See ``Segmenter.add``; follows ``predict`` of the same frame, whose read is counted."""
        features = self._settle()
        num_new = len(masks) - self._bank.num_objects
        if num_new:
            self._bank.add_objects(num_new, frame.index)
        if self.policy.restarts:
            self._first_index = frame.index
        self._remember_annotated(frame, features, masks)

    def forget(self) -> None:
        """See ``Segmenter.forget``."""
        self._bank.forget()

    def release(self, objects: Collection[int]) -> None:
        """See ``Segmenter.release``."""
        self._bank.release(objects)

    def state(self) -> dict[str, Any]:
        """See ``Segmenter.state``."""
        assert self._read is None, "a state is taken between frames"
        return {"bank": self._bank.state(), "first_index": self._first_index}

    def restore(self, state: dict[str, Any]) -> None:
        """See ``Segmenter.restore``."""
        self._bank = self._make_bank()
        self._bank.restore(state["bank"], self.device)
        self._first_index = state["first_index"]
        self._features = self._read = None

    @property
    def num_memory_bytes(self) -> int:
        """See ``Segmenter.num_memory_bytes``."""
        return self._bank.num_bytes

    def _settle(self) -> QueryFeatures:
        """Counts the last prediction's read, and gives the features of its frame."""
        assert self._features is not None and self._read is not None, "commit and add follow predict"
        features, read = self._features, self._read
        self._features = self._read = None
        self._bank.count(read.usage)
        return features

    def _remember_annotated(self, frame: FrameInput, features: QueryFeatures, masks: Tensor) -> None:
        if self._conventions.softens_annotations:
            masks = self.aggregate(Prediction(masks))[1:]
        self._remember(frame, features, masks, pinned=True)

    def _remember(
        self, frame: FrameInput, features: QueryFeatures, masks: Tensor, *, pinned: bool = False, is_kept: bool = True
    ) -> None:
        others = sum_of_others(masks, self._image_of_object(len(masks)))
        with computing(self.device, self.precision):
            parts = [
                self.network.encode_memory(
                    frame.image, features, masks[rows], others[rows], self._image_of_object(len(masks[rows]))
                )
                for rows in _passes(len(masks))
            ]
        key = torch.cat([part.key for part in parts]) if self.network.has_object_keys else parts[0].key
        value = torch.cat([part.value for part in parts])
        entry = MemoryEntry(key.flatten(2), value.flatten(2), majority_owner(masks))
        if is_kept:
            self._bank.write(entry, frame.index, pinned=pinned)
        else:
            self._bank.set_temporary(entry, frame.index)

    def _image_of_object(self, num_objects: int) -> Tensor:
        return torch.zeros(num_objects, dtype=torch.int64, device=self.device)


def _passes(num_objects: int) -> list[slice]:
    """Which objects go through the network together."""
    return [slice(first, first + OBJECTS_PER_PASS) for first in range(0, num_objects, OBJECTS_PER_PASS)]


def majority_owner(masks: Tensor) -> Tensor:
    """(K, h', w') masks to (1, P) int64: the object that most of each position belongs to, -1 for the background."""
    shares = functional.avg_pool2d(masks[:, None], POSITION_STRIDE).flatten(1)
    background = 1.0 - shares.sum(dim=0, keepdim=True)
    return torch.cat([background, shares]).argmax(dim=0, keepdim=True) - 1
