"""Exponential moving average of a network's weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WeightAverage:
    """Follows the trained weights of a network; young averages follow faster, so that the start is soon forgotten."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self._num_updates = 0
        self.weights: dict[str, Tensor] = {name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Takes one step towards the network's weights."""
        self._num_updates += 1
        decay = min(self._decay, (1 + self._num_updates) / (10 + self._num_updates))
        for name, value in network.state_dict().items():
            self.weights[name].lerp_(value, 1.0 - decay)

    def state_dict(self) -> dict[str, object]:
        """For a checkpoint."""
        return {"weights": self.weights, "num_updates": self._num_updates}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Continues from a checkpoint."""
        self.weights = state["weights"]  # type: ignore[assignment]
        self._num_updates = int(state["num_updates"])  # type: ignore[call-overload]
