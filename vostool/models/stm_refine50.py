"""STM with the backbone Refine-50, in a form of our own.

The paper that names it (the refinements of STM for YouTube-VOS 2019, section 2) says of Refine-50 no more than that it
"can well handle the scale variant cases", and no code or weights of it are public. Ours keeps what it must: ResNet-50
under STM's names, so that ImageNet's and STM's weights load, and an aim at changes of scale. Each encoder ends in a
`ScaleContext`, which sees every position through windows of three sizes and the whole picture: what is matched between
frames is then not tied to one size of the object. Parallel dilations and a pooled branch are the usual means to that
(DeepLab's ASPP), and SCM (section 2.2) puts dilations into STM a year later, for objects that change in size. They
stand in the encoders because the paper changes the backbone, and start as an identity: training begins at STM itself.
"""

from __future__ import annotations

from dataclasses import replace

from vostool.models.blocks.scale_context import ScaleContext
from vostool.models.stm import S16_CHANNELS, Backbone, StmNetwork, resnet50_backbone

# An eighth of the features' channels: 7 % more multiplications in an encoder, 2 % in a frame with one object.
CONTEXT_CHANNELS = 128


def refine50_backbone() -> Backbone:
    """ResNet-50 to stride 16, refined by context at several scales."""
    return replace(resnet50_backbone(), refinement=ScaleContext(S16_CHANNELS, CONTEXT_CHANNELS))


class StmRefine50Network(StmNetwork):
    """STM whose two encoders are Refine-50; its own weights are Encoder_M.refinement.* and Encoder_Q.refinement.*."""

    def __init__(self) -> None:
        super().__init__(refine50_backbone)
