"""STM, the space-time memory network (Oh et al., ICCV 2019, section 3), under the names of its published weights.

Where the paper and seoungwugoh/STM:model.py differ this follows the code: the memory encoder sees a plane of the other
objects beside the mask, and the affinity is scaled by the root of the key's channels.

Networks that descend from STM exchange parts and keep the rest: `Backbone` is what an encoder runs on, `KeyValue`,
`Refine` and `Decoder` take their widths, and `StmNetwork` takes a maker of backbones and the decoder's input width. A
subclass that puts something between the memory read and the decoder overrides `StmNetwork.decoder_input`; one with
another head overrides `StmNetwork.decode`.

Shapes: B images, M objects over all of them, H, W padded size (multiples of 16), h, w at stride 16, C key channels,
V value channels, D channels of the decoder's input.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from vostool.models.blocks.bottleneck import resnet50_stage
from vostool.models.blocks.residual import WideResidualBlock
from vostool.models.blocks.resnet import IMAGENET_MEAN, IMAGENET_STD, Pyramid
from vostool.models.network import MemoryFeatures, QueryFeatures

KEY_CHANNELS = 128
VALUE_CHANNELS = 512
DECODER_CHANNELS = 256
# Of the stages that end at strides 16, 8 and 4, in any of the residual networks with bottlenecks.
S16_CHANNELS, S8_CHANNELS, S4_CHANNELS = 1024, 512, 256


@dataclass(frozen=True)
class Backbone:
    """The parts of a residual network to stride 16, which an encoder takes over under STM's names.

    Attributes:
        conv1: Image to `stem_channels` at stride 2, before the batch norm `bn1`; masks are added in between.
        res2, res3, res4: To 256, 512 and 1024 channels at strides 4, 8 and 16; a max-pool stands before res2.
        refinement: What is done to the features at stride 16 before anything uses them.
    """

    conv1: nn.Module
    bn1: nn.Module
    res2: nn.Module
    res3: nn.Module
    res4: nn.Module
    refinement: nn.Module = field(default_factory=nn.Identity)
    stem_channels: int = 64


def resnet50_backbone() -> Backbone:
    """ResNet-50 without its last stage; torchvision's layer1 to layer3 are res2 to res4."""
    conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
    return Backbone(conv1, nn.BatchNorm2d(64), resnet50_stage(1), resnet50_stage(2), resnet50_stage(3))


class Encoder(nn.Module):
    """What both encoders share: normalisation, the first convolution of the image, and the stages.

    Batch norm uses its running statistics in training too (STM, section 3.5); its weights are trained.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.conv1, self.bn1 = backbone.conv1, backbone.bn1
        self.res2, self.res3, self.res4 = backbone.res2, backbone.res3, backbone.res4
        self.refinement = backbone.refinement
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))
        self.train()

    def train(self, mode: bool = True) -> Self:
        """Stays in evaluation mode, whichever is asked for."""
        del mode
        return super().train(False)

    def stem(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) RGB in 0..1 to (B, stem channels, H/2, W/2), before batch norm."""
        return self.conv1((image - self.mean) / self.std)

    def pyramid(self, stem: Tensor) -> Pyramid:
        """The stages, from the first convolution's output on."""
        x = functional.max_pool2d(functional.relu(self.bn1(stem)), 3, 2, 1)
        s4 = self.res2(x)
        s8 = self.res3(s4)
        return Pyramid(self.refinement(self.res4(s8)), s8, s4)


class QueryEncoder(Encoder):
    """STM's Encoder_Q: the image alone."""

    def forward(self, image: Tensor) -> Pyramid:
        """Args: image (B, 3, H, W) RGB in 0..1."""
        return self.pyramid(self.stem(image))


