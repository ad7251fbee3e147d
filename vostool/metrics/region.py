"""Region similarity J: the intersection of two masks over their union."""

from __future__ import annotations

import numpy as np


def jaccard(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union of two masks.

    Args:
        prediction: HxW bool.
        truth: HxW bool, of the same shape.

    Returns:
        J in 0..1; 1 if both masks are empty.
    """
    assert prediction.shape == truth.shape
    assert prediction.dtype == truth.dtype == np.bool_
    union = int(np.count_nonzero(prediction | truth))
    return int(np.count_nonzero(prediction & truth)) / union if union else 1.0
