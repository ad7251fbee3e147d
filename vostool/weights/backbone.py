"""ImageNet weights into the encoders of a network: torchvision's names, or those that the systems' papers used.

An encoder is whatever has ``conv1`` and stages ``layer1`` ... or ``res2`` ... under one name; the stages of the two
styles are the same ones, counted from another number.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from vostool.errors import WeightsError
from vostool.weights.checkpoint import read_checkpoint
from vostool.weights.layout import COUNTER_SUFFIX

_INSIDE = re.compile(r"(?:^|\.)((?:conv1|bn1|layer\d|res\d)\..+)$")
_STAGE = re.compile(r"^res(\d)")
_FIRST_STAGE = "layer1."


def apply_backbone(network: nn.Module, path: Path) -> tuple[str, ...]:
    """Copies ImageNet weights into every encoder that they fit whole.

    A first convolution that takes more than the three colours keeps its own weights for the others. Biases that the
    file's convolutions do not have are zero.

    Returns:
        Names of the encoders.

    Raises:
        WeightsError: The file cannot be read, or fits no encoder.
    """
    stored = read_checkpoint(path).tensors
    fitting = {
        encoder: names for encoder, names in _encoders(network.state_dict()).items() if _fits(network, names, stored)
    }
    if not fitting:
        known = ", ".join(_encoders(network.state_dict())) or "none"
        raise WeightsError(
            f"the backbone {path} fits no encoder of the network ({known})",
            "give ImageNet weights of the very backbone, with torchvision's names",
            code="weights.mismatch",
        )
    state = network.state_dict()
    with torch.no_grad():
        for names in fitting.values():
            for name, source in names.items():
                _copy(state[name], stored.get(source))
    return tuple(fitting)


def _encoders(state: Mapping[str, Tensor]) -> dict[str, dict[str, str]]:
    """By encoder: its names in the network and what torchvision calls them."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for name in state:
        match = _INSIDE.search(name)
        if match and not name.endswith(COUNTER_SUFFIX):
            plain = _STAGE.sub(lambda stage: f"layer{int(stage[1]) - 1}", match[1])
            found[name[: match.start(1)].rstrip(".")][name] = plain
    return {encoder: names for encoder, names in found.items() if _has_stages(names)}


def _has_stages(names: Mapping[str, str]) -> bool:
    return any(plain.startswith(_FIRST_STAGE) for plain in names.values())


def _fits(network: nn.Module, names: Mapping[str, str], stored: Mapping[str, Tensor]) -> bool:
    state = network.state_dict()
    wanted = {source: state[name].shape for name, source in names.items() if not _is_bias_alone(source, stored)}
    return all(source in stored and _is_same(shape, stored[source].shape) for source, shape in wanted.items())


def _is_bias_alone(source: str, stored: Mapping[str, Tensor]) -> bool:
    """Whether it is the bias of a convolution that is stored without one (STCN's value encoder has such)."""
    weight = stored.get(source.removesuffix(".bias") + ".weight")
    return source.endswith(".bias") and source not in stored and weight is not None and weight.dim() == 4


def _is_same(own: torch.Size, given: torch.Size) -> bool:
    """Equal, or a first convolution that takes more planes than those of a picture."""
    return own == given or (len(own) == len(given) == 4 and given[1] == 3 < own[1] and own[::2] == given[::2])


def _copy(own: Tensor, given: Tensor | None) -> None:
    if given is None:
        own.zero_()
        return
    target = own if own.shape == given.shape else own[:, : given.shape[1]]
    target.copy_(given)
