"""Soft aggregation of objects that were segmented each on its own.

Shapes: K objects; probabilities may have leading batch dimensions.
"""

from __future__ import annotations

import torch
from torch import Tensor

# STM and STCN: keeps the logits finite; in float32 they lie in -16.118..15.942.
PROBABILITY_MARGIN = 1e-7


def aggregate_logits(probabilities: Tensor) -> Tensor:
    """Logits over background and objects (STM, equation 3): softmax over them gives the aggregated probabilities.

    The background is what no object claims: the product of the complements.

    Args:
        probabilities: (..., K, H, W) in 0..1, each object's own.

    Returns:
        (..., K+1, H, W) float32, channel 0 background.
    """
    objects = probabilities.float()
    background = (1.0 - objects).prod(dim=-3, keepdim=True)
    claims = torch.cat([background, objects], dim=-3).clamp(PROBABILITY_MARGIN, 1.0 - PROBABILITY_MARGIN)
    return torch.log(claims / (1.0 - claims))


def aggregate(probabilities: Tensor) -> Tensor:
    """(..., K, H, W) each object's own probability to (..., K+1, H, W) that sum to 1, row 0 background."""
    return aggregate_logits(probabilities).softmax(dim=-3)
