"""Soft aggregation of objects that were segmented each on its own.

Shapes: K objects; probabilities may have leading batch dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

# STM and STCN: keeps the logits finite; in float32 they lie in -16.118..15.942.
PROBABILITY_MARGIN = 1e-7


@dataclass(frozen=True)
class Prediction:
    """What a Segmenter says of one frame before the objects are aggregated.

    Attributes:
        objects: (K, h', w') probability of each object, each on its own.
        background: (h', w') probability of the background where a network predicts it (RGMP); None where it is what
            no object claims.
    """

    objects: Tensor
    background: Tensor | None = None

    @staticmethod
    def mean(predictions: Sequence[Prediction]) -> Prediction:
        """Averages predictions; the background only where all have one. One prediction is its own mean."""
        objects = torch.stack([each.objects for each in predictions]).mean(dim=0)
        backgrounds = [each.background for each in predictions if each.background is not None]
        if len(backgrounds) < len(predictions):
            return Prediction(objects)
        return Prediction(objects, torch.stack(backgrounds).mean(dim=0))


def aggregate_logits(probabilities: Tensor, background: Tensor | None = None, min_channels: int = 0) -> Tensor:
    """Logits over background and objects (STM, equation 3): softmax over them gives the aggregated probabilities.

    Args:
        probabilities: (..., K, H, W) in 0..1, each object's own.
        background: (..., H, W); None for what no object claims, the product of the complements.
        min_channels: There are at least so many channels; the surplus ones stand last and belong to no object.

    Returns:
        (..., K+1, H, W) float32, channel 0 background.
    """
    num_absent = max(0, min_channels - 1 - probabilities.shape[-3])
    objects = functional.pad(probabilities.float(), (0, 0, 0, 0, 0, num_absent))
    rest = (1.0 - objects).prod(dim=-3) if background is None else background.float()
    claims = torch.cat([rest.unsqueeze(-3), objects], dim=-3)
    claims = claims.clamp(PROBABILITY_MARGIN, 1.0 - PROBABILITY_MARGIN)
    return torch.log(claims / (1.0 - claims))


def aggregate(probabilities: Tensor, background: Tensor | None = None, min_channels: int = 0) -> Tensor:
    """(..., K, H, W) each object's own probability to (..., K+1, H, W) that sum to 1, row 0 background.

    Args:
        background: (..., H, W) as a network predicted it. One object with its background is aggregated already
            (RGMP, section 3.3: only several objects are normalised).
        min_channels: The softmax runs over at least so many channels, of which the surplus ones take up to 1e-7 each
            (STM:model.py always has 11).
    """
    num_objects = probabilities.shape[-3]
    if background is not None and num_objects == 1:
        return torch.cat([background.unsqueeze(-3), probabilities], dim=-3).float()
    logits = aggregate_logits(probabilities, background, min_channels)
    return logits.softmax(dim=-3).narrow(-3, 0, num_objects + 1)
