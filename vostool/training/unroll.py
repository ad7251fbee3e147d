"""One clip through the network as at inference, with gradients: memory, read, decode, aggregate, remember.

Gradients flow through the whole clip: the memory of a frame holds the network's own soft masks (STM, author's answers).

Shapes: B clips, T frames, M objects over all clips, K largest id, S side, P = (S/16)^2 positions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vostool.memory.bank import GrowingBank
from vostool.memory.entries import MemoryEntry
from vostool.memory.readers import AttentionReader
from vostool.models.network import Network, QueryFeatures, sum_of_others
from vostool.propagation.aggregate import aggregate_logits
from vostool.training.batches import ClipBatch


def unroll(network: Network, batch: ClipBatch, *, prior_dropout: float, generator: torch.Generator) -> list[Tensor]:
    """Segments frames 1..T-1 of each clip from its first mask.

    Args:
        prior_dropout: Probability that a step is decoded without the previous masks.

    Returns:
        T-1 tensors (B, K+1, S, S) of aggregated logits, channel 0 background.
    """
    num_frames = batch.frames.shape[1]
    features = network.encode_query(batch.frames.flatten(0, 1))
    clip = _Clip(network, batch, features, num_frames)
    masks = batch.first_masks
    predictions = []
    for index in range(1, num_frames):
        clip.remember(index - 1, masks)
        is_told = torch.rand((), generator=generator).item() >= prior_dropout
        logits = clip.segment(index, masks if is_told else None)
        masks = logits.softmax(dim=1)[batch.image_of_object, batch.object_ids]
        predictions.append(logits)
    return predictions


class _Clip:
    """The memory of a batch of clips; each object is a row of its own, so that clips never mix."""

    def __init__(self, network: Network, batch: ClipBatch, features: QueryFeatures, num_frames: int) -> None:
        self._network = network
        self._batch = batch
        self._frames = [features.frame(index, num_frames) for index in range(num_frames)]
        self._bank = GrowingBank()
        self._reader = AttentionReader(top_k=None)

    def remember(self, index: int, masks: Tensor) -> None:
        """Adds a frame with masks (M, S, S) to the memory."""
        rows, features = self._batch.image_of_object, self._frames[index]
        image, others = self._batch.frames[:, index], sum_of_others(masks, rows)
        memory = self._network.encode_memory(image, features, masks, others, rows)
        key = memory.key if self._network.has_object_keys else memory.key[rows]
        self._bank.write(MemoryEntry(key.flatten(2), memory.value.flatten(2)), index)

    def segment(self, index: int, previous: Tensor | None) -> Tensor:
        """Aggregated logits (B, K+1, S, S) of a frame."""
        rows, features = self._batch.image_of_object, self._frames[index]
        readout = self._reader.read(self._bank, features.key.flatten(2)[rows]).value
        readout = readout.unflatten(2, features.key.shape[-2:])
        logits = self._network.decode(readout, features, previous, rows)
        return aggregate_logits(self._by_clip(logits.sigmoid()))

    def _by_clip(self, probabilities: Tensor) -> Tensor:
        """(M, S, S) to (B, K, S, S); an id that a clip does not have stays zero."""
        batch = self._batch
        num_ids = int(batch.object_ids.max())
        grid = probabilities.new_zeros((len(batch.frames), num_ids, *probabilities.shape[1:]))
        return grid.index_put((batch.image_of_object, batch.object_ids - 1), probabilities)
