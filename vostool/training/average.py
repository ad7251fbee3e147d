"""Exponential moving average of the weights that are trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class WeightAverage:
    """Follows the trained weights of a network; young averages follow faster, so that the start is soon forgotten.

    Args:
        network: Parameters that need no gradient are not averaged: they stay as they are.
        decay: Share of the average that an update keeps; 0 for no average, the weights themselves.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._network = network
        self._decay = decay
        self._num_updates = 0
        trained = {name: value for name, value in network.named_parameters() if value.requires_grad and decay}
        self._averages = {name: value.detach().clone() for name, value in trained.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Takes one step towards the network's weights."""
        self._num_updates += 1
        if not self._averages:
            return
        decay = min(self._decay, (1 + self._num_updates) / (10 + self._num_updates))
        trained = dict(self._network.named_parameters())
        move = get_ema_multi_avg_fn(decay)
        move(list(self._averages.values()), [trained[name].detach() for name in self._averages], None)

    @property
    def weights(self) -> dict[str, Tensor]:
        """State dict of the network with the averages in place of the weights that they follow."""
        return {name: value.detach() for name, value in self._network.state_dict().items()} | self._averages

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"averages": self._averages, "num_updates": self._num_updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a checkpoint of the same network."""
        for name, value in self._averages.items():
            value.copy_(state["averages"][name])
        self._num_updates = int(state["num_updates"])
