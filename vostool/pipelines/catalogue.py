"""The systems for people who choose among them: where they come from, what they cost, whether they can be used here."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vostool.errors import WeightsError
from vostool.pipelines.costs import Cost, system_cost
from vostool.systems import System, list_systems
from vostool.weights.store import find_weights


@dataclass(frozen=True)
class SystemDescription:
    """One system for people who choose.

    Attributes:
        weights: File of weights that would be used; None if there is none.
    """

    system: System
    cost: Cost
    weights: Path | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        system, memory = self.system, self.system.defaults
        return {
            "name": system.name,
            "title": system.title,
            "source": system.source,
            "memory": asdict(memory) if memory else None,
            "scales": system.scales,
            "weights": str(self.weights) if self.weights else None,
            "gmac": {name: value for name, value in self.cost.to_dict().items() if name != "parameters"},
            "parameters": self.cost.parameters,
        }

    def to_row(self) -> dict[str, str]:
        """Short texts for a table."""
        cost = self.cost
        reads = " + ".join(f"{gmac:.2f}{per}" for gmac, per in ((cost.read, ""), (cost.read_object, "/object")) if gmac)
        return {
            "system": self.system.name,
            "source": self.system.source,
            "parameters": f"{cost.parameters / 1e6:.2f} M",
            "frame": _figure(cost.frame),
            "object": _figure(cost.object),
            "further": _figure(cost.further_object),
            "remember": _figure(cost.memory_object),
            "read": reads or "-",
            "memory": _describe_memory(self.system),
            "weights": str(self.weights) if self.weights else "none here",
        }


def describe_systems() -> list[SystemDescription]:
    """All systems with their costs, and the weights that would be used."""
    return [SystemDescription(system, system_cost(system.name), _weights_of(system.name)) for system in list_systems()]


def _weights_of(name: str) -> Path | None:
    try:
        return find_weights(name)
    except WeightsError:
        return None


def _figure(gmac: float) -> str:
    return f"{gmac:.1f}" if gmac else "-"


def _describe_memory(system: System) -> str:
    memory = system.defaults
    if memory is None:
        return "reference frame"
    reads = f"top {memory.top_k}" if memory.top_k else "dense"
    kept = f"{memory.memory} of {memory.memory_frames:g}" if memory.memory == "lfu" else memory.memory
    return f"{kept}, {reads}{', previous' if memory.temporary_previous else ''}"
