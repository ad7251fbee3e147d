"""One segmenter for many clips, so that a network is loaded once."""

from __future__ import annotations

from typing import Any

from vostool.propagation.segmenter import Segmenter
from vostool.systems import build_segmenter


class SegmenterCache:
    """Keeps the segmenter that was made last, which forgets a clip when another begins."""

    def __init__(self) -> None:
        self._key: object = None
        self._segmenter: Segmenter | None = None

    def make(self, *arguments: Any, prepare: Any = None, **named: Any) -> Segmenter:
        """What ``build_segmenter`` makes of the same arguments; a network that is fine-tuned is never kept."""
        if prepare is not None:
            return build_segmenter(*arguments, prepare=prepare, **named)
        key = (arguments, tuple(sorted(named.items())))
        if self._segmenter is None or key != self._key:
            self._segmenter = None  # Two of them may not fit.
            self._segmenter, self._key = build_segmenter(*arguments, **named), key
        return self._segmenter
