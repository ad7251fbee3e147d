"""STCN (Cheng et al. 2021; repository hkchengrex/STCN): keys from the image alone, values from image and masks.

The thesis on adaptive memory (section 3.3) reads and writes its bank with this very network. Modules are named as in
the published weights, which load without renaming.

Shapes: B images, M objects, H, W padded size in pixels (multiples of 16), h, w the same at stride 16.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from vostool.models.blocks.biased_resnet18 import biased_resnet18_stage
from vostool.models.blocks.bottleneck import resnet50_stage
from vostool.models.blocks.cbam import Cbam
from vostool.models.blocks.residual import WideResidualBlock
from vostool.models.blocks.resnet import Pyramid, normalise
from vostool.models.network import MemoryFeatures, QueryFeatures

# STCN:model/network.py and model/modules.py.
KEY_CHANNELS = 64
VALUE_CHANNELS = 512
# What the memory encoder sees of an object: RGB, its mask, the masks of the others.
MEMORY_PLANES = 5
MEMORY_STEM = "value_encoder.conv1.weight"


class StcnKeyEncoder(nn.Module):
    """ResNet-50 to stride 16."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.res2 = resnet50_stage(1)
        self.layer2 = resnet50_stage(2)
        self.layer3 = resnet50_stage(3)

    def forward(self, image: Tensor) -> Pyramid:
        x = functional.relu(self.bn1(self.conv1(image)))
        s4 = self.res2(functional.max_pool2d(x, 3, 2, 1))
        s8 = self.layer2(s4)
        return Pyramid(self.layer3(s8), s8, s4)


class StcnFuser(nn.Module):
    """Joins what the memory encoder saw of an object with the features of its image."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.block1 = WideResidualBlock(in_channels, out_channels)
        self.attention = Cbam(out_channels)
        self.block2 = WideResidualBlock(out_channels, out_channels)

    def forward(self, own: Tensor, shared: Tensor) -> Tensor:
        x = self.block1(torch.cat([own, shared], dim=1))
        return self.block2(x + self.attention(x))


class StcnValueEncoder(nn.Module):
    """ResNet-18 to stride 16 over image and masks, then the fuser."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(MEMORY_PLANES, 64, 7, 2, 3)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = biased_resnet18_stage(1)
        self.layer2 = biased_resnet18_stage(2)
        self.layer3 = biased_resnet18_stage(3)
        self.fuser = StcnFuser(256 + 1024, VALUE_CHANNELS)

    def forward(self, planes: Tensor, s16: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(planes)))
        x = self.layer1(functional.max_pool2d(x, 3, 2, 1))
        return self.fuser(self.layer3(self.layer2(x)), s16)


class StcnKeyProjection(nn.Module):
    """3x3 convolution to keys; it starts orthogonal (STCN:model/modules.py)."""

    def __init__(self) -> None:
        super().__init__()
        self.key_proj = nn.Conv2d(1024, KEY_CHANNELS, 3, padding=1)
        nn.init.orthogonal_(self.key_proj.weight)
        self.key_proj.bias = nn.Parameter(torch.zeros(KEY_CHANNELS))

    def forward(self, x: Tensor) -> Tensor:
        return self.key_proj(x)


class StcnUpsampleBlock(nn.Module):
    """Doubles the resolution, adds the skip connection of the image and refines."""

    def __init__(self, skip_channels: int, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.skip_conv = nn.Conv2d(skip_channels, in_channels, 3, padding=1)
        self.out_conv = WideResidualBlock(in_channels, out_channels)

    def forward(self, skip: Tensor, x: Tensor, image_of_object: Tensor) -> Tensor:
        doubled = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return self.out_conv(doubled + self.skip_conv(skip)[image_of_object])


class StcnDecoder(nn.Module):
    """From what was read and the image's features to one logit at stride 4."""

    def __init__(self) -> None:
        super().__init__()
        self.compress = WideResidualBlock(2 * VALUE_CHANNELS, 512)
        self.up_16_8 = StcnUpsampleBlock(512, 512, 256)
        self.up_8_4 = StcnUpsampleBlock(256, 256, 256)
        self.pred = nn.Conv2d(256, 1, 3, padding=1)

    def forward(self, readout: Tensor, features: QueryFeatures, image_of_object: Tensor) -> Tensor:
        x = self.compress(torch.cat([readout, features.value[image_of_object]], dim=1))
        x = self.up_16_8(features.s8, x, image_of_object)
        x = self.up_8_4(features.s4, x, image_of_object)
        return self.pred(functional.relu(x))


class StcnNetwork(nn.Module):
    """Key encoder, value encoder and decoder of STCN; values have 512 channels."""

    has_object_keys = False

    def __init__(self) -> None:
        super().__init__()
        self.key_encoder = StcnKeyEncoder()
        self.value_encoder = StcnValueEncoder()
        self.key_proj = StcnKeyProjection()
        self.key_comp = nn.Conv2d(1024, VALUE_CHANNELS, 3, padding=1)
        self.decoder = StcnDecoder()

    def encode_query(self, image: Tensor) -> QueryFeatures:
        """See ``Network.encode_query``; the value is what STCN calls f16_thin, (B, 512, h, w)."""
        s16, s8, s4 = self.key_encoder(normalise(image))
        return QueryFeatures(self.key_proj(s16), self.key_comp(s16), s16, s8, s4)

    def encode_memory(
        self, image: Tensor, features: QueryFeatures, masks: Tensor, others: Tensor, image_of_object: Tensor
    ) -> MemoryFeatures:
        """See ``Network.encode_memory``; ``others`` may exceed 1 where objects overlap, as in the published code."""
        planes = torch.stack([masks, others], dim=1)
        planes = torch.cat([normalise(image)[image_of_object], planes], dim=1)
        return MemoryFeatures(features.key, self.value_encoder(planes, features.s16[image_of_object]))

    def decode(
        self, readout: Tensor, features: QueryFeatures, previous: Tensor | None, image_of_object: Tensor
    ) -> Tensor:
        """See ``Network.decode``; the mask before is not looked at."""
        logits_s4 = self.decoder(readout, features, image_of_object)
        logits = functional.interpolate(logits_s4, scale_factor=4, mode="bilinear", align_corners=False)
        return logits[:, 0]


def adapt_single_object(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the published first stage, which knew one object, made to fit this network.

    Their memory encoder has no plane for the other objects and gets one of weight zero, as in the published evaluation
    (STCN:eval_davis.py). Other weights come back as they are.

    Args:
        state: Names as in the published files; ``value_encoder.conv1.weight`` is (64, 4, 7, 7) or (64, 5, 7, 7).
    """
    adapted = dict(state)
    stem = adapted.get(MEMORY_STEM)
    if stem is not None and stem.shape[1] == MEMORY_PLANES - 1:
        adapted[MEMORY_STEM] = torch.cat([stem, torch.zeros_like(stem[:, :1])], dim=1)
    return adapted
