"""What every space-time-memory network offers, whichever system it belongs to.

Shapes: B images of a batch (1 at inference), M objects over all images of the batch, H, W padded size in pixels
(multiples of the stride), h, w the same at stride 16, C key channels, V value channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class QueryFeatures:
    """What one pass over the image gives, shared by all its objects.

    Attributes:
        key: (B, C, h, w).
        value: (B, D, h, w), what the decoder takes beside the values that were read.
        s16, s8, s4: Features at strides 16, 8 and 4, for the decoder's skips and the memory encoder.
    """

    key: Tensor
    value: Tensor
    s16: Tensor
    s8: Tensor
    s4: Tensor

    def frame(self, index: int, num_frames: int) -> QueryFeatures:
        """Features of one frame of each clip, where the batch is clips times frames in that order."""
        parts = (self.key, self.value, self.s16, self.s8, self.s4)
        return QueryFeatures(*(part.unflatten(0, (-1, num_frames))[:, index] for part in parts))


@dataclass(frozen=True)
class MemoryFeatures:
    """A frame and its masks, encoded for the memory.

    Attributes:
        key: (B, C, h, w) where objects share the key of their image, (M, C, h, w) where each has its own.
        value: (M, V, h, w).
    """

    key: Tensor
    value: Tensor


class Network(Protocol):
    """The three passes of a space-time-memory network.

    Attributes:
        has_object_keys: Whether each object has memory keys of its own (STM), or shares those of its image (STCN).
    """

    has_object_keys: bool

    def encode_query(self, image: Tensor) -> QueryFeatures:
        """Args: image (B, 3, H, W) RGB in 0..1."""
        ...

    def encode_memory(
        self, image: Tensor, features: QueryFeatures, masks: Tensor, others: Tensor, image_of_object: Tensor
    ) -> MemoryFeatures:
        """Encodes a frame with the masks of its objects.

        Args:
            image: (B, 3, H, W) RGB in 0..1.
            masks: (M, H, W) probability of each object, 0..1.
            others: (M, H, W) probability of all other objects of the same image together.
            image_of_object: (M,) row of the batch that each object lies in.
        """
        ...

    def decode(
        self, readout: Tensor, features: QueryFeatures, previous: Tensor | None, image_of_object: Tensor
    ) -> Tensor:
        """Decodes what was read from memory into logits (M, H, W).

        Args:
            readout: (M, V, h, w).
            previous: (M, H, W) probabilities at the frame before, or None where there is none.
        """
        ...


def sum_of_others(masks: Tensor, image_of_object: Tensor) -> Tensor:
    """(M, H, W): at each pixel the probabilities of the other objects of the same image, summed."""
    num_images = int(image_of_object.max()) + 1 if len(image_of_object) else 1
    totals = torch.zeros((num_images, *masks.shape[1:]), dtype=masks.dtype, device=masks.device)
    totals = totals.index_add(0, image_of_object, masks)
    return totals[image_of_object] - masks
