"""How true the polygons of an export are to the masks that they were made of."""

from __future__ import annotations

from vostool.video.masks.polygons import Tracing

# Below this a polygon is worth a word.
LOW_IOU = 0.97


class Fidelity:
    """Counts masks whose polygons lie off; constant in memory."""

    def __init__(self) -> None:
        self._num_masks, self._num_low, self._lowest = 0, 0, 1.0

    def add(self, tracing: Tracing) -> None:
        """Take in the polygons of one object of one frame."""
        self._num_masks += 1
        self._num_low += tracing.iou < LOW_IOU
        self._lowest = min(self._lowest, tracing.iou)

    def warnings(self) -> list[str]:
        """A line if any lay off."""
        if not self._num_low:
            return []
        found = f"{self._num_low} of {self._num_masks} masks do not fit into polygons, the worst with an IoU of"
        return [f"{found} {self._lowest:.2f}: --export coco or davis keeps them exactly"]
