"""One clip through a network with a memory as in use, with gradients: remember, read, decode, aggregate.

Gradients flow through the whole clip: the memory of a frame holds the network's own soft masks (STM, author's answers).
Every frame is remembered, and all of the memory is read unless the recipe says otherwise: STCN, too, takes the nearest
slots only when it is not trained. Each object is a row of its own, so that clips never mix.

Shapes: B clips, T frames, M objects over all clips, H, W crop, h, w at stride 16, V value channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from vostool.memory.bank import GrowingBank
from vostool.memory.entries import MemoryEntry
from vostool.models.network import Network, QueryFeatures, sum_of_others
from vostool.systems import System
from vostool.training.batch import ClipBatch, FramePrediction
from vostool.training.objects import aggregate_clips, masks_of_clips, stack_clips
from vostool.training.recipe import Recipe
from vostool.training.regularisers import TrainingReader


@runtime_checkable
class StagedNetwork(Protocol):
    """A network that refines its own prediction and is trained on both (SCM)."""

    def decode_stages(
        self, readout: Tensor, features: QueryFeatures, previous: Tensor | None, image_of_object: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Coarse and refined logits (M, H, W); arguments as those of ``Network.decode``."""
        ...


def unroll(
    network: Network,
    system: System,
    batch: ClipBatch,
    recipe: Recipe,
    progress: float,
    generators: Sequence[torch.Generator],
) -> list[FramePrediction]:
    """Segments frames 1..T-1 of each clip from its first mask.

    Args:
        progress: Share of the run that is done, 0..1.
        generators: One for each clip, on the CPU.
    """
    clips = _Clips(network, system, batch, recipe, generators)
    told = _draw_told(recipe.previous.dropout, batch.frames.shape[1], generators)
    previous = batch.masks(batch.labels[:, 0])
    remembered = clips.soften(previous) if system.conventions.softens_annotations else previous
    predictions = []
    for index in range(1, batch.frames.shape[1]):
        clips.remember(index - 1, remembered)
        if progress < recipe.previous.truth:
            previous = batch.masks(batch.priors[:, index])
        prediction, previous = clips.segment(index, previous, told[index - 1])
        remembered = previous
        predictions.append(prediction)
    return predictions


def _draw_told(dropout: float, num_frames: int, generators: Sequence[torch.Generator]) -> list[list[bool]]:
    """For each frame but the first, whether each clip is told the masks before."""
    draws = torch.stack([torch.rand(num_frames - 1, generator=generator) for generator in generators], dim=1)
    told: list[list[bool]] = (draws >= dropout).tolist()
    return told


class _Clips:
    """A batch of clips and the memory of what was seen of them."""

    def __init__(
        self, network: Network, system: System, batch: ClipBatch, recipe: Recipe, generators: Sequence[torch.Generator]
    ) -> None:
        num_frames = batch.frames.shape[1]
        features = network.encode_query(batch.frames.flatten(0, 1))
        self._network = network
        self._batch = batch
        self._features = [features.frame(index, num_frames) for index in range(num_frames)]
        self._rows = batch.image_of_object
        self._counts: list[int] = batch.num_objects.tolist()
        self._min_channels = system.conventions.min_channels
        self._bank = GrowingBank()
        self._reader = TrainingReader(system.similarity, recipe.regularisers, self._counts, generators, recipe.top_k)

    def soften(self, masks: Tensor) -> Tensor:
        """(M, H, W) through the aggregation."""
        return masks_of_clips(aggregate_clips(masks, self._counts, self._min_channels), self._counts)

    def remember(self, index: int, masks: Tensor) -> None:
        """Adds a frame with masks (M, H, W) to the memory."""
        features, others = self._features[index], sum_of_others(masks, self._rows)
        memory = self._network.encode_memory(self._batch.frames[:, index], features, masks, others, self._rows)
        key = memory.key if self._network.has_object_keys else memory.key[self._rows]
        self._bank.write(MemoryEntry(key.flatten(2), memory.value.flatten(2)), index)
        self._reader.note(masks)

    def segment(self, index: int, previous: Tensor, told: Sequence[bool]) -> tuple[FramePrediction, Tensor]:
        """A frame's prediction and the (M, H, W) masks that follow from it."""
        features = self._features[index]
        readout = self._reader.read(self._bank, features.key.flatten(2)[self._rows])
        readout = readout.unflatten(2, features.key.shape[-2:])
        stages = [self._aggregate(each) for each in self._decode(readout, features, previous, told)]
        stacked = [stack_clips(logits, self._counts) for logits in stages]
        prediction = FramePrediction(stacked[-1], coarse=stacked[0] if len(stacked) > 1 else None)
        return prediction, masks_of_clips(stages[-1], self._counts)

    def _aggregate(self, logits: Tensor) -> list[Tensor]:
        return aggregate_clips(logits.float().sigmoid(), self._counts, self._min_channels)

    def _decode(
        self, readout: Tensor, features: QueryFeatures, previous: Tensor, told: Sequence[bool]
    ) -> tuple[Tensor, ...]:
        """Logits (M, H, W), before that the coarse ones where there are any; clips that are told go apart."""
        if all(told) or not any(told):
            return self._decode_rows(readout, features, previous if all(told) else None, self._rows)
        flags = torch.tensor(told, device=self._rows.device)
        parts = [self._decode_part(readout, features, previous, flags, is_told) for is_told in (True, False)]
        order = torch.cat([(flags[self._rows] == is_told).nonzero()[:, 0] for is_told in (True, False)]).argsort()
        return tuple(torch.cat(stage)[order] for stage in zip(*parts, strict=True))

    def _decode_part(
        self, readout: Tensor, features: QueryFeatures, previous: Tensor, flags: Tensor, is_told: bool
    ) -> tuple[Tensor, ...]:
        """The objects of the clips whose flag is so."""
        clips = flags == is_told
        objects = clips[self._rows]
        rows = (clips.cumsum(dim=0) - 1)[self._rows[objects]]
        parts = (features.key, features.value, features.s16, features.s8, features.s4)
        own = QueryFeatures(*(part[clips] for part in parts))
        return self._decode_rows(readout[objects], own, previous[objects] if is_told else None, rows)

    def _decode_rows(
        self, readout: Tensor, features: QueryFeatures, previous: Tensor | None, rows: Tensor
    ) -> tuple[Tensor, ...]:
        if isinstance(self._network, StagedNetwork):
            return self._network.decode_stages(readout, features, previous, rows)
        return (self._network.decode(readout, features, previous, rows),)