class MemoryEncoder(Encoder):
    """STM's Encoder_M: the image with the mask of an object and a plane of the others, neither normalised."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone)
        self.conv1_m = nn.Conv2d(1, backbone.stem_channels, 7, 2, 3, bias=False)
        self.conv1_o = nn.Conv2d(1, backbone.stem_channels, 7, 2, 3, bias=False)

    def forward(self, image: Tensor, masks: Tensor, others: Tensor, image_of_object: Tensor) -> Pyramid:
        """Args: image (B, 3, H, W) RGB in 0..1; masks, others (M, H, W) in 0..1; image_of_object (M,) rows."""
        planes = self.conv1_m(masks.unsqueeze(1)) + self.conv1_o(others.unsqueeze(1))
        return self.pyramid(self.stem(image)[image_of_object] + planes)


class KeyValue(nn.Module):
    """Two 3x3 convolutions of the features at stride 16 (STM, section 3.1)."""

    def __init__(
        self,
        in_channels: int = S16_CHANNELS,
        key_channels: int = KEY_CHANNELS,
        value_channels: int = VALUE_CHANNELS,
    ) -> None:
        super().__init__()
        self.Key = nn.Conv2d(in_channels, key_channels, 3, padding=1)
        self.Value = nn.Conv2d(in_channels, value_channels, 3, padding=1)

    def forward(self, s16: Tensor) -> tuple[Tensor, Tensor]:
        """Key (_, C, h, w) and value (_, V, h, w)."""
        return self.Key(s16), self.Value(s16)


class Refine(nn.Module):
    """Doubles the resolution and adds a skip connection (STM, section 3.3).

    The skip belongs to the image: its convolutions, more than half of the decoder's work, run once for all objects.
    """

    def __init__(self, skip_channels: int, width: int = DECODER_CHANNELS) -> None:
        super().__init__()
        self.convFS = nn.Conv2d(skip_channels, width, 3, padding=1)
        self.ResFS = WideResidualBlock(width, width)
        self.ResMM = WideResidualBlock(width, width)

    def forward(self, skip: Tensor, x: Tensor, image_of_object: Tensor) -> Tensor:
        """Args: skip (B, skip channels, 2h, 2w); x (M, width, h, w); image_of_object (M,) rows of the batch."""
        doubled = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return self.ResMM(self.ResFS(self.convFS(skip))[image_of_object] + doubled)


class Decoder(nn.Module):
    """From what was read to two channels, background and object, at stride 4 (STM, section 3.3)."""

    def __init__(self, in_channels: int = 2 * VALUE_CHANNELS, width: int = DECODER_CHANNELS) -> None:
        super().__init__()
        self.convFM = nn.Conv2d(in_channels, width, 3, padding=1)
        self.ResMM = WideResidualBlock(width, width)
        self.RF3 = Refine(S8_CHANNELS, width)
        self.RF2 = Refine(S4_CHANNELS, width)
        self.pred2 = nn.Conv2d(width, 2, 3, padding=1)

    def forward(self, x: Tensor, features: QueryFeatures, image_of_object: Tensor) -> Tensor:
        """(M, D, h, w) to (M, 2, 4h, 4w)."""
        return self.pred2(functional.relu(self.embed(x, features, image_of_object)))

    def embed(self, x: Tensor, features: QueryFeatures, image_of_object: Tensor) -> Tensor:
        """(M, D, h, w) to (M, width, 4h, 4w), what the last convolution takes after a ReLU."""
        x = self.ResMM(self.convFM(x))
        x = self.RF3(features.s8, x, image_of_object)
        return self.RF2(features.s4, x, image_of_object)


class StmNetwork(nn.Module):
    """The network whose weights seoungwugoh/STM publishes as STM_weights.pth, less the `module.` before its names.

    Args:
        make_backbone: Called once for each encoder; they share no weights.
        decoder_in_channels: D, 2V where `decoder_input` is not overridden.
    """

    has_object_keys = True

    def __init__(
        self,
        make_backbone: Callable[[], Backbone] = resnet50_backbone,
        decoder_in_channels: int = 2 * VALUE_CHANNELS,
    ) -> None:
        super().__init__()
        self.Encoder_M = MemoryEncoder(make_backbone())
        self.Encoder_Q = QueryEncoder(make_backbone())
        self.KV_M_r4 = KeyValue()
        self.KV_Q_r4 = KeyValue()
        self.Decoder = Decoder(decoder_in_channels)

    def encode_query(self, image: Tensor) -> QueryFeatures:
        """See ``Network.encode_query``; `value` is the query's own value, (B, V, h, w)."""
        s16, s8, s4 = self.Encoder_Q(image)
        key, value = self.KV_Q_r4(s16)
        return QueryFeatures(key, value, s16, s8, s4)

    def encode_memory(
        self, image: Tensor, features: QueryFeatures, masks: Tensor, others: Tensor, image_of_object: Tensor
    ) -> MemoryFeatures:
        """See ``Network.encode_memory``; each object has its own key. `features` is not used, `others` is clamped."""
        s16 = self.Encoder_M(image, masks, others.clamp(0, 1), image_of_object).s16
        key, value = self.KV_M_r4(s16)
        return MemoryFeatures(key, value)

    def decode(
        self, readout: Tensor, features: QueryFeatures, previous: Tensor | None, image_of_object: Tensor
    ) -> Tensor:
        """See ``Network.decode``; the sigmoid is the object's channel of the published code's softmax over two."""
        background, objects = self.decode_channels(readout, features, previous, image_of_object).unbind(1)
        return objects - background

    def decode_channels(
        self, readout: Tensor, features: QueryFeatures, previous: Tensor | None, image_of_object: Tensor
    ) -> Tensor:
        """The decoder's own output (M, 2, H, W): background, object; arguments as those of `decode`."""
        x = self.decoder_input(readout, features, previous, image_of_object)
        logits_s4 = self.Decoder(x, features, image_of_object)
        return functional.interpolate(logits_s4, scale_factor=4, mode="bilinear", align_corners=False)

    def decoder_input(
        self, readout: Tensor, features: QueryFeatures, previous: Tensor | None, image_of_object: Tensor
    ) -> Tensor:
        """(M, D, h, w) from what was read: here the value of the query beside it. `previous` is not used."""
        return torch.cat([readout, features.value[image_of_object]], dim=1)
