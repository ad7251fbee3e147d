"""RGMP, mask propagation guided by a reference (Oh et al., CVPR 2018, section 3.1), under its published names.

There is no memory to read: the encoder sees a frame together with a mask, and the decoder compares the deepest features
of the frame, guided by the mask of the frame before, with those of the reference frame and its true mask. Everything is
done per object. Where the paper and seoungwugoh/RGMP:model.py differ this follows the code.

Shapes: B images, M objects over all of them, H, W padded size (multiples of 32).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from vostool.models.blocks.bottleneck import resnet50_stage
from vostool.models.blocks.global_convolution import GlobalConvolution
from vostool.models.blocks.resnet import IMAGENET_MEAN, IMAGENET_STD

DECODER_CHANNELS = 256


class GuidedPyramid(NamedTuple):
    """Features of objects, each seen with its mask, at strides 32, 16, 8 and 4: (M, channels, H / stride, W / stride).

    What is kept of a reference frame is `s32`.
    """

    s32: Tensor
    s16: Tensor
    s8: Tensor
    s4: Tensor


@dataclass(frozen=True)
class ChannelLogits:
    """What the decoder says, with two channels each: background, object.

    Attributes:
        full: (M, 2, H, W).
        heads: (M, 2, H / stride, W / stride) at strides 4, 8, 16 and 32; `full` is the first, enlarged. The others are
            for deep supervision only.
    """

    full: Tensor
    heads: tuple[Tensor, Tensor, Tensor, Tensor]

    @property
    def objects(self) -> Tensor:
        """(M, H, W) one logit per object: its sigmoid is the object's channel of the softmax over the two."""
        background, objects = self.full.unbind(1)
        return objects - background


class ReferenceNetwork(Protocol):
    """The two passes of a network that compares each frame with a reference frame."""

    def encode(self, image: Tensor, masks: Tensor, image_of_object: Tensor) -> GuidedPyramid:
        """Encodes objects of a frame; the same for reference and target.

        Args:
            image: (B, 3, H, W) RGB in 0..1.
            masks: (M, H, W) in 0..1: the true masks of a reference, the masks of the frame before for a target.
            image_of_object: (M,) row of the batch that each object lies in.
        """
        ...

    def decode(self, features: GuidedPyramid, reference_s32: Tensor) -> ChannelLogits:
        """Args: features of the target; reference_s32 (M, 2048, H/32, W/32) `s32` of the objects' references."""
        ...


class Encoder(nn.Module):
    """ResNet-50 to stride 32 whose first convolution sees a mask as well, shared by reference and target.

    Batch norm is frozen, its weights too (RGMP:model.py), and uses its running statistics in training.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv1_p = nn.Conv2d(1, 64, 7, 2, 3)
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.res2, self.res3, self.res4, self.res5 = (resnet50_stage(number) for number in range(1, 5))
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> Self:
        """Stays in evaluation mode, whichever is asked for."""
        del mode
        return super().train(False)

    def forward(self, image: Tensor, masks: Tensor, image_of_object: Tensor) -> GuidedPyramid:
        """See ``ReferenceNetwork.encode``."""
        stem = self.conv1((image - self.mean) / self.std)[image_of_object] + self.conv1_p(masks.unsqueeze(1))
        s4 = self.res2(functional.max_pool2d(functional.relu(self.bn1(stem)), 3, 2, 1))
        s8 = self.res3(s4)
        s16 = self.res4(s8)
        return GuidedPyramid(self.res5(s16), s16, s8, s4)


class Enlarge(nn.Module):
    """Bilinear enlargement by a whole factor; has no weights."""

    def __init__(self, factor: int, align_corners: bool) -> None:
        super().__init__()
        self.factor = factor
        self.align_corners = align_corners

    def forward(self, x: Tensor) -> Tensor:
        return functional.interpolate(x, scale_factor=self.factor, mode="bilinear", align_corners=self.align_corners)


class Refine(nn.Module):
    """Doubles the resolution and adds a skip connection, with a residual before and one after (figure 2)."""

    def __init__(self, skip_channels: int, width: int, align_corners: bool) -> None:
        super().__init__()
        self.convFS1 = nn.Conv2d(skip_channels, width, 3, padding=1)
        self.convFS2 = nn.Conv2d(width, width, 3, padding=1)
        self.convFS3 = nn.Conv2d(width, width, 3, padding=1)
        self.convMM1 = nn.Conv2d(width, width, 3, padding=1)
        self.convMM2 = nn.Conv2d(width, width, 3, padding=1)
        self.enlarge = Enlarge(2, align_corners)

    def forward(self, skip: Tensor, x: Tensor) -> Tensor:
        """Args: skip (M, skip channels, 2h, 2w); x (M, width, h, w)."""
        skip = _with_residual(self.convFS1(skip), self.convFS2, self.convFS3)
        return _with_residual(skip + self.enlarge(x), self.convMM1, self.convMM2)


class Decoder(nn.Module):
    """From the features of target and reference to two channels, background and object (section 3.1)."""

    def __init__(self, align_corners: bool, width: int = DECODER_CHANNELS) -> None:
        super().__init__()
        self.GC = GlobalConvolution(2 * 2048, width)
        self.convG1 = nn.Conv2d(width, width, 3, padding=1)
        self.convG2 = nn.Conv2d(width, width, 3, padding=1)
        self.RF4 = Refine(1024, width, align_corners)
        self.RF3 = Refine(512, width, align_corners)
        self.RF2 = Refine(256, width, align_corners)
        self.pred5, self.pred4, self.pred3, self.pred2 = (nn.Conv2d(width, 2, 3, padding=1) for _ in range(4))
        self.enlarge = Enlarge(4, align_corners)

    def forward(self, features: GuidedPyramid, reference_s32: Tensor) -> ChannelLogits:
        """See ``ReferenceNetwork.decode``."""
        compared = self.GC(torch.cat([features.s32, reference_s32], dim=1))
        m5 = _with_residual(compared, self.convG1, self.convG2)
        m4 = self.RF4(features.s16, m5)
        m3 = self.RF3(features.s8, m4)
        m2 = self.RF2(features.s4, m3)
        p2, p3 = self.pred2(functional.relu(m2)), self.pred3(functional.relu(m3))
        p4, p5 = self.pred4(functional.relu(m4)), self.pred5(functional.relu(m5))
        return ChannelLogits(self.enlarge(p2), (p2, p3, p4, p5))


def _with_residual(x: Tensor, first: nn.Conv2d, second: nn.Conv2d) -> Tensor:
    """The pre-activation residual block; its convolutions are members of what it stands in, by published name."""
    return x + second(functional.relu(first(functional.relu(x))))


class RgmpNetwork(nn.Module):
    """The network whose weights seoungwugoh/RGMP publishes as weights.pth, less the `module.` before its names.

    Args:
        align_corners: How maps are enlarged. The published numbers were made under PyTorch 0.3.1, where bilinear
            upsampling aligned the corners; from 0.4 on the same lines of code do not.
    """

    def __init__(self, align_corners: bool = True) -> None:
        super().__init__()
        self.Encoder = Encoder()
        self.Decoder = Decoder(align_corners)

    def encode(self, image: Tensor, masks: Tensor, image_of_object: Tensor) -> GuidedPyramid:
        """See ``ReferenceNetwork.encode``."""
        return self.Encoder(image, masks, image_of_object)

    def decode(self, features: GuidedPyramid, reference_s32: Tensor) -> ChannelLogits:
        """See ``ReferenceNetwork.decode``."""
        return self.Decoder(features, reference_s32)
