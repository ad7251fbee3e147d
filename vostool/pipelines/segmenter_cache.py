"""Segmenters for several clips, whose networks are loaded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from vostool.propagation.device import resolve_device, resolve_precision
from vostool.propagation.ensemble import ensemble as average
from vostool.propagation.segmenter import Segmenter
from vostool.systems import System, find_members, load_network, make_segmenter


class SegmenterCache:
    """Called like ``build_segmenter``, and gives what that gives; networks stay in memory until ``clear``.

    A file of weights that has changed is loaded again.
    """

    def __init__(self) -> None:
        self._networks: dict[tuple[Any, ...], Any] = {}

    def __call__(
        self,
        name: str = "lite",
        weights: str | Path | None = None,
        device: str = "auto",
        *,
        precision: str = "auto",
        flip: bool = False,
        scales: Sequence[float] = (),
        ensemble: Sequence[str | Path] = (),
        prepare: Callable[[System, Any], Any] | None = None,
        **overrides: Any,
    ) -> Segmenter:
        """See ``build_segmenter``; ``prepare`` must make copies."""
        target = resolve_device(device)
        dtype = resolve_precision(precision, target)
        members = []
        for system, path in find_members(name, weights, ensemble):
            network = self._load(system, path, target)
            network = prepare(system, network) if prepare else network
            members.append(make_segmenter(system, network, target, dtype, flip=flip, scales=scales, **overrides))
        return average(members)

    def clear(self) -> None:
        """Frees what nobody else uses."""
        self._networks.clear()

    def _load(self, system: System, path: Path, device: torch.device) -> Any:
        status = path.stat()
        key = (system.name, path.resolve(), status.st_mtime_ns, status.st_size, device)
        if key not in self._networks:
            self._networks[key] = load_network(system, path).to(device)
        return self._networks[key]
