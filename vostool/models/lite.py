"""``lite``: the shipped network, shaped like STCN and made to be small and fast.

Keys come from the image alone, so that one affinity serves all objects (STCN, section 3.1). A memory value carries,
beside learned channels, the mask itself as area means over 4x4 cells of each stride-16 position; read from memory and
put back in place they are a mask at stride 4, which the decoder refines. The untrained network is therefore already
label propagation by ImageNet features. As in SCM (section 2.1) the mask of the frame before is a prior, here an input
of the decoder.

Shapes: B images, M objects, H, W padded size, h, w at stride 16, C key channels, V value channels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from vostool.models.blocks.residual import ResidualBlock, UpsampleBlock
from vostool.models.blocks.resnet import ResNet18Stride16, normalise
from vostool.models.network import MemoryFeatures, QueryFeatures

CELLS_PER_SIDE = 4
NUM_CELLS = CELLS_PER_SIDE**2
# Probabilities are kept this far from 0 and 1 before the logit, so that a confident readout can still be overruled.
LOGIT_MARGIN = 0.01


@dataclass(frozen=True)
class LiteConfig:
    """Widths of the network.

    Attributes:
        key_channels: C, channels of keys and queries.
        learned_channels: Channels of a memory value beside the mask cells.
        decoder_channels: Widths at strides 16, 8 and 4.
    """

    key_channels: int = 64
    learned_channels: int = 128
    decoder_channels: tuple[int, int, int] = (192, 96, 64)

    @property
    def value_channels(self) -> int:
        """V: learned channels and mask cells."""
        return self.learned_channels + NUM_CELLS

    def to_dict(self) -> dict[str, object]:
        """Plain values, for the metadata of a checkpoint."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LiteConfig:
        """The way back; JSON knows no tuples."""
        widths = tuple(values.get("decoder_channels", cls.decoder_channels))
        return cls(**{**values, "decoder_channels": widths})


def mask_cells(masks: Tensor) -> Tensor:
    """(M, H, W) probabilities to (M, 16, H/16, W/16): area means of the 4x4 cells of each stride-16 position."""
    quarter = functional.avg_pool2d(masks[:, None], 4)
    return functional.pixel_unshuffle(quarter, CELLS_PER_SIDE)


class MaskStem(nn.Module):
    """Convolutions from (RGB, mask, others) at full size to features at stride 16."""

    def __init__(self, out_channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(5, 32, 7, 2, 3), nn.ReLU(),
            nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(64, 96, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(96, out_channels, 3, 2, 1), nn.ReLU(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class LiteDecoder(nn.Module):
    """From what was read and the image's features to logits at stride 4."""

    def __init__(self, config: LiteConfig) -> None:
        super().__init__()
        wide, middle, narrow = config.decoder_channels
        self.compress = ResidualBlock(config.value_channels + 256 + NUM_CELLS, wide)
        self.up_s8 = UpsampleBlock(128, wide, middle)
        self.up_s4 = UpsampleBlock(64, middle, narrow)
        self.predict = nn.Conv2d(narrow + 1, 1, 3, padding=1)
        self._start_as_label_propagation()

    def _start_as_label_propagation(self) -> None:
        nn.init.normal_(self.predict.weight, std=1e-3)
        self.predict.bias = nn.Parameter(torch.zeros(1))
        with torch.no_grad():
            self.predict.weight[0, -1, 1, 1] = 1.0

    def forward(self, readout: Tensor, prior: Tensor, features: QueryFeatures, image_of_object: Tensor) -> Tensor:
        x = self.compress(torch.cat([readout, features.value[image_of_object], prior], dim=1))
        x = self.up_s8(features.s8, x, image_of_object)
        x = self.up_s4(features.s4, x, image_of_object)
        propagated = functional.pixel_shuffle(readout[:, -NUM_CELLS:], CELLS_PER_SIDE)
        propagated = torch.logit(propagated.float(), eps=LOGIT_MARGIN).to(x.dtype)
        return self.predict(torch.cat([functional.relu(x), propagated], dim=1))


class LiteNetwork(nn.Module):
    """Key encoder, memory encoder and decoder of ``lite``."""

    has_object_keys = False

    def __init__(self, config: LiteConfig | None = None) -> None:
        super().__init__()
        self.config = config or LiteConfig()
        self.backbone = ResNet18Stride16()
        self.key_projection = nn.Conv2d(256, self.config.key_channels, 3, padding=1)
        self.mask_stem = MaskStem(128)
        self.fuser = ResidualBlock(256 + 128, self.config.learned_channels)
        self.decoder = LiteDecoder(self.config)
        self._start_key_as_projection()

    def _start_key_as_projection(self) -> None:
        """An orthogonal map of each position's own features: neighbours and scale are left to training."""
        self.key_projection.bias = nn.Parameter(torch.zeros(self.config.key_channels))
        nn.init.zeros_(self.key_projection.weight)
        centre = torch.empty(self.config.key_channels, 256)
        nn.init.orthogonal_(centre)
        with torch.no_grad():
            self.key_projection.weight[:, :, 1, 1] = 2.0 * centre

    def encode_query(self, image: Tensor) -> QueryFeatures:
        """See ``Network.encode_query``."""
        s16, s8, s4 = self.backbone(normalise(image))
        return QueryFeatures(self.key_projection(s16), s16, s16, s8, s4)

    def encode_memory(
        self, image: Tensor, features: QueryFeatures, masks: Tensor, others: Tensor, image_of_object: Tensor
    ) -> MemoryFeatures:
        """See ``Network.encode_memory``; V is ``config.value_channels``."""
        planes = torch.stack([masks, others], dim=1)
        stem = self.mask_stem(torch.cat([normalise(image)[image_of_object], planes], dim=1))
        learned = self.fuser(torch.cat([features.s16[image_of_object], stem], dim=1))
        return MemoryFeatures(features.key, torch.cat([learned, mask_cells(masks)], dim=1))

    def decode(
        self, readout: Tensor, features: QueryFeatures, previous: Tensor | None, image_of_object: Tensor
    ) -> Tensor:
        """See ``Network.decode``."""
        prior = self._prior(readout, previous)
        logits_s4 = self.decoder(readout, prior, features, image_of_object)
        logits = functional.interpolate(logits_s4, scale_factor=4, mode="bilinear", align_corners=False)
        return logits[:, 0]

    @staticmethod
    def _prior(readout: Tensor, previous: Tensor | None) -> Tensor:
        """Mask cells of the previous frame in -1..1; zero, which is neither, where nothing is known."""
        if previous is None:
            return readout.new_zeros((readout.shape[0], NUM_CELLS, *readout.shape[2:]))
        return 2.0 * mask_cells(previous) - 1.0
